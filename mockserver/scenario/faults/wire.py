"""Faults of the connection: it ends too early, or its bytes are not what HTTP promised."""

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


def close(plan: Plan, given: Parameters, draw: RandInt) -> Plan | None:
    """The connection is closed too early."""
    parts = split_at(plan, given["at"], given.get("bytes"))
    return parts and (*parts[0], Cut("close"))


def reset(plan: Plan, given: Parameters, draw: RandInt) -> Plan | None:
    """The connection is torn down."""
    parts = split_at(plan, given["at"], given.get("bytes"))
    return parts and (*parts[0], Cut("reset"))


def truncate(plan: Plan, given: Parameters, draw: RandInt) -> Plan | None:
    """The body ends in the middle of what its framing promised."""
    if find_head(plan) is None or not join_body(plan):
        return None
    framed = to_raw(plan)
    top = next(place for place, step in enumerate(framed) if isinstance(step, Raw))
    whole = sum(len(step.data) for step in framed[top + 1 :] if isinstance(step, Raw))
    return (*framed[: top + 1], *_first(framed[top + 1 :], int((whole - 1) * given["keep"])), Cut("close"))


def _first(steps: Plan, left: int) -> Iterator[Step]:
    """Steps that write so many bytes in all."""
    for step in steps:
        if left and isinstance(step, Raw):
            yield Raw(step.data[:left])
            left = max(0, left - len(step.data))
        elif left:
            yield step


def content_length(plan: Plan, given: Parameters, draw: RandInt) -> Plan | None:
    """Content-Length is not the length."""
    top, size = find_head(plan), len(join_body(plan))
    length = max(0, size + given["by"])
    if top is None or length == size:
        return None
    top = set_header(set_header(top, "transfer-encoding", None), "content-length", str(length))
    before, after = split_body(replace_head(plan, top), length)
    beyond = (Raw(step.data) if isinstance(step, Chunk) else step for step in after if not isinstance(step, End))
    return (*before, *beyond, Cut("close"))


def garble(plan: Plan, given: Parameters, draw: RandInt) -> Plan | None:
    """Some bytes are others."""
    top = find_head(plan)
    if given["in"] == "headers":
        if top is None:
            return None
        place = plan.index(top)
        # The protocol's name is what no client can do without.
        return tuple(
            Raw(_garbled(step.data[:8], given["bytes"], draw) + step.data[8:])
            if index == place and isinstance(step, Raw)
            else step
            for index, step in enumerate(to_raw(plan))
        )
    whole = join_body(plan)
    if not whole or top is None:
        return None
    left = iter(_garbled(whole, given["bytes"], draw))
    return tuple(
        Chunk(bytes(itertools.islice(left, len(step.data)))) if isinstance(step, Chunk) else step for step in plan
    )


def _garbled(data: bytes, count: int, draw: RandInt) -> bytes:
    changed = bytearray(data)
    for number in range(count):
        # Never a byte of ASCII, so that it is another one.
        changed[draw(f"place/{number}", 0, len(data) - 1)] = draw(f"byte/{number}", 128, 255)
    return bytes(changed)


def early(plan: Plan, given: Parameters, draw: RandInt) -> Plan | None:
    """The answer to an upload that has not been read; that it is not, is done before there is an answer."""
    top = find_head(plan)
    if top is None:
        return None
    return replace_head(plan, set_header(top, "connection", "close")) if given["then"] == "close" else plan


AT = {"description": "Where.", "enum": ["start", "inside_headers", "headers", "body"], "default": "start"}

FAULTS = (
    Fault(
        "close",
        "The connection is closed before the first byte, inside the headers, after them, or within the body.",
        "hostile",
        "any answer",
        "wire",
        close,
        {"at": AT, "bytes": BYTES},
        "at",
    ),
    Fault(
        "reset",
        "The connection is reset (TCP RST) before the first byte, inside the headers, after them, or within the body.",
        "hostile",
        "any answer",
        "wire",
        reset,
        {"at": AT, "bytes": BYTES},
        "at",
    ),
    Fault(
        "truncate",
        "The body ends in the middle of a chunk, or before its Content-Length, and the connection is closed.",
        "hostile",
        "any answer",
        "bytes",
        truncate,
        {"keep": KEEP},
        "keep",
    ),
    Fault(
        "content_length",
        "Content-Length is so many bytes too long, or (less than 0) too short.",
        "hostile",
        "any answer",
        "wire",
        content_length,
        {"by": {"type": "integer", "minimum": -1_000_000_000, "maximum": 1_000_000_000, "default": 10}},
        "by",
    ),
    Fault(
        "garble",
        "Some bytes of the body, or the beginning of the status line, are garbled.",
        "hostile",
        "any answer",
        "bytes",
        garble,
        {
            "bytes": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 8},
            "in": {"enum": ["body", "headers"], "default": "body"},
        },
    ),
    Fault(
        "early",
        "The answer is sent while the upload is still coming, as soon as its head has arrived; then the rest is read "
        "and thrown away (drain), or the connection is closed. For steps that order an error.",
        "hostile",
        "upload",
        "wire",
        early,
        {"then": {"enum": ["drain", "close"], "default": "drain"}},
        "then",
    ),
)
