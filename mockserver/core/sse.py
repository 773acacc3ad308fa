"""Server-sent events: written as the API frames them, an event line, a data line and a blank line; read in any framing.

Source: recorded streams of 2025-10 to 2026-07; no keep-alive comments and no `[DONE]` were ever seen.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

LINE_END = re.compile("\r\n|\r|\n")


class Event(NamedTuple):
    """One event of a stream."""

    name: str
    data: str


def frame(event: str, data: bytes) -> bytes:
    return b"".join((b"event: ", event.encode("utf-8", "replace"), b"\ndata: ", data, b"\n\n"))


def parse(stream: bytes) -> Iterator[Event]:
    """The events of a stream, by the HTML standard's rules, with one exception: the last may lack its blank line."""
    name, data = "", list[str]()
    for line in (*LINE_END.split(stream.decode("utf-8", "replace").removeprefix("\ufeff")), ""):
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)
        elif not line:
            if data:
                yield Event(name or "message", "\n".join(data))
            name, data = "", []
