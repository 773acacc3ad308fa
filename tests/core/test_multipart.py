"""Multipart bodies as they arrive: nothing that the client sent is lost, and invalid bodies are errors."""

import logging
import random
from collections.abc import Sequence

import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.core.form_reader import FormReader
from mockserver.core.multipart import parse_boundary
from mockserver.core.request import Part
from mockserver.limits import DEFAULT_LIMITS
from tests.support.images import png

EDGE = b"----edge0123"
CLOSE = b"--" + EDGE + b"--"


def part(disposition: str, data: bytes = b"x", *headers: str) -> bytes:
    lines = [f"Content-Disposition: form-data; {disposition}", *headers]
    return b"--" + EDGE + b"\r\n" + "\r\n".join(lines).encode() + b"\r\n\r\n" + data + b"\r\n"


def read(body: bytes, *cuts: int, edge: bytes = EDGE) -> FormReader:
    reader = FormReader(edge)
    for start, end in zip((0, *cuts), (*cuts, len(body)), strict=True):
        reader.feed(body[start:end])
    reader.close()
    return reader


def one(disposition: str, data: bytes = b"x", *headers: str) -> Part:
    reader = read(part(disposition, data, *headers) + CLOSE)
    assert reader.error is None
    (found,) = reader.parts
    return found


def test_order_and_duplicates() -> None:
    names = ["prompt", "image[]", "image", "image[]", "n", "image", "prompt"]
    reader = read(b"".join(part(f'name="{name}"', str(i).encode()) for i, name in enumerate(names)) + CLOSE)
    assert reader.error is None
    assert [(p.name, p.data) for p in reader.parts] == [(name, str(i).encode()) for i, name in enumerate(names)]


def test_file_part() -> None:
    data = png()
    found = one('name="image"; filename="a.png"', data, "Content-Type: image/png")
    assert found == Part("image", "a.png", "image/png", data, xxhash.xxh3_128_hexdigest(data))


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ((), None),
        (("Content-Type: text/plain; charset=utf-8",), "text/plain; charset=utf-8"),
        (("CONTENT-TYPE: image/webp",), "image/webp"),
        (("Content-Type:",), ""),
        (("Content-Type: image/png", "Content-Type: image/jpeg"), "image/jpeg"),
        (("Content-Length: 1", "X-Own: y"), None),
    ],
)
def test_content_type_of_a_part(headers: Sequence[str], kind: str | None) -> None:
    assert one('name="a"', b"x", *headers).content_type == kind


@pytest.mark.parametrize(
    ("disposition", "name", "filename"),
    [
        ('name="a"', "a", None),
        ('name="a"; filename=""', "a", ""),
        ('name="a"; filename="b.png"', "a", "b.png"),
        ("name=a; filename=b.png", "a", "b.png"),
        ('filename="b.png"; name="a"', "a", "b.png"),
        ('name="image[]"; filename="b"', "image[]", "b"),
        ('name="ä"; filename="日本 🦊.png"', "ä", "日本 🦊.png"),
        ('name="a"; filename="x\\"y.png"', "a", 'x"y.png'),
        ('name="a"; filename="x%22y.png"', "a", "x%22y.png"),
        ('name="a;b=c"; filename="x;y=z.png"', "a;b=c", "x;y=z.png"),
        ('name="a"; filename="C:\\dir\\b.png"', "a", "b.png"),
        ("name=\"a\"; filename*=UTF-8''b.png", "a", None),
        ('name=""', "", None),
        ('filename="b"', "", "b"),
    ],
)
def test_names(disposition: str, name: str, filename: str | None) -> None:
    found = one(disposition)
    assert (found.name, found.filename) == (name, filename)


def test_missing_disposition() -> None:
    reader = read(b"--" + EDGE + b"\r\nX: y\r\n\r\n1\r\n" + CLOSE)
    assert [(p.name, p.filename, p.data) for p in reader.parts] == [("", None, b"1")]


def test_name_is_not_utf8() -> None:
    body = part('name="a"; filename="b"').replace(b'"a"', b'"\xff"').replace(b'"b"', b'"\xfe.png"')
    (found,) = read(body + CLOSE).parts
    assert (found.name, found.filename) == ("\ufffd", "\ufffd.png")


BODY = (
    part('name="prompt"', "Mach es Nacht, 夜".encode())
    + part('name="image[]"; filename="ü.png"', b"\r\n--" + EDGE[:-1] + b"\r\n\x00--", "Content-Type: image/png")
    + part('name="empty"; filename=""', b"")
    + CLOSE
    + b"\r\n"
)


def test_parts_are_independent() -> None:
    found = [(p.name, p.filename, p.content_type) for p in read(BODY).parts]
    assert found == [("prompt", None, None), ("image[]", "ü.png", "image/png"), ("empty", "", None)]
    assert read(BODY).parts[0].data.decode() == "Mach es Nacht, 夜"
    assert read(BODY).parts[2].digest == xxhash.xxh3_128_hexdigest(b"")


def test_truncated_anywhere() -> None:
    """A body that ends before its closing boundary is an error, wherever it ends."""
    complete = len(BODY) - len(b"\r\n")
    kept = [length for length in range(len(BODY) + 1) if read(BODY[:length]).error is None]
    assert kept == [complete, complete + 1, complete + 2]
    assert read(BODY[: complete - 1]).error == "the body ends before its closing boundary"


def test_byte_by_byte() -> None:
    whole, slow = read(BODY), read(BODY, *range(1, len(BODY)))
    assert whole.error is slow.error is None
    assert len(whole.parts) == 3
    assert whole.parts == slow.parts


CONTENTS = st.lists(st.sampled_from([b"\r", b"\n", b"-", b"--", b"\r\n--", EDGE, EDGE[:4], b"a", b"\x00"]), max_size=12)


@settings(derandomize=True, max_examples=150, deadline=None)
@given(contents=st.lists(CONTENTS.map(b"".join) | st.binary(max_size=40), min_size=1, max_size=4), data=st.data())
def test_split_anywhere(contents: list[bytes], data: st.DataObject) -> None:
    """The result does not depend on how the network splits the body."""
    body = b"".join(part(f'name="f{i}"; filename="x"', content) for i, content in enumerate(contents)) + CLOSE
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=8)))
    whole, split = read(body), read(body, *cuts)
    assert whole.parts == split.parts
    assert (whole.error is None) == (split.error is None)
    if not any(b"\r\n--" + EDGE in b"\r\n" + content for content in contents):
        assert [p.data for p in whole.parts] == contents


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=30) | st.sampled_from([CLOSE, b"--" + EDGE, b"\r\n", b"A: b\r\n\r\n"]), max_size=8))
def test_any_bytes(pieces: list[bytes]) -> None:
    """No bytes make the reader raise."""
    reader = FormReader(EDGE)
    for piece in pieces:
        reader.feed(piece)
    reader.close()
    assert reader.error is None or reader.error


PIECES = [
    part('name="a"'),
    part('name="image[]"; filename="a.png"', png(), "Content-Type: image/png"),
    part('name="a"', b""),
    part('name="a"', b"--" + EDGE),
    part('name="a"', b"x\r\n--" + EDGE[:-1]),
    part('name="a"', b"\r\n" * 3, "X: " + "y" * 600),
    part("name"),
    CLOSE,
    CLOSE + b"\r\n",
    b"--" + EDGE,
    b"--" + EDGE + b"\r\n",
    b"--" + EDGE + b" \r\n",
    b"--" + EDGE + b"\r\n\r\nx\r\n",
    b"--" + EDGE + b"\r\n: x\r\n\r\nx\r\n",
    b"--" + EDGE + b"\r\nA: b\n\r\n\r\nx\r\n",
    b"--" + EDGE + b"\r\nA: b\r\n c\r\n\r\nx\r\n",
    b"--" + EDGE + b"\r\nA: b\r\n---\r\nC: d\r\n\r\nx\r\n",
    b"\r\n",
    b"\r\n\r\n",
    b"x",
    b"A: b\r\n\r\n",
]


def parsed(body: bytes, **how: int) -> tuple[list[Part], str | None]:
    reader = FormReader(EDGE, **how)
    reader.feed(body)
    reader.close()
    return ([] if reader.error else reader.parts), reader.error


@settings(derandomize=True, max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=6), st.sampled_from([b"", CLOSE]))
def test_split_at_once(pieces: list[bytes], end: bytes) -> None:
    """A short form that is split at its boundaries has the same parts, or the same error, as the parser's."""
    body = b"".join(pieces) + end
    assert parsed(body) == parsed(body, short=0)


NOISE = random.Random(9).randbytes(20_000)
LONG = [
    part('name="image"; filename="a.png"', data)
    for data in (
        NOISE,
        NOISE + b"\r\n--" + EDGE[:-1],
        NOISE + b"\r\n--" + EDGE,
        NOISE + CLOSE + b"\r\n",
        b"--" + EDGE + NOISE,
        *[NOISE + end for end in (b"\r", b"\r\n", b"\r\n-", b"\r\n--", b"-", b"\r\n\r\n--")],
    )
]


@settings(derandomize=True, max_examples=500, deadline=None)
@given(
    st.lists(st.sampled_from([*LONG, *PIECES[:3]]), min_size=1, max_size=4), st.sampled_from([CLOSE, CLOSE + b"\r\n"])
)
def test_repeated_long_parts(pieces: list[bytes], end: bytes) -> None:
    """Long parts that were seen before are recognized, whatever is in or around them."""
    body = b"".join(pieces) + CLOSE + end
    expected = parsed(body, short=0)
    assert [parsed(body), parsed(body)] == [expected] * 2


def test_long_part_with_another_boundary() -> None:
    """A part that was complete with one boundary may be split by another."""
    data = NOISE + b"\r\n" + part('name="b"', b"y").replace(EDGE, b"other").removesuffix(b"\r\n")
    body = part('name="image"; filename="a.png"', data) + CLOSE
    assert [found.data for found in parsed(body)[0]] == [data]
    reader = FormReader(b"other")
    reader.feed(body.replace(EDGE, b"other"))
    reader.close()
    assert [found.data for found in reader.parts] == [NOISE, b"y"]


@pytest.mark.parametrize("piece", PIECES, ids=range(len(PIECES)))
def test_single_piece_is_split_at_once(piece: bytes) -> None:
    for body in (piece, piece + CLOSE, part('name="b"') + piece + CLOSE):
        assert parsed(body) == parsed(body, short=0)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", "the body ends"),
        (b"just words", "boundary"),
        (b"before\r\n" + BODY, "boundary"),
        (b'{"prompt": "x"}', "boundary"),
        (BODY.replace(EDGE, b"other"), "boundary"),
        (b"--" + EDGE + b"\r\nno header\r\n\r\nx\r\n" + CLOSE, "invalid character"),
        (b"--" + EDGE + b"\r\n: x\r\n\r\nx\r\n" + CLOSE, "0-length header"),
        (part('name="a"', b"x", *(f"X{i}: y" for i in range(100_000))) + CLOSE, "header count"),
        (part('name="a"', b"x", "X: " + "y" * 1_000_000) + CLOSE, "header size"),
        (part('name="a"') * (DEFAULT_LIMITS.form_parts + 1) + CLOSE, f"more than {DEFAULT_LIMITS.form_parts} parts"),
    ],
)
def test_invalid_bodies(body: bytes, error: str) -> None:
    reader = read(body)
    assert reader.error
    assert error in reader.error
    first = reader.error
    reader.feed(BODY)
    reader.close()
    assert reader.error == first


def test_maximum_number_of_parts() -> None:
    reader = read(part('name="a"') * DEFAULT_LIMITS.form_parts + CLOSE)
    assert (reader.error, len(reader.parts)) == (None, DEFAULT_LIMITS.form_parts)


@pytest.mark.parametrize("after", [b"", b"\r\n", b"\r\nafter", BODY])
def test_after_the_end(after: bytes) -> None:
    reader = read(part('name="a"') + CLOSE + after)
    assert (reader.error, [p.name for p in reader.parts]) == (None, ["a"])


def test_no_parts() -> None:
    assert (read(CLOSE).error, read(CLOSE).parts) == (None, [])


def test_leading_line_break() -> None:
    assert read(b"\r\n" + BODY).parts == read(BODY).parts


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("multipart/form-data; boundary=abc", b"abc"),
        ('multipart/form-data; boundary="a b:c"', b"a b:c"),
        ("Multipart/Form-Data;BOUNDARY=abc;charset=utf-8", b"abc"),
        ("multipart/form-data ; charset=utf-8; boundary=abc", b"abc"),
        ("multipart/form-data; boundary=", b""),
        ("multipart/form-data; boundary=\xe9", b"\xe9"),
        ("multipart/form-data", None),
        ("multipart/form-data;", None),
        ("multipart/mixed; boundary=abc", None),
        ("application/json", None),
        (";;;=;", None),
        ("", None),
    ],
)
def test_boundary(content_type: str, expected: bytes | None) -> None:
    assert parse_boundary(content_type) == expected


@pytest.mark.parametrize(("length", "good"), [(1, True), (70, True), (256, True), (257, False), (5000, False)])
def test_boundary_length(length: int, good: bool) -> None:
    edge = b"x" * length
    assert (read(BODY.replace(EDGE, edge), edge=edge).error is None) == good


def test_nothing_logged(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without logging set up, the parser's errors do not reach stderr."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    logging.getLogger("somebody.else").warning("shown")
    for body in (b"just words", BODY + b"after", b"--" + EDGE + b"\r\nno header\r\n\r\n"):
        read(body)
    assert capsys.readouterr().err == "shown\n"
