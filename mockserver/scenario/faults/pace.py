"""Faults of time: answers that come late, slowly, in pieces, or not to their end."""

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
# What a piece can be cut inside of.
INSIDES = {"data": re.compile(rb"^da(?=ta:)", re.MULTILINE), "character": re.compile(rb"[\xc2-\xf4](?=[\x80-\xbf])")}


def latency(plan: Plan, given: Parameters, draw: RandInt) -> Plan:
    """The answer begins later."""
    return (Wait(_latency(given, draw)), *plan)


def _latency(given: Parameters, draw: RandInt) -> float:
    if "median" in given:
        share = draw("latency", 1, 999_999) / 1_000_000
        drawn: float = given["median"] * math.exp(given["sigma"] * NormalDist().inv_cdf(share))
        return min(round(drawn, 3), LONGEST)
    if "from" in given or "to" in given:
        low, high = sorted((given.get("from", 0), given.get("to", given.get("from", 0))))
        return draw("latency", round(low * 1000), round(high * 1000)) / 1000
    seconds: float = given["seconds"]
    return seconds


def drip(plan: Plan, given: Parameters, draw: RandInt) -> Plan | None:
    """The body comes in pieces, with time between them."""
    steps: list[Step] = []
    size = max(given["bytes"], len(join_body(plan)) // PIECES)
    for step in plan:
        if isinstance(step, Chunk) and step.data:
            for start in range(0, len(step.data), size):
                steps += (Wait(given["seconds"]), Chunk(step.data[start : start + size]))
        else:
            steps.append(step)
    return tuple(steps) if join_body(plan) else None


def stall(plan: Plan, given: Parameters, draw: RandInt) -> Plan | None:
    """Nothing more is sent, for ever or for so many seconds."""
    if given["at"] == "events":
        ends = [place for place, step in enumerate(plan) if isinstance(step, Chunk)]
        cut = ends[min(given["events"], len(ends)) - 1] + 1 if is_stream(plan) and ends else 0
        parts = (plan[:cut], plan[cut:]) if cut else None
    else:
        parts = split_at(plan, given["at"], given.get("bytes"))
    return parts and (*parts[0], Wait(given.get("seconds", math.inf)), *parts[1])


def split(plan: Plan, given: Parameters, draw: RandInt) -> Plan | None:
    """The answer arrives in pieces that end anywhere."""
    framed = to_raw(plan)
    steps: list[Step] = []
    places = set(itertools.islice(_places(framed, given), given["most"]))
    offset = 0
    for step in framed:
        if isinstance(step, Raw):
            cuts = sorted(place - offset for place in places if offset < place < offset + len(step.data))
            for start, end in itertools.pairwise([0, *cuts, len(step.data)]):
                steps += (Raw(step.data[start:end]), Wait(given["seconds"]))
            offset += len(step.data)
        else:
            steps.append(step)
    return tuple(steps) if places else None


def _places(framed: Plan, given: Parameters) -> Iterator[int]:
    data = b"".join(step.data for step in framed if isinstance(step, Raw))
    if "inside" in given:
        return (found.end() for found in INSIDES[given["inside"]].finditer(data))
    if "at" in given:
        return (place for place in given["at"] if place < len(data))
    return iter(range(given["every"], len(data), given["every"]))


def _seconds(default: float | None = None, **more: Any) -> dict[str, Any]:
    schema = {"type": "number", "minimum": 0, "maximum": LONGEST, **more}
    return schema if default is None else {**schema, "default": default}


FAULTS = (
    Fault(
        "latency",
        "The answer begins later: after so many seconds, some from .. to, or drawn lognormally about a median.",
        "legal",
        "any answer",
        "wire",
        latency,
        {
            "seconds": _seconds(1),
            "from": _seconds(),
            "to": _seconds(),
            "median": _seconds(),
            "sigma": {
                "description": "How widely they lie about the median.",
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
        "The body comes slowly, so many bytes at a time.",
        "legal",
        "any answer",
        "wire",
        drip,
        {"bytes": {"type": "integer", "minimum": 1, "default": 16_384}, "seconds": _seconds(0.05)},
    ),
    Fault(
        "stall",
        "Nothing more is sent, before the head, after it, after so many bytes of the body, or after so many events: "
        "for ever, or for so many seconds.",
        "hostile",
        "any answer",
        "wire",
        stall,
        {
            "at": {"description": "Where.", "enum": ["start", "headers", "body", "events"], "default": "start"},
            "bytes": BYTES,
            "events": {"type": "integer", "minimum": 1, "default": 1},
            "seconds": _seconds(description="Left out: for ever."),
        },
        "at",
    ),
    Fault(
        "split",
        "The answer arrives in pieces: of so many bytes, cut at places counted from its first byte, inside each "
        "`data:`, or inside each character of several bytes.",
        "legal",
        "any answer",
        "pieces",
        split,
        {
            "every": {"type": "integer", "minimum": 1, "default": 1024},
            "at": {"type": "array", "minItems": 1, "maxItems": 1000, "items": {"type": "integer", "minimum": 1}},
            "inside": {"enum": list(INSIDES)},
            "seconds": _seconds(0.001, description="Between two pieces."),
            "most": {
                "description": "Cuts at most.",
                "type": "integer",
                "minimum": 1,
                "maximum": 100_000,
                "default": 1000,
            },
        },
        "every",
    ),
)
