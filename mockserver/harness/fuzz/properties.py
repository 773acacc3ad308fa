"""The table of properties: a sentence, a check, and the cases to try it on."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from mockserver.harness.fuzz import edge_cases, examples, fault_checks, request_checks, response_checks
from mockserver.harness.fuzz.case import Case
from mockserver.harness.fuzz.client_profile import ClientProfile
from mockserver.harness.fuzz.examples import legal_faults
from mockserver.harness.fuzz.executor import Observation
from mockserver.harness.fuzz.failure import Failure

Check = Callable[[Case, Observation], Iterator[Failure]]
Sweep = Callable[[ClientProfile], Iterator[Case]]


@dataclass(frozen=True)
class Property:
    """A property that a client must have.

    `sweep` generates the cases that are always tried; `strategy` names the strategy that generates more, if any.
    """

    id: str
    side: Literal["request", "response", "faults"]
    sentence: str
    check: Check
    sweep: Sweep
    strategy: str | None = None


def _for_requests(name: str, sentence: str, check: Check) -> Property:
    return Property(f"request-{name}", "request", sentence, check, edge_cases.generate_calls, "calls")


def _for_responses(name: str, sentence: str, sweep: Sweep, strategy: str | None = None) -> Property:
    return Property(f"response-{name}", "response", sentence, response_checks.check_result, sweep, strategy)


def _for_faults(name: str, sentence: str, check: Check, *sweeps: Sweep, strategy: str | None = None) -> Property:
    def cases(profile: ClientProfile) -> Iterator[Case]:
        for sweep in sweeps:
            yield from sweep(profile)

    return Property(f"faults-{name}", "faults", sentence, check, cases, strategy)


def _hostile(profile: ClientProfile) -> Iterator[Case]:
    # Error events have a property of their own.
    return (case for case in examples.generate_hostile_faults(profile) if case.label != "error_event")


ROWS = (
    _for_requests("one", "One call sends one request, to images/edits.", request_checks.check_request_count),
    _for_requests(
        "parameters",
        "Every parameter arrives unchanged, and no others do.",
        request_checks.check_parameters,
    ),
    _for_requests("prompt", "The prompt arrives unchanged.", request_checks.check_prompt),
    _for_requests(
        "images", "Every image arrives unchanged, in order, with its content type.", request_checks.check_images
    ),
    _for_requests("mask", "The mask arrives unchanged, with its content type.", request_checks.check_mask),
    _for_requests("names", "File names arrive unchanged, in any script.", request_checks.check_names),
    _for_requests("key", "The key is sent in the Authorization header only.", request_checks.check_key),
    _for_requests("contract", "The request satisfies the contract.", request_checks.check_contract),
    _for_responses("plain", "A valid response is a success, and is reported as it was sent.", examples.generate_plain),
    _for_responses("optional", "Optional fields may be absent or null.", examples.generate_optional_fields),
    _for_responses(
        "unknown",
        "Unknown fields, events and values do no harm.",
        legal_faults("unknown_fields", "unknown_events", "new_enum"),
    ),
    _for_responses("numbers", "Numbers may be as small or as large as the contract allows.", examples.generate_numbers),
    _for_responses(
        "frames",
        "A stream may be serialized in every way that the server-sent events standard allows.",
        legal_faults("line_ends", "data_lines", "ids", "retry", "comments", "no_space", "bom", "done"),
    ),
    _for_responses("pieces", "A response may be split anywhere.", examples.generate_split_responses),
    _for_responses(
        "order",
        "Partial images may be repeated, missing, or in another order.",
        legal_faults("duplicate_partials", "reorder_partials", "fewer_partials"),
    ),
    _for_responses("time", "A response may be late, slow, or paused.", examples.generate_slow_responses),
    _for_responses("size", "An event may be large.", legal_faults("huge_event")),
    _for_responses("gzip", "A body may be compressed if the client accepts that.", legal_faults("gzip")),
    _for_responses("together", "All of these may happen at once.", lambda profile: iter(()), "together"),
    _for_faults(
        "end",
        "The client returns within its deadline and does not crash.",
        fault_checks.check_end,
        examples.generate_stream_errors,
        examples.generate_errors,
        examples.generate_unusual_retry_after,
        examples.generate_hostile_faults,
        examples.generate_stalls_at_the_end,
        strategy="broken",
    ),
    _for_faults(
        "true",
        "A success holds only images, events and usage that the server sent completely.",
        fault_checks.check_success,
        _hostile,
        strategy="broken",
    ),
    _for_faults(
        "error-event",
        "An event named error makes the call fail with kind stream and the server's error.",
        fault_checks.check_error_event,
        examples.generate_stream_errors,
    ),
    _for_faults(
        "kind",
        "An error has the right kind and, for an error response, the status and code.",
        fault_checks.check_error_kind,
        _hostile,
        examples.generate_errors,
        strategy="broken",
    ),
    _for_faults(
        "left",
        "After a call, no response is left partly read on an open connection.",
        fault_checks.check_connections,
        examples.generate_stream_errors,
        examples.generate_stalls_at_the_end,
        _hostile,
    ),
    _for_faults(
        "retry",
        "Only calls that may be retried are repeated, and unchanged.",
        fault_checks.check_retries,
        examples.generate_errors,
        examples.generate_recoveries,
        _hostile,
    ),
    _for_faults(
        "retry-after",
        "A retry waits at least as long as Retry-After requests.",
        fault_checks.check_retry_after,
        examples.generate_recoveries,
    ),
    _for_faults(
        "repeat",
        "A call with a success is not repeated.",
        fault_checks.check_repeats,
        _hostile,
        strategy="broken",
    ),
)
PROPERTIES: Mapping[str, Property] = {row.id: row for row in ROWS}


def select(only: str | None) -> list[Property]:
    return [row for row in ROWS if only in (None, row.side)]
