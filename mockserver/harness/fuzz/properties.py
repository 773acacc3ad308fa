"""The one table of properties: a sentence, a check, and the cases that it is tried on."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from mockserver.harness.fuzz import answered, asked, broken, swept, unusual
from mockserver.harness.fuzz.case import Case
from mockserver.harness.fuzz.failure import Failure
from mockserver.harness.fuzz.ground import Ground
from mockserver.harness.fuzz.stage import Observation
from mockserver.harness.fuzz.swept import legal

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
    return Property(f"request-{name}", "request", sentence, check, unusual.calls, "calls")


def _answered(name: str, sentence: str, sweep: Sweep, strategy: str | None = None) -> Property:
    return Property(f"response-{name}", "response", sentence, answered.faithful, sweep, strategy)


def _broken(name: str, sentence: str, check: Check, *sweeps: Sweep, strategy: str | None = None) -> Property:
    def cases(ground: Ground) -> Iterator[Case]:
        for sweep in sweeps:
            yield from sweep(ground)

    return Property(f"faults-{name}", "faults", sentence, check, cases, strategy)


def _hostile(ground: Ground) -> Iterator[Case]:
    """Those in which no error is told by an event: these have a property of their own."""
    return (case for case in swept.hostile(ground) if case.label != "error_event")


ROWS = (
    _asked("one", "One call is one request, to images/edits.", asked.one_request),
    _asked("parameters", "Every parameter arrives, with its name and its value, and no other does.", asked.parameters),
    _asked("prompt", "The prompt arrives character by character.", asked.prompt),
    _asked("images", "Every picture arrives, byte by byte, in its order, with its type.", asked.images),
    _asked("mask", "The mask arrives as the mask, byte by byte, with its type.", asked.mask),
    _asked("names", "Names of files arrive as they are, in any script.", asked.names),
    _asked("key", "The key stands in its header and nowhere else.", asked.key),
    _asked("contract", "The request satisfies the contract.", asked.contract),
    _answered("plain", "A good answer is a success, and is told as it was sent.", swept.plain),
    _answered("optional", "What need not be there may be absent, or null.", swept.optional),
    _answered(
        "unknown",
        "Fields, events and values that nobody knows yet do no harm.",
        legal("unknown_fields", "unknown_events", "new_enum"),
    ),
    _answered("numbers", "Numbers may be as small and as large as the contract allows.", swept.numbers),
    _answered(
        "frames",
        "A stream may be written in every way that the standard of server-sent events allows.",
        legal("line_ends", "data_lines", "ids", "retry", "comments", "no_space", "bom", "done"),
    ),
    _answered("pieces", "An answer may arrive in pieces that end anywhere.", swept.pieces),
    _answered(
        "order",
        "Partial pictures may come twice, fewer, or in another order.",
        legal("duplicate_partials", "reorder_partials", "fewer_partials"),
    ),
    _answered("time", "An answer may come late, slowly and with gaps.", swept.slow),
    _answered("size", "An event may be large.", legal("huge_event")),
    _answered("gzip", "A body may be compressed, where the client says that it takes that.", legal("gzip")),
    _answered("together", "All of this may happen at once.", lambda ground: iter(()), "together"),
    _broken(
        "end",
        "Whatever happens, the client ends within its deadline, and does not crash.",
        broken.ends,
        swept.errors_told,
        swept.refusals,
        swept.puzzling,
        swept.hostile,
        swept.silent,
        strategy="broken",
    ),
    _broken(
        "true",
        "A success holds nothing that was not wholly sent: no picture, no event, no usage.",
        broken.truthful,
        _hostile,
        strategy="broken",
    ),
    _broken(
        "error-event",
        "An event named error ends the call in an error of the kind stream, and is told.",
        broken.error_event,
        swept.errors_told,
    ),
    _broken(
        "kind",
        "An error is of the kind that it is, with the status and code of a refusal.",
        broken.kinds,
        _hostile,
        swept.refusals,
        strategy="broken",
    ),
    _broken(
        "left",
        "A call that has ended leaves no answer half read.",
        broken.leaves,
        swept.errors_told,
        swept.silent,
        _hostile,
    ),
    _broken(
        "retry",
        "Only what may be retried is sent again, and as it was.",
        broken.retries,
        swept.refusals,
        swept.retried,
        _hostile,
    ),
    _broken("retry-after", "A retry comes no sooner than Retry-After asks.", broken.waits, swept.retried),
    _broken(
        "repeat", "A call that was served is not made again in silence.", broken.repeats, _hostile, strategy="broken"
    ),
)
PROPERTIES: Mapping[str, Property] = {row.id: row for row in ROWS}


def chosen(only: str | None) -> list[Property]:
    """The rows of one side, or all."""
    return [row for row in ROWS if only in (None, row.side)]
