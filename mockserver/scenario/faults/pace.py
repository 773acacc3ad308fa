"""Faults of time: responses that are late, slow, split into pieces, or never complete."""

import itertools
import math
import re
from collections.abc import Iterator
from statistics import NormalDist
from typing import Any

from mockserver.core.plan import Chunk, Plan, Raw, Step, Wait
from mockserver.scenario.faults.fault import BYTES, Fault, Parameters, RandInt
from mockserver.scenario.faults.parts import is_stream, join_body, split_at, to_raw

LONGEST = 3600
PIECES = 100_000
# What a cut can be inside of.
INSIDES = {"data": re.compile(rb"^da(?=ta:)", re.MULTILINE), "character": re.compile(rb"[\xc2-\xf4](?=[\x80-\xbf])")}


def latency(plan: Plan, options: Parameters, randint: RandInt) -> Plan:
    return (Wait(_latency(options, randint)), *plan)


def _latency(options: Parameters, randint: RandInt) -> float:
    if "median" in options:
        share = randint("latency", 1, 999_999) / 1_000_000
        drawn: float = options["median"] * math.exp(options["sigma"] * NormalDist().inv_cdf(share))
        return min(round(drawn, 3), LONGEST)
    if "from" in options or "to" in options:
        low, high = sorted((options.get("from", 0), options.get("to", options.get("from", 0))))
        return randint("latency", round(low * 1000), round(high * 1000)) / 1000
    seconds: float = options["seconds"]
    return seconds


def drip(plan: Plan, options: Parameters, randint: RandInt) -> Plan | None:
    steps: list[Step] = []
    size = max(options["bytes"], len(join_body(plan)) // PIECES)
    for step in plan:
        if isinstance(step, Chunk) and step.data:
            for start in range(0, len(step.data), size):
                steps += (Wait(options["seconds"]), Chunk(step.data[start : start + size]))
        else:
            steps.append(step)
    return tuple(steps) if join_body(plan) else None


def stall(plan: Plan, options: Parameters, randint: RandInt) -> Plan | None:
    if options["at"] == "events":
        ends = [place for place, step in enumerate(plan) if isinstance(step, Chunk)]
        cut = ends[min(options["events"], len(ends)) - 1] + 1 if is_stream(plan) and ends else 0
        parts = (plan[:cut], plan[cut:]) if cut else None
    else:
        parts = split_at(plan, options["at"], options.get("bytes"))
    return parts and (*parts[0], Wait(options.get("seconds", math.inf)), *parts[1])


def split(plan: Plan, options: Parameters, randint: RandInt) -> Plan | None:
    framed = to_raw(plan)
    steps: list[Step] = []
    places = set(itertools.islice(_places(framed, options), options["most"]))
    offset = 0
    for step in framed:
        if isinstance(step, Raw):
            cuts = sorted(place - offset for place in places if offset < place < offset + len(step.data))
            for start, end in itertools.pairwise([0, *cuts, len(step.data)]):
                steps += (Raw(step.data[start:end]), Wait(options["seconds"]))
            offset += len(step.data)
        else:
            steps.append(step)
    return tuple(steps) if places else None


def _places(framed: Plan, options: Parameters) -> Iterator[int]:
    data = b"".join(step.data for step in framed if isinstance(step, Raw))
    if "inside" in options:
        return (match.end() for match in INSIDES[options["inside"]].finditer(data))
    if "at" in options:
        return (place for place in options["at"] if place < len(data))
    return iter(range(options["every"], len(data), options["every"]))


def _seconds(default: float | None = None, **more: Any) -> dict[str, Any]:
    schema = {"type": "number", "minimum": 0, "maximum": LONGEST, **more}
    return schema if default is None else {**schema, "default": default}


FAULTS = (
    Fault(
        "latency",
        "The response is delayed by a number of seconds: fixed, uniform (from, to) or lognormal (median).",
        "legal",
        "any response",
        "wire",
        latency,
        {
            "seconds": _seconds(1),
            "from": _seconds(),
            "to": _seconds(),
            "median": _seconds(),
            "sigma": {
                "description": "The spread around the median.",
                "type": "number",
                "minimum": 0,
                "maximum": 5,
                "default": 0.5,
            },
        },
        "seconds",
    ),
    Fault(
        "drip",
        "The body is sent slowly, a number of bytes at a time.",
        "legal",
        "any response",
        "wire",
        drip,
        {"bytes": {"type": "integer", "minimum": 1, "default": 16_384}, "seconds": _seconds(0.05)},
    ),
    Fault(
        "stall",
        "Sending stops before the head, after it, after a number of body bytes or of events: forever, or for a number "
        "of seconds.",
        "hostile",
        "any response",
        "wire",
        stall,
        {
            "at": {"description": "Where.", "enum": ["start", "headers", "body", "events"], "default": "start"},
            "bytes": BYTES,
            "events": {"type": "integer", "minimum": 1, "default": 1},
            "seconds": _seconds(description="Default: forever."),
        },
        "at",
    ),
    Fault(
        "split",
        "The response is split into pieces: every so many bytes, at offsets from its first byte, inside each `data:`, "
        "or inside each multi-byte character.",
        "legal",
        "any response",
        "pieces",
        split,
        {
            "every": {"type": "integer", "minimum": 1, "default": 1024},
            "at": {"type": "array", "minItems": 1, "maxItems": 1000, "items": {"type": "integer", "minimum": 1}},
            "inside": {"enum": list(INSIDES)},
            "seconds": _seconds(0.001, description="The pause between two pieces."),
            "most": {
                "description": "The maximum number of cuts.",
                "type": "integer",
                "minimum": 1,
                "maximum": 100_000,
                "default": 1000,
            },
        },
        "every",
    ),
)
