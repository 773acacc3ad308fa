"""Splits a complete multipart form at its boundaries, if that yields the same parts as the parser."""

from functools import lru_cache

import xxhash

from mockserver.core.cache import Cache
from mockserver.core.multipart import CACHED, VIEWED, FindCached, FormParser, find_nothing
from mockserver.core.request import Part
from mockserver.limits import DEFAULT_LIMITS, Limits

# Characters of a boundary (RFC 2046, section 5.1.1).
LONGEST = 70
BREAK, BLANK = b"\r\n", b"\r\n\r\n"
# The start of every boundary after a part, and what may follow the last boundary.
EDGE, ENDS = b"\r\n--", (b"--", b"--\r\n")
# Bytes of a part in which searching for the boundary takes longer than recognising them.
SEARCHED = 8_192
# By digest: is there nothing in the bytes that a boundary could begin with? Saves 19 % of the CPU time of a request
# with an image of 1.5 MB that was sent before, and nothing measurable below 100 kB.
RECOGNISED = 4_096
UNBROKEN = Cache[bool](RECOGNISED, lambda _: 1)


def split_form(
    body: bytes, boundary: bytes, find_cached: FindCached = find_nothing, limits: Limits = DEFAULT_LIMITS
) -> list[Part] | None:
    """The parts of a complete form, or None for an unusual form, which the parser must check."""
    first, stop = b"--" + boundary, b"\r\n--" + boundary
    at, parts = len(first), list[Part]()
    if not body.startswith(first) or not 0 < len(boundary) <= LONGEST:
        return None
    while body.startswith(BREAK, at) and len(parts) < limits.form_parts:
        blank = body.find(BLANK, at + 1, at + CACHED)
        headers = parse_headers(body[at + 2 : blank]) if blank > at + 2 else None
        if headers is None:
            return None
        start = blank + len(BLANK)
        # Whether or not it is long, without a look at the rest of it.
        end, digest = body.find(stop, start, start + SEARCHED), None
        if end < 0:
            digest = _recognised(body, start, stop)
            end = _tail(body, stop) if digest else body.find(stop, start)
        if end < 0 or (headers.filename is None and end - start > limits.field_bytes):
            return None
        data, digest = _data(body, start, end, digest, find_cached)
        parts.append(Part(headers.name, headers.filename, headers.content_type, data, digest))
        at = end + len(stop)
    return parts if parts and body[at:] in ENDS else None


def _tail(body: bytes, stop: bytes) -> int:
    """Where the last part ends, if the closing boundary is at the end of the form; else a negative number."""
    end = len(body) - len(stop) - (4 if body.endswith(BREAK) else 2)
    return end if body.startswith(stop, end) and body[end + len(stop) :] in ENDS else -1


def _recognised(body: bytes, start: int, stop: bytes) -> str | None:
    """The digest of the bytes from `start` to the form's end, if they hold no boundary: a search takes longer."""
    end = _tail(body, stop)
    digest = xxhash.xxh3_128_hexdigest(memoryview(body)[start:end]) if end > start else ""
    return digest if UNBROKEN.find(digest) else None


def _data(body: bytes, start: int, end: int, digest: str | None, find_cached: FindCached) -> tuple[bytes, str]:
    if end - start <= VIEWED:
        data = body[start:end]
        return data, xxhash.xxh3_128_hexdigest(data)
    view = memoryview(body)[start:end]
    digest = digest or xxhash.xxh3_128_hexdigest(view)
    data = find_cached(digest) or bytes(view)
    if end - start >= SEARCHED:
        UNBROKEN.get_or_build(digest, lambda: EDGE not in data)
    return data, digest


@lru_cache(maxsize=1_024)
def parse_headers(headers: bytes) -> Part | None:
    parser = FormParser(b"-")
    parser.feed(b"---\r\n" + headers + b"\r\n\r\n\r\n-----\r\n")
    parser.close()
    return parser.parts[0] if parser.error is None and [part.data for part in parser.parts] == [b""] else None
