"""Reads multipart/form-data as its bytes arrive and keeps all that the sender said. Judges nothing.

Built on python-multipart's push parser, not on a web framework's form: order, duplicate names, each part's
own content type and the difference between no file name and an empty one matter to the API's refusals.
A short form is cut at its boundaries at once, where that gives the same parts.
"""

import logging
from collections.abc import Callable
from functools import lru_cache

import xxhash
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from mockserver.shelf import Shelf
from mockserver.wire.request import Part

MAX_PARTS = 1_000
# Headers of one part, and bytes of one of them.
PART_HEADERS = 8
PART_HEADER_BYTES = 4_224
# Bytes of a field that is no file: the base64 of the largest picture, where somebody sends that, and some more.
FIELD_BYTES = 70 * 1024 * 1024
# Pieces of a part that are put together as they come.
PIECES = 64
# Characters of a header that is worth remembering.
CACHED = 500
# Bytes of a piece that is looked at where it is.
VIEWED = 4_096
# Bytes of a body that is waited for, to be cut at once.
SHORT = 2 * 1024 * 1024
# Characters of a boundary (RFC 2046, section 5.1.1).
LONGEST = 70
BREAK, BLANK = b"\r\n", b"\r\n\r\n"
# What every boundary begins with where it ends a part, and all that may follow the last one.
EDGE, ENDS = b"\r\n--", (b"--", b"--\r\n")
# Bytes of a part in which searching for the boundary takes longer than recognising them.
SEARCHED = 16_384
# By digest: is there nothing in the bytes that a boundary could begin with?
RECOGNISED = 4_096
UNBROKEN = Shelf[bool](RECOGNISED, lambda _: 1)

Held = Callable[[str], bytes | None]


def _nothing(digest: str) -> bytes | None:
    return None


# The parser logs what it refuses; here a refusal is a value, and nobody wants it on stderr as well.
logging.getLogger("python_multipart").addHandler(logging.NullHandler())


# The same few headers come again and again.
options_of = lru_cache(maxsize=1_024)(parse_options_header)


def boundary(content_type: str) -> bytes | None:
    """The boundary that a multipart/form-data content type names, or None."""
    kind, options = options_of(content_type) if len(content_type) < CACHED else parse_options_header(content_type)
    return options.get(b"boundary") if kind == b"multipart/form-data" else None


class FormReader:
    """Feed it the body; then `parts` holds the form, and `fault` says why it is not one (else None).

    `held` gives the bytes of an xxh3 digest that are in memory already, if they are: they are not held twice.
    Bodies of up to `short` bytes are cut at once.
    """

    def __init__(self, boundary: bytes, held: Held = _nothing, short: int = SHORT) -> None:
        self.parts: list[Part] = []
        self.fault: str | None = None
        self._boundary, self._held, self._short = boundary, held, short
        self._waiting: list[bytes] | None = []
        self._length = 0
        self._ended = False
        self._headers: dict[str, str] = {}
        self._name = self._value = b""
        self._chunks: list[memoryview | bytes] = []
        self._bulk = bytearray()
        self._digest = xxhash.xxh3_128()
        self._parser: MultipartParser | None = None

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body. Never raises: what is wrong ends up in `fault`."""
        if self._waiting is None:
            self._push(data)
            return
        self._waiting.append(data)
        self._length += len(data)
        if self._length > self._short:
            self._start()

    def close(self) -> None:
        """The body is over: one that ended before its closing boundary is refused."""
        if self._waiting is not None:
            body = b"".join(self._waiting)
            found = cut(body, self._boundary, self._held)
            if found is not None:
                self.parts = found
                return
            self._waiting = [body]
            self._start()
        if self.fault is None and not self._ended:
            self._fail("the body ends before its closing boundary")
        # The parser holds this, and with it all parts.
        self._parser = None

    def _start(self) -> None:
        """Parse what came so far, and from now on what comes."""
        waiting, self._waiting = self._waiting or [], None
        try:
            self._parser = MultipartParser(
                self._boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._header_field,
                    "on_header_value": self._header_value,
                    "on_header_end": self._header_end,
                    "on_part_data": self._data,
                    "on_part_end": self._end,
                    "on_end": self._finish,
                },
                max_header_count=PART_HEADERS,
                max_header_size=PART_HEADER_BYTES,
            )
        except FormParserError as error:
            self._fail(str(error))
        for data in waiting:
            self._push(data)

    def _push(self, data: bytes) -> None:
        if self._parser is None:
            return
        try:
            self._parser.write(data)
        except FormParserError as error:
            self._fail(str(error))

    def _fail(self, reason: str) -> None:
        self.fault, self._parser = reason, None
        self._chunks, self._bulk = [], bytearray()

    def _begin(self) -> None:
        if len(self.parts) >= MAX_PARTS:
            raise FormParserError(f"the form has more than {MAX_PARTS} parts")
        self._headers, self._digest = {}, xxhash.xxh3_128()
        self._name = self._value = b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._name.decode("latin-1").lower()] = self._value.decode("latin-1")
        self._name = self._value = b""

    def _data(self, data: bytes, start: int, end: int) -> None:
        # A view of a long piece saves a copy; of many short ones it would take more memory than they do.
        piece = memoryview(data)[start:end] if end - start > VIEWED else data[start:end]
        self._digest.update(piece)
        self._chunks.append(piece)
        if len(self._chunks) == PIECES:
            # Pieces among those of other uploads would leave memory in tatters.
            self._bulk += b"".join(self._chunks)
            self._chunks.clear()

    def _end(self) -> None:
        said = self._headers.get("content-disposition")
        _, options = options_of(said) if said and len(said) < CACHED else parse_options_header(said)
        filename, digest = options.get(b"filename"), self._digest.hexdigest()
        if filename is None and len(self._bulk) + sum(map(len, self._chunks)) > FIELD_BYTES:
            raise FormParserError(f"a field that is no file has more than {FIELD_BYTES} bytes")
        known = self._held(digest)
        self.parts.append(
            Part(
                name=options.get(b"name", b"").decode("utf-8", "replace"),
                filename=None if filename is None else filename.decode("utf-8", "replace"),
                content_type=self._headers.get("content-type"),
                data=self._whole() if known is None else known,
                digest=digest,
            )
        )
        self._chunks, self._bulk = [], bytearray()

    def _whole(self) -> bytes:
        """The data of a part from its pieces."""
        if not self._bulk:
            return b"".join(self._chunks)
        self._bulk += b"".join(self._chunks)
        return bytes(self._bulk)

    def _finish(self) -> None:
        self._ended = True


def cut(body: bytes, boundary: bytes, held: Held = _nothing) -> list[Part] | None:
    """The parts of a whole form, or None where it is not as plain as clients send it: the parser is to judge it."""
    first, stop = b"--" + boundary, b"\r\n--" + boundary
    at, parts = len(first), list[Part]()
    if not body.startswith(first) or not 0 < len(boundary) <= LONGEST:
        return None
    while body.startswith(BREAK, at) and len(parts) < MAX_PARTS:
        blank = body.find(BLANK, at + 1, at + CACHED)
        said = described(body[at + 2 : blank]) if blank > at + 2 else None
        if said is None:
            return None
        start = blank + len(BLANK)
        digest = None if said.filename is None else _recognised(body, start, stop)
        end = _tail(body, stop) if digest else body.find(stop, start)
        if end < 0 or (said.filename is None and end - start > FIELD_BYTES):
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
    if len(body) - start < SEARCHED:
        return None
    end = _tail(body, stop)
    digest = xxhash.xxh3_128_hexdigest(memoryview(body)[start:end]) if end > start else ""
    return digest if UNBROKEN.find(digest) else None


def _data(body: bytes, start: int, end: int, digest: str | None, held: Held) -> tuple[bytes, str]:
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
def described(headers: bytes) -> Part | None:
    """A part without data, by its headers, as the parser reads them; None where it finds a fault in them."""
    reader = FormReader(b"-", short=0)
    reader.feed(b"---\r\n" + headers + b"\r\n\r\n\r\n-----\r\n")
    return reader.parts[0] if reader.fault is None and [part.data for part in reader.parts] == [b""] else None
