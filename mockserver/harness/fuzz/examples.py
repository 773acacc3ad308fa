"""Responses that are always tried: each fault and each error, one at a time."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import Any

from mockserver.contract import catalogue
from mockserver.contract.asof import as_of
from mockserver.core import data_files
from mockserver.harness.fuzz.case import Case, Json
from mockserver.harness.fuzz.client_profile import LONG_DEADLINE, PLAIN, STREAM, ClientProfile
from mockserver.harness.fuzz.fault_variants import generate_variants
from mockserver.scenario.faults.fault import Fault
from mockserver.scenario.faults.table import FAULTS

MODES = (PLAIN, STREAM)
# Legal faults that need an error response, or that a client may ignore.
EXCLUDED = ("redirect", "retry_after")
DEADLINE, STALL_DEADLINE, RETRY_DEADLINE = 2.0, 0.8, 4.0
NUMBERS = (0, 1, 2**31 - 1, 2**31, 2**53 - 1)
# Errors with these statuses are tried on streams too.
STREAMED = (400, 500)
# Seconds between the pieces of a split response.
PAUSE = 0.0003


def build_case(case: Case, label: str, *faults: Mapping[str, Any], **ok: Any) -> Case:
    """The case with one response, which has the given faults and the given values of a scenario's `ok`."""
    step = {"ok": ok, **({"faults": list(faults)} if faults else {})}
    return replace(case, steps=(step,), label=label)


def build_repeated_case(case: Case, label: str, *faults: Mapping[str, Any]) -> Case:
    """The case with the given faults in every response, so that retries fail too."""
    step = {"ok": {}, "faults": list(faults), "times": "forever"}
    return replace(case, steps=(step,), label=label, deadline=STALL_DEADLINE if label == "stall" else DEADLINE)


def generate_plain(profile: ClientProfile) -> Iterator[Case]:
    yield PLAIN
    yield Case(options={"n": 3})
    for partials in range(4):
        yield Case(stream=True, options={"partial_images": partials})


def generate_optional_fields(profile: ClientProfile) -> Iterator[Case]:
    """Omit each optional field, or set it to null."""
    body, event = data_files.contract("schemas/images-response.json"), data_files.contract("schemas/stream-event.json")
    usage = data_files.contract("schemas/usage.json")
    body_fields = [name for name in body["properties"] if name not in body["required"]]
    # A field may be required in one event and optional in another.
    required = {name for shape in event["oneOf"] for name in shape["required"]}
    event_fields = [name for shape in event["oneOf"] for name in shape["properties"] if name not in required]
    usage_fields = [f"usage.{name}" for name in usage["properties"] if name not in usage["required"]]
    for case, fields in ((PLAIN, body_fields), (STREAM, event_fields)):
        for path in dict.fromkeys((*fields, *usage_fields)):
            if path != "type":
                yield build_case(case, f"{path} absent", {"missing": path})
                yield build_case(case, f"{path} null", {"nulls": path})
    yield build_case(PLAIN, "all absent", {"missing": body_fields})
    yield build_case(PLAIN, "revised_prompt", revised_prompt="日本 🦊")


def legal_faults(*names: str) -> Any:
    """A function that generates each of these faults in all its variants, on bodies and streams."""

    def generate(profile: ClientProfile) -> Iterator[Case]:
        for name in names:
            if FAULTS[name].mark == "legal" and (name != "gzip" or profile.accepts_gzip):
                for case, parameters in product(_modes(FAULTS[name]), generate_variants(FAULTS[name])):
                    deadline = LONG_DEADLINE if name == "huge_event" else case.deadline
                    yield replace(build_case(case, name, {name: parameters}), deadline=deadline)

    return generate


def generate_slow_responses(profile: ClientProfile) -> Iterator[Case]:
    yield from legal_faults("latency", "drip", "gap")(profile)
    yield build_case(PLAIN, "latency", {"latency": 1})
    yield build_case(Case(stream=True, options={"partial_images": 1}), "gap", {"gap": 0.7})


def generate_split_responses(profile: ClientProfile) -> Iterator[Case]:
    """Split the response between and inside characters, lines and events."""
    wide: list[Json] = [{"new_enum": {"value": "日本🦊é"}}, {"unknown_fields": {}}]
    short = _extend_deadline(Case(stream=True))
    for case, every in ((_extend_deadline(PLAIN), 3), (short, 1)):
        yield build_case(case, "split", *wide, {"split": {"every": every, "most": 2000, "seconds": PAUSE}})
    for case in map(_extend_deadline, MODES):
        for parameters in ({"every": 11}, {"inside": "character"}, {"every": 1024}):
            yield build_case(case, "split", *wide, {"split": {**parameters, "seconds": PAUSE}})
    for ends, every in (("crlf", 1), ("cr", 3)):
        split = {"split": {"every": every, "most": 2000, "seconds": PAUSE}}
        yield build_case(short, "split", {"line_ends": ends}, split)
    yield build_case(_extend_deadline(STREAM), "split", {"split": {"inside": "data", "seconds": PAUSE}})


def _extend_deadline(case: Case) -> Case:
    # A thousand pieces take a busy machine a while.
    return replace(case, deadline=2 * case.deadline)


def generate_numbers(profile: ClientProfile) -> Iterator[Case]:
    for case, value in product(MODES, NUMBERS):
        usage = dict.fromkeys(("input_tokens", "output_tokens", "total_tokens"), value)
        yield build_case(case, f"usage {value}", usage=usage)
        yield build_case(case, f"created {value}", fields={"created_at" if case.stream else "created": value})


def generate_hostile_faults(profile: ClientProfile) -> Iterator[Case]:
    # Stalls take longest, so they come last.
    for row in sorted(FAULTS.values(), key=lambda row: row.name == "stall"):
        if row.mark == "hostile" and row.on != "upload":
            for case, parameters in product(_modes(row), generate_variants(row)):
                yield build_repeated_case(case, row.name, {row.name: parameters})
        elif row.name == "redirect":
            yield build_repeated_case(PLAIN, row.name, {row.name: {}})


def generate_stalls_at_the_end(profile: ClientProfile) -> Iterator[Case]:
    """Stall after the error event or the completed event: a client should stop reading there."""
    partials = STREAM.options["partial_images"]
    stall = {"stall": {"at": "events", "events": 2}}
    yield build_repeated_case(STREAM, "stall", {"error_event": {"after": 1}}, stall)
    yield build_repeated_case(STREAM, "stall", {"stall": {"at": "events", "events": partials + 1}})


def generate_stream_errors(profile: ClientProfile) -> Iterator[Case]:
    """Each error that the API sends as an event of a stream."""
    for parameters in generate_variants(FAULTS["error_event"]):
        yield build_repeated_case(STREAM, "error_event", {"error_event": parameters})
    for family in catalogue.families():
        row = catalogue.find_row(family, as_of(profile.day))
        if row.at == "stream":
            yield replace(STREAM, steps=({"error": family, "times": "forever"},), label=family, deadline=DEADLINE)


def generate_errors(profile: ClientProfile) -> Iterator[Case]:
    """One error for each status, and one more where a status has both errors to retry and final ones."""
    rule, seen = data_files.contract("verdict.yaml")["retry"], set()
    for family in catalogue.families():
        row = catalogue.find_row(family, as_of(profile.day))
        if row.at in ("admit", "judge") and row.wire != "empty":
            may_retry = row.code not in rule["never"] and (row.status in rule["statuses"] or row.status >= rule["from"])
            if (row.status, may_retry) not in seen:
                seen.add((row.status, may_retry))
                step = {"error": family, "times": "forever"} | ({"retry_after": 0} if may_retry else {})
                for case in MODES if row.status in STREAMED else (PLAIN,):
                    deadline = RETRY_DEADLINE if may_retry else DEADLINE
                    yield replace(case, steps=(step,), label=family, deadline=deadline)


def generate_unusual_retry_after(profile: ClientProfile) -> Iterator[Case]:
    """Rate limits whose Retry-After is a date, or absent."""
    for parameters in ({"as": "date", "seconds": 1}, {"as": "absent"}):
        step = {"error": "rate-input-images", "faults": [{"retry_after": parameters}], "times": "forever"}
        yield replace(PLAIN, steps=(step,), label="retry_after", deadline=RETRY_DEADLINE)


def generate_recoveries(profile: ClientProfile) -> Iterator[Case]:
    """An error with Retry-After, followed by a success."""
    for family, seconds in (("server-error", 1), ("rate-input-images", 2)):
        steps: tuple[Json, ...] = ({"error": family, "retry_after": seconds}, {"ok": {}})
        yield replace(PLAIN, steps=steps, label=family, deadline=RETRY_DEADLINE + seconds)


def _modes(row: Fault) -> tuple[Case, ...]:
    return {"stream": (STREAM,), "JSON body": (PLAIN,)}.get(row.on, MODES)
