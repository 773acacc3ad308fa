"""Answers that are always tried, one after the other: each fault, each place. Small ones tell most."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import Any

from mockserver.contract import catalogue
from mockserver.contract.asof import as_of
from mockserver.core import data_files
from mockserver.harness.fuzz.case import Case, Json
from mockserver.harness.fuzz.client_profile import LONG, PLAIN, STREAM, Ground
from mockserver.harness.fuzz.fault_variants import ways
from mockserver.scenario.faults.fault import Fault
from mockserver.scenario.faults.table import FAULTS

MODES = (PLAIN, STREAM)
# Legal faults that speak of another answer than a served one, or that no client need follow.
APART = ("redirect", "retry_after")
DEADLINE, STALL, RETRIES = 2.0, 0.8, 4.0
NUMBERS = (0, 1, 2**31 - 1, 2**31, 2**53 - 1)
# Refusals of these are tried on streams too.
STREAMED = (400, 500)
QUICK = 0.0003


def answered(case: Case, label: str, *faults: Mapping[str, Any], **ok: Any) -> Case:
    """A case whose answer is as the API's, with faults and with what is fixed of it."""
    step = {"ok": ok, **({"faults": list(faults)} if faults else {})}
    return replace(case, steps=(step,), label=label)


def plain(ground: Ground) -> Iterator[Case]:
    """Answers with nothing special about them."""
    yield PLAIN
    yield Case(options={"n": 3})
    for partials in range(4):
        yield Case(stream=True, options={"partial_images": partials})


def optional(ground: Ground) -> Iterator[Case]:
    """Each field that need not be there is absent, or null."""
    body, event = data_files.contract("schemas/images-response.json"), data_files.contract("schemas/stream-event.json")
    usage = data_files.contract("schemas/usage.json")
    bodies = [name for name in body["properties"] if name not in body["required"]]
    # The same name may have to be there in one event and not in another.
    must = {name for shape in event["oneOf"] for name in shape["required"]}
    events = [name for shape in event["oneOf"] for name in shape["properties"] if name not in must]
    inner = [f"usage.{name}" for name in usage["properties"] if name not in usage["required"]]
    for case, found in ((PLAIN, bodies), (STREAM, events)):
        for path in dict.fromkeys((*found, *inner)):
            if path != "type":
                yield answered(case, f"{path} absent", {"missing": path})
                yield answered(case, f"{path} null", {"nulls": path})
    yield answered(PLAIN, "all absent", {"missing": bodies})
    yield answered(PLAIN, "revised_prompt", revised_prompt="日本 🦊")


def legal(*names: str) -> Any:
    """A function that gives each legal fault of these names, in all its ways, done to answers of both kinds."""

    def cases(ground: Ground) -> Iterator[Case]:
        for name in names:
            if FAULTS[name].mark == "legal" and (name != "gzip" or ground.gzip):
                for case, given in product(_modes(FAULTS[name]), ways(FAULTS[name])):
                    yield replace(
                        answered(case, name, {name: given}), deadline=LONG if name == "huge_event" else case.deadline
                    )

    return cases


def slow(ground: Ground) -> Iterator[Case]:
    """The answer takes its time: a moment, and once as long as most take at least."""
    yield from legal("latency", "drip", "gap")(ground)
    yield answered(PLAIN, "latency", {"latency": 1})
    yield answered(Case(stream=True, options={"partial_images": 1}), "gap", {"gap": 0.7})


def pieces(ground: Ground) -> Iterator[Case]:
    """The answer arrives in pieces that end anywhere, inside characters too."""
    wide: list[Json] = [{"new_enum": {"value": "日本🦊é"}}, {"unknown_fields": {}}]
    short = patient(Case(stream=True))
    for case, every in ((patient(PLAIN), 3), (short, 1)):
        yield answered(case, "split", *wide, {"split": {"every": every, "most": 2000, "seconds": QUICK}})
    for case in map(patient, MODES):
        for way in ({"every": 11}, {"inside": "character"}, {"every": 1024}):
            yield answered(case, "split", *wide, {"split": {**way, "seconds": QUICK}})
    for ends, every in (("crlf", 1), ("cr", 3)):
        yield answered(short, "split", {"line_ends": ends}, {"split": {"every": every, "most": 2000, "seconds": QUICK}})
    yield answered(patient(STREAM), "split", {"split": {"inside": "data", "seconds": QUICK}})


def patient(case: Case) -> Case:
    """The same with more time: a thousand pieces keep a busy machine busy."""
    return replace(case, deadline=2 * case.deadline)


def numbers(ground: Ground) -> Iterator[Case]:
    """Numbers are as small and as large as they may be."""
    for case, value in product(MODES, NUMBERS):
        used = dict.fromkeys(("input_tokens", "output_tokens", "total_tokens"), value)
        yield answered(case, f"usage {value}", usage=used)
        yield answered(case, f"created {value}", fields={"created_at" if case.stream else "created": value})


def hostile(ground: Ground) -> Iterator[Case]:
    """Each hostile fault in all its ways, done to answers of both kinds for as long as the client asks."""
    # What takes long comes last.
    for row in sorted(FAULTS.values(), key=lambda row: row.name == "stall"):
        if row.mark == "hostile" and row.on != "upload":
            for case, given in product(_modes(row), ways(row)):
                yield forever(case, row.name, {row.name: given})
        elif row.name == "redirect":
            yield forever(PLAIN, row.name, {row.name: {}})


def silent(ground: Ground) -> Iterator[Case]:
    """All has been said, and the answer does not end: a client that waits no longer hangs up."""
    partials = STREAM.options["partial_images"]
    told = {"stall": {"at": "events", "events": 2}}
    yield forever(STREAM, "stall", {"error_event": {"after": 1}}, told)
    yield forever(STREAM, "stall", {"stall": {"at": "events", "events": partials + 1}})


def forever(case: Case, label: str, *faults: Mapping[str, Any]) -> Case:
    """A case whose answer is always broken."""
    step = {"ok": {}, "faults": list(faults), "times": "forever"}
    return replace(case, steps=(step,), label=label, deadline=STALL if label == "stall" else DEADLINE)


def errors_told(ground: Ground) -> Iterator[Case]:
    """Each error that comes when a stream has begun."""
    for way in ways(FAULTS["error_event"]):
        yield forever(STREAM, "error_event", {"error_event": way})
    for family in catalogue.families():
        row = catalogue.find_row(family, as_of(ground.day))
        if row.at == "stream":
            yield replace(STREAM, steps=({"error": family, "times": "forever"},), label=family, deadline=DEADLINE)


def refusals(ground: Ground) -> Iterator[Case]:
    """One refusal of each kind: what may be tried again, and what may not, by status."""
    rule, seen = data_files.contract("verdict.yaml")["retry"], set()
    for family in catalogue.families():
        row = catalogue.find_row(family, as_of(ground.day))
        if row.at in ("admit", "judge") and row.wire != "empty":
            again = row.code not in rule["never"] and (row.status in rule["statuses"] or row.status >= rule["from"])
            if (row.status, again) not in seen:
                seen.add((row.status, again))
                step = {"error": family, "times": "forever"} | ({"retry_after": 0} if again else {})
                for case in MODES if row.status in STREAMED else (PLAIN,):
                    yield replace(case, steps=(step,), label=family, deadline=RETRIES if again else DEADLINE)


def puzzling(ground: Ground) -> Iterator[Case]:
    """Refusals that say in another way, or not at all, when to come again."""
    for way in ({"as": "date", "seconds": 1}, {"as": "absent"}):
        step = {"error": "rate-input-images", "faults": [{"retry_after": way}], "times": "forever"}
        yield replace(PLAIN, steps=(step,), label="retry_after", deadline=RETRIES)


def retried(ground: Ground) -> Iterator[Case]:
    """A refusal that asks to wait, and then an answer."""
    for family, seconds in (("server-error", 1), ("rate-input-images", 2)):
        steps: tuple[Json, ...] = ({"error": family, "retry_after": seconds}, {"ok": {}})
        yield replace(PLAIN, steps=steps, label=family, deadline=RETRIES + seconds)


def _modes(row: Fault) -> tuple[Case, ...]:
    return {"stream": (STREAM,), "JSON body": (PLAIN,)}.get(row.on, MODES)
