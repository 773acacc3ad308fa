"""Reads and replaces parts of a plan, consistently: a new body gets a new Content-Length."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus

from mockserver.core.plan import Chunk, End, Head, Plan, Raw, Step, Wait

Events = list[tuple[Plan, bytes]]


def find_head(plan: Plan) -> Head | None:
    return next((step for step in plan if isinstance(step, Head)), None)


def find_header(plan: Plan, name: str) -> str:
    head = find_head(plan)
    return dict(head.headers).get(name, "") if head else ""


def join_body(plan: Plan) -> bytes:
    return b"".join(step.data for step in plan if isinstance(step, Chunk))


def is_stream(plan: Plan) -> bool:
    return find_header(plan, "content-type").startswith("text/event-stream") and not find_header(
        plan, "content-encoding"
    )


def is_json(plan: Plan) -> bool:
    return find_header(plan, "content-type").startswith("application/json") and not find_header(
        plan, "content-encoding"
    )


def set_header(head: Head, name: str, value: str | None) -> Head:
    """A head with that header in place of others of its name, or added last; None removes them."""
    names = [key for key, _ in head.headers]
    place = names.index(name) if name in names else len(names)
    headers = [pair for pair in head.headers if pair[0] != name]
    if value is not None:
        headers.insert(place, (name, value))
    return replace(head, headers=tuple(headers))


def replace_head(plan: Plan, new: Head) -> Plan:
    return tuple(new if isinstance(step, Head) else step for step in plan)


def replace_body(plan: Plan, data: bytes) -> Plan:
    waits = itertools.takewhile(lambda step: isinstance(step, Wait), plan)
    head = find_head(plan)
    assert head is not None
    if find_header(plan, "content-length"):
        head = set_header(head, "content-length", str(len(data)))
    return (*waits, head, Chunk(data), End())


def split_events(plan: Plan) -> Events:
    events: Events = []
    waits: list[Step] = []
    for step in plan[[isinstance(step, Head) for step in plan].index(True) + 1 :]:
        if isinstance(step, Chunk):
            events.append((tuple(waits), step.data))
            waits = []
        else:
            waits.append(step)
    return events


def replace_events(plan: Plan, events: Events) -> Plan:
    start = [isinstance(step, Head) for step in plan].index(True) + 1
    return (*plan[:start], *(step for waits, data in events for step in (*waits, Chunk(data))), End())


def split_body(plan: Plan, size: int) -> tuple[Plan, Plan]:
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


def serialize_head(head: Head) -> bytes:
    """A head as bytes, with `connection: close`, since the connection cannot be reused afterwards."""
    try:
        phrase = HTTPStatus(head.status).phrase
    except ValueError:
        phrase = ""
    lines = [f"HTTP/1.1 {head.status} {phrase}", *(f"{name}: {value}" for name, value in head.headers)]
    return "\r\n".join([*lines, "connection: close", "", ""]).encode("latin-1")


def to_raw(plan: Plan) -> Plan:
    """The same response as the bytes of a connection, with chunked framing where HTTP requires it."""
    head = find_head(plan)
    chunked = not find_header(plan, "content-length")
    if head and chunked:
        plan = replace_head(plan, set_header(head, "transfer-encoding", "chunked"))
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
    """The plan before and after `start`, `inside_headers`, `headers` or `body`; None if it has no such place.

    `body` splits after `size` bytes of the body, or by default after half of them.
    """
    head = find_head(plan)
    if head is None:
        return None
    place = plan.index(head)
    match at:
        case "start":
            return plan[:place], plan[place:]
        case "inside_headers":
            data = serialize_head(head)
            return (*plan[:place], Raw(data[: len(data) // 2])), ()
        case "headers":
            return plan[: place + 1], plan[place + 1 :]
    whole = join_body(plan)
    return split_body(plan, len(whole) // 2 if size is None else size) if whole else None
