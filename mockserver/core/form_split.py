"""Cuts a whole multipart form at its boundaries, where that gives the parts that the parser would find."""

from functools import lru_cache

import xxhash

from mockserver.core import multipart
from mockserver.core.cache import Shelf
from mockserver.core.multipart import CACHED, MAX_PARTS, VIEWED, FindCached, FormParser, find_nothing
from mockserver.core.request import Part

# Characters of a boundary (RFC 2046, section 5.1.1).
LONGEST = 70
BREAK, BLANK = b"\r\n", b"\r\n\r\n"
# What every boundary begins with where it ends a part, and all that may follow the last one.
EDGE, ENDS = b"\r\n--", (b"--", b"--\r\n")
# Bytes of a part in which searching for the boundary takes longer than recognising them.
SEARCHED = 8_192
# By digest: is there nothing in the bytes that a boundary could begin with? Saves 19 % of the CPU time of a request
# with an image of 1.5 MB that was sent before, and nothing measurable below 100 kB.
RECOGNISED = 4_096
UNBROKEN = Shelf[bool](RECOGNISED, lambda _: 1)


def split_form(body: bytes, boundary: bytes, held: FindCached = find_nothing) -> list[Part] | None:
    """The parts of a whole form, or None where it is not as plain as clients send it: the parser is to judge it."""
    first, stop = b"--" + boundary, b"\r\n--" + boundary
    at, parts = len(first), list[Part]()
    if not body.startswith(first) or not 0 < len(boundary) <= LONGEST:
        return None
    while body.startswith(BREAK, at) and len(parts) < MAX_PARTS:
        blank = body.find(BLANK, at + 1, at + CACHED)
        said = parse_headers(body[at + 2 : blank]) if blank > at + 2 else None
        if said is None:
            return None
        start = blank + len(BLANK)
        # Whether or not it is long, without a look at the rest of it.
        end, digest = body.find(stop, start, start + SEARCHED), None
        if end < 0:
            digest = _recognised(body, start, stop)
            end = _tail(body, stop) if digest else body.find(stop, start)
        if end < 0 or (said.filename is None and end - start > multipart.FIELD_BYTES):
            return None
        data, digest = _data(body, start, end, digest, held)
        parts.append(Part(said.name, said.filename, said.content_type, data, digest))
        at = end + len(stop)
    return parts if parts and body[at:] in ENDS else None


def _tail(body: bytes, stop: bytes) -> int:
    """Where the last part of a form ends, if that is where all clients end it; else a negative number."""
    end = len(body) - len(stop) - (4 if body.endswith(BREAK) else 2)
    return end if body.startswith(stop, end) and body[end + len(stop) :] in ENDS else -1


def _recognised(body: bytes, start: int, stop: bytes) -> str | None:
    """The digest of all from `start` to the form's end, if no boundary can be in there: searching takes longer."""
    end = _tail(body, stop)
    digest = xxhash.xxh3_128_hexdigest(memoryview(body)[start:end]) if end > start else ""
    return digest if UNBROKEN.find(digest) else None


def _data(body: bytes, start: int, end: int, digest: str | None, held: FindCached) -> tuple[bytes, str]:
    """The bytes of a part, those in memory if they are, and their digest, which may be known."""
    if end - start <= VIEWED:
        data = body[start:end]
        return data, xxhash.xxh3_128_hexdigest(data)
    view = memoryview(body)[start:end]
    digest = digest or xxhash.xxh3_128_hexdigest(view)
    data = held(digest) or bytes(view)
    if end - start >= SEARCHED:
        UNBROKEN.get(digest, lambda: EDGE not in data)
    return data, digest


@lru_cache(maxsize=1_024)
def parse_headers(headers: bytes) -> Part | None:
    """A part without data, by its headers, as the parser reads them; None where it finds a fault in them."""
    stream = FormParser(b"-")
    stream.feed(b"---\r\n" + headers + b"\r\n\r\n\r\n-----\r\n")
    stream.close()
    return stream.parts[0] if stream.fault is None and [part.data for part in stream.parts] == [b""] else None
