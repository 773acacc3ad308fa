"""The one table of properties: a sentence, a check, and the cases that it is tried on."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from mockserver.harness.fuzz import edge_cases, examples, fault_checks, request_checks, response_checks
from mockserver.harness.fuzz.case import Case
from mockserver.harness.fuzz.client_profile import Ground
from mockserver.harness.fuzz.examples import legal
from mockserver.harness.fuzz.executor import Observation
from mockserver.harness.fuzz.failure import Failure

Check = Callable[[Case, Observation], Iterator[Failure]]
Sweep = Callable[[Ground], Iterator[Case]]


@dataclass(frozen=True)
class Property:
    """One row: `id`, its `side`, a `sentence`, a `check`, the `sweep` of cases that are always tried, and the name of
    the strategy of `drawn` that gives more, if there is one."""

    id: str
    side: Literal["request", "response", "faults"]
    sentence: str
    check: Check
    sweep: Sweep
    strategy: str | None = None


def _asked(name: str, sentence: str, check: Check) -> Property:
    return Property(f"request-{name}", "request", sentence, check, edge_cases.calls, "calls")


def _answered(name: str, sentence: str, sweep: Sweep, strategy: str | None = None) -> Property:
    return Property(f"response-{name}", "response", sentence, response_checks.faithful, sweep, strategy)


def _broken(name: str, sentence: str, check: Check, *sweeps: Sweep, strategy: str | None = None) -> Property:
    def cases(ground: Ground) -> Iterator[Case]:
        for sweep in sweeps:
            yield from sweep(ground)

    return Property(f"faults-{name}", "faults", sentence, check, cases, strategy)


def _hostile(ground: Ground) -> Iterator[Case]:
    """Those in which no error is told by an event: these have a property of their own."""
    return (case for case in examples.hostile(ground) if case.label != "error_event")


ROWS = (
    _asked("one", "One call is one request, to images/edits.", request_checks.one_request),
    _asked(
        "parameters",
        "Every parameter arrives, with its name and its value, and no other does.",
        request_checks.parameters,
    ),
    _asked("prompt", "The prompt arrives character by character.", request_checks.prompt),
    _asked("images", "Every picture arrives, byte by byte, in its order, with its type.", request_checks.images),
    _asked("mask", "The mask arrives as the mask, byte by byte, with its type.", request_checks.mask),
    _asked("names", "Names of files arrive as they are, in any script.", request_checks.names),
    _asked("key", "The key stands in its header and nowhere else.", request_checks.key),
    _asked("contract", "The request satisfies the contract.", request_checks.contract),
    _answered("plain", "A good answer is a success, and is told as it was sent.", examples.plain),
    _answered("optional", "What need not be there may be absent, or null.", examples.optional),
    _answered(
        "unknown",
        "Fields, events and values that nobody knows yet do no harm.",
        legal("unknown_fields", "unknown_events", "new_enum"),
    ),
    _answered("numbers", "Numbers may be as small and as large as the contract allows.", examples.numbers),
    _answered(
        "frames",
        "A stream may be written in every way that the standard of server-sent events allows.",
        legal("line_ends", "data_lines", "ids", "retry", "comments", "no_space", "bom", "done"),
    ),
    _answered("pieces", "An answer may arrive in pieces that end anywhere.", examples.pieces),
    _answered(
        "order",
        "Partial pictures may come twice, fewer, or in another order.",
        legal("duplicate_partials", "reorder_partials", "fewer_partials"),
    ),
    _answered("time", "An answer may come late, slowly and with gaps.", examples.slow),
    _answered("size", "An event may be large.", legal("huge_event")),
    _answered("gzip", "A body may be compressed, where the client says that it takes that.", legal("gzip")),
    _answered("together", "All of this may happen at once.", lambda ground: iter(()), "together"),
    _broken(
        "end",
        "Whatever happens, the client ends within its deadline, and does not crash.",
        fault_checks.ends,
        examples.errors_told,
        examples.refusals,
        examples.puzzling,
        examples.hostile,
        examples.silent,
        strategy="broken",
    ),
    _broken(
        "true",
        "A success holds nothing that was not wholly sent: no picture, no event, no usage.",
        fault_checks.truthful,
        _hostile,
        strategy="broken",
    ),
    _broken(
        "error-event",
        "An event named error ends the call in an error of the kind stream, and is told.",
        fault_checks.error_event,
        examples.errors_told,
    ),
    _broken(
        "kind",
        "An error is of the kind that it is, with the status and code of a refusal.",
        fault_checks.kinds,
        _hostile,
        examples.refusals,
        strategy="broken",
    ),
    _broken(
        "left",
        "A call that has ended leaves no answer half read.",
        fault_checks.leaves,
        examples.errors_told,
        examples.silent,
        _hostile,
    ),
    _broken(
        "retry",
        "Only what may be retried is sent again, and as it was.",
        fault_checks.retries,
        examples.refusals,
        examples.retried,
        _hostile,
    ),
    _broken("retry-after", "A retry comes no sooner than Retry-After asks.", fault_checks.waits, examples.retried),
    _broken(
        "repeat",
        "A call that was served is not made again in silence.",
        fault_checks.repeats,
        _hostile,
        strategy="broken",
    ),
)
PROPERTIES: Mapping[str, Property] = {row.id: row for row in ROWS}


def chosen(only: str | None) -> list[Property]:
    """The rows of one side, or all."""
    return [row for row in ROWS if only in (None, row.side)]
