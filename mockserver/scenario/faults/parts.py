"""What a plan consists of, and how a part of it is changed without harm to the rest. Breaks nothing by itself."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus

from mockserver.core.plan import Chunk, End, Head, Plan, Raw, Step, Wait

Events = list[tuple[Plan, bytes]]


def find_head(plan: Plan) -> Head | None:
    """The status line and headers of a plan; None where it has none, or none that are still to be spelled."""
    return next((step for step in plan if isinstance(step, Head)), None)


def find_header(plan: Plan, name: str) -> str:
    """The last header of that name, in lower case; empty where there is none."""
    found = find_head(plan)
    return dict(found.headers).get(name, "") if found else ""


def join_body(plan: Plan) -> bytes:
    """The whole body."""
    return b"".join(step.data for step in plan if isinstance(step, Chunk))


def is_stream(plan: Plan) -> bool:
    """Does it send events?"""
    return find_header(plan, "content-type").startswith("text/event-stream") and not find_header(
        plan, "content-encoding"
    )


def is_json(plan: Plan) -> bool:
    """Does it send one JSON body?"""
    return find_header(plan, "content-type").startswith("application/json") and not find_header(
        plan, "content-encoding"
    )


def set_header(given: Head, name: str, value: str | None) -> Head:
    """A head with that header in the place of others of its name, or last; None takes them away."""
    names = [known for known, _ in given.headers]
    place = names.index(name) if name in names else len(names)
    kept = [pair for pair in given.headers if pair[0] != name]
    if value is not None:
        kept.insert(place, (name, value))
    return replace(given, headers=tuple(kept))


def replace_head(plan: Plan, new: Head) -> Plan:
    """The plan with another head."""
    return tuple(new if isinstance(step, Head) else step for step in plan)


def replace_body(plan: Plan, data: bytes) -> Plan:
    """The plan with another body, in one piece; a Content-Length stays right. It has a head."""
    waits = itertools.takewhile(lambda step: isinstance(step, Wait), plan)
    given = find_head(plan)
    assert given is not None
    if find_header(plan, "content-length"):
        given = set_header(given, "content-length", str(len(data)))
    return (*waits, given, Chunk(data), End())


def split_events(plan: Plan) -> Events:
    """The pieces of a stream, each with what is waited before it."""
    found: Events = []
    waits: list[Step] = []
    for step in plan[[isinstance(step, Head) for step in plan].index(True) + 1 :]:
        if isinstance(step, Chunk):
            found.append((tuple(waits), step.data))
            waits = []
        else:
            waits.append(step)
    return found


def replace_events(plan: Plan, pieces: Events) -> Plan:
    """The stream with other pieces."""
    start = [isinstance(step, Head) for step in plan].index(True) + 1
    return (*plan[:start], *(step for waits, data in pieces for step in (*waits, Chunk(data))), End())


def split_body(plan: Plan, size: int) -> tuple[Plan, Plan]:
    """The plan up to so many bytes of its body, and what comes after."""
    before: list[Step] = []
    for place, step in enumerate(plan):
        if isinstance(step, Chunk):
            if len(step.data) > size:
                parts = Chunk(step.data[:size]), Chunk(step.data[size:])
                return (*before, *parts[: 1 if size else 0]), (parts[1], *plan[place + 1 :])
            size -= len(step.data)
        elif isinstance(step, End):
            return tuple(before), plan[place:]
        before.append(step)
    return tuple(before), ()


def serialize_head(given: Head) -> bytes:
    """A head as bytes. The connection is not used again, and says so."""
    try:
        phrase = HTTPStatus(given.status).phrase
    except ValueError:
        phrase = ""
    lines = [f"HTTP/1.1 {given.status} {phrase}", *(f"{name}: {value}" for name, value in given.headers)]
    return "\r\n".join([*lines, "connection: close", "", ""]).encode("latin-1")


def to_raw(plan: Plan) -> Plan:
    """The same answer as bytes on a connection, its chunks framed."""
    given = find_head(plan)
    chunked = not find_header(plan, "content-length")
    if given and chunked:
        plan = replace_head(plan, set_header(given, "transfer-encoding", "chunked"))
    return tuple(_raw_steps(plan, chunked))


def _raw_steps(plan: Plan, chunked: bool) -> Iterator[Step]:
    for step in plan:
        match step:
            case Head():
                yield Raw(serialize_head(step))
            case Chunk(data):
                if data:
                    yield Raw(b"%x\r\n%b\r\n" % (len(data), data) if chunked else data)
            case End() if chunked:
                yield from (Raw(b"0\r\n\r\n"), step)
            case _:
                yield step


def split_at(plan: Plan, at: str, size: int | None) -> tuple[Plan, Plan] | None:
    """The plan before and after `start`, `inside_headers`, `headers` or `body`; None where it has no such place.

    In the body that is after `size` bytes, or half of them.
    """
    top = find_head(plan)
    if top is None:
        return None
    place = plan.index(top)
    match at:
        case "start":
            return plan[:place], plan[place:]
        case "inside_headers":
            spelling = serialize_head(top)
            return (*plan[:place], Raw(spelling[: len(spelling) // 2])), ()
        case "headers":
            return plan[: place + 1], plan[place + 1 :]
    whole = join_body(plan)
    return split_body(plan, len(whole) // 2 if size is None else size) if whole else None
