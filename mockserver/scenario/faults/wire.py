"""Faults of the connection: it ends early, or its bytes violate the HTTP framing."""

import itertools
from collections.abc import Iterator

from mockserver.core.plan import Chunk, Cut, End, Plan, Raw, Step
from mockserver.scenario.faults.fault import BYTES, KEEP, Fault, Parameters, RandInt
from mockserver.scenario.faults.parts import (
    find_head,
    join_body,
    replace_head,
    set_header,
    split_at,
    split_body,
    to_raw,
)


def close(plan: Plan, options: Parameters, randint: RandInt) -> Plan | None:
    parts = split_at(plan, options["at"], options.get("bytes"))
    return parts and (*parts[0], Cut("close"))


def reset(plan: Plan, options: Parameters, randint: RandInt) -> Plan | None:
    parts = split_at(plan, options["at"], options.get("bytes"))
    return parts and (*parts[0], Cut("reset"))


def truncate(plan: Plan, options: Parameters, randint: RandInt) -> Plan | None:
    """End the body before its framing says so."""
    if find_head(plan) is None or not join_body(plan):
        return None
    framed = to_raw(plan)
    top = next(place for place, step in enumerate(framed) if isinstance(step, Raw))
    whole = sum(len(step.data) for step in framed[top + 1 :] if isinstance(step, Raw))
    return (*framed[: top + 1], *_first(framed[top + 1 :], int((whole - 1) * options["keep"])), Cut("close"))


def _first(steps: Plan, left: int) -> Iterator[Step]:
    for step in steps:
        if left and isinstance(step, Raw):
            yield Raw(step.data[:left])
            left = max(0, left - len(step.data))
        elif left:
            yield step


def content_length(plan: Plan, options: Parameters, randint: RandInt) -> Plan | None:
    top, size = find_head(plan), len(join_body(plan))
    length = max(0, size + options["by"])
    if top is None or length == size:
        return None
    top = set_header(set_header(top, "transfer-encoding", None), "content-length", str(length))
    before, after = split_body(replace_head(plan, top), length)
    rest = (Raw(step.data) if isinstance(step, Chunk) else step for step in after if not isinstance(step, End))
    return (*before, *rest, Cut("close"))


def garble(plan: Plan, options: Parameters, randint: RandInt) -> Plan | None:
    top = find_head(plan)
    if options["in"] == "headers":
        if top is None:
            return None
        place = plan.index(top)
        # No client can do without the protocol's name.
        return tuple(
            Raw(_garbled(step.data[:8], options["bytes"], randint) + step.data[8:])
            if index == place and isinstance(step, Raw)
            else step
            for index, step in enumerate(to_raw(plan))
        )
    whole = join_body(plan)
    if not whole or top is None:
        return None
    left = iter(_garbled(whole, options["bytes"], randint))
    return tuple(
        Chunk(bytes(itertools.islice(left, len(step.data)))) if isinstance(step, Chunk) else step for step in plan
    )


def _garbled(data: bytes, count: int, randint: RandInt) -> bytes:
    changed = bytearray(data)
    for number in range(count):
        # Bytes beyond ASCII always differ from the original ones.
        changed[randint(f"place/{number}", 0, len(data) - 1)] = randint(f"byte/{number}", 128, 255)
    return bytes(changed)


def early(plan: Plan, options: Parameters, randint: RandInt) -> Plan | None:
    """Respond before the upload is read. The server has already skipped reading it when this runs."""
    top = find_head(plan)
    if top is None:
        return None
    return replace_head(plan, set_header(top, "connection", "close")) if options["then"] == "close" else plan


AT = {"description": "Where.", "enum": ["start", "inside_headers", "headers", "body"], "default": "start"}

FAULTS = (
    Fault(
        "close",
        "The connection is closed before the first byte, inside the headers, after them, or inside the body.",
        "hostile",
        "any response",
        "wire",
        close,
        {"at": AT, "bytes": BYTES},
        "at",
    ),
    Fault(
        "reset",
        "The connection is reset (TCP RST) before the first byte, inside the headers, after them, or inside the body.",
        "hostile",
        "any response",
        "wire",
        reset,
        {"at": AT, "bytes": BYTES},
        "at",
    ),
    Fault(
        "truncate",
        "The body ends inside a chunk, or before its Content-Length, and the connection is closed.",
        "hostile",
        "any response",
        "bytes",
        truncate,
        {"keep": KEEP},
        "keep",
    ),
    Fault(
        "content_length",
        "Content-Length is too large by a number of bytes, or too small if it is negative.",
        "hostile",
        "any response",
        "wire",
        content_length,
        {"by": {"type": "integer", "minimum": -1_000_000_000, "maximum": 1_000_000_000, "default": 10}},
        "by",
    ),
    Fault(
        "garble",
        "Some bytes of the body, or of the start of the status line, are garbled.",
        "hostile",
        "any response",
        "bytes",
        garble,
        {
            "bytes": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 8},
            "in": {"enum": ["body", "headers"], "default": "body"},
        },
    ),
    Fault(
        "early",
        "The response is sent during the upload, as soon as the request's headers have arrived; then the rest is read "
        "and discarded (drain), or the connection is closed. For steps with an error.",
        "hostile",
        "upload",
        "wire",
        early,
        {"then": {"enum": ["drain", "close"], "default": "drain"}},
        "then",
    ),
)
