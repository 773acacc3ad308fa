"""Server-sent events are read in every framing that the HTML standard allows."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.core import sse
from mockserver.core.sse import Event

LINES = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=20)


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"", []),
        (b"event: a\ndata: {}\n\n", [Event("a", "{}")]),
        (b"event:a\r\ndata:1\r\rdata: 2\n\n", [Event("a", "1"), Event("message", "2")]),
        (b"data: 1\ndata:\ndata:  2\n\n", [Event("message", "1\n\n 2")]),
        (b"\xef\xbb\xbfdata: 1\n\n", [Event("message", "1")]),
        (b": ping\n\nid: 7\nretry: 10\nnothing\ndata: 1\n\n", [Event("message", "1")]),
        (b"event: a\n\ndata: 1\n\n", [Event("message", "1")]),
        (b"event: a\nevent:\ndata\n\n", [Event("message", "")]),
        (b'event: a\ndata: {"b', [Event("a", '{"b')]),
        (b"data: \xff\n\n", [Event("message", "\ufffd")]),
    ],
    ids=[
        "empty",
        "as-the-api",
        "line-ends",
        "several-lines",
        "byte-order-mark",
        "other-fields",
        "no-data",
        "no-name",
        "cut",
        "no-utf-8",
    ],
)
def test_parse(stream: bytes, events: list[Event]) -> None:
    assert list(sse.parse(stream)) == events


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.lists(st.tuples(LINES.filter(bool), LINES), max_size=5))
def test_what_was_framed(events: list[tuple[str, str]]) -> None:
    stream = b"".join(sse.frame(name, data.encode()) for name, data in events)
    assert list(sse.parse(stream)) == events
