"""Reads multipart/form-data as its bytes arrive and keeps all that the sender said. Judges nothing.

Built on python-multipart's push parser, not on a web framework's form: order, duplicate names, each part's
own content type and the difference between no file name and an empty one matter to the API's refusals.
"""

import logging
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

import xxhash
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from mockserver.core.request import Part

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

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
FindCached = Callable[[str], bytes | None]


def find_nothing(digest: str) -> bytes | None:
    """Nothing is in memory already."""
    return None


# The parser logs what it refuses; here a refusal is a value, and nobody wants it on stderr as well.
logging.getLogger("python_multipart").addHandler(logging.NullHandler())


# The same few headers come again and again.
options_of = lru_cache(maxsize=1_024)(parse_options_header)


def parse_boundary(content_type: str) -> bytes | None:
    """The boundary that a multipart/form-data content type names, or None."""
    kind, options = options_of(content_type) if len(content_type) < CACHED else parse_options_header(content_type)
    return options.get(b"boundary") if kind == b"multipart/form-data" else None


class FormParser:
    """Feed it the body; once it is closed, `parts` holds the form, or `fault` says why it is none (else None).

    `held` gives the bytes of an xxh3 digest that are in memory already, if they are: they are not held twice.
    """

    def __init__(self, boundary: bytes, held: FindCached = find_nothing) -> None:
        self.parts: list[Part] = []
        self.fault: str | None = None
        self._held, self._ended = held, False
        self._headers: dict[str, str] = {}
        self._name = self._value = b""
        self._chunks: list[memoryview | bytes] = []
        self._bulk = bytearray()
        self._digest = xxhash.xxh3_128()
        self._parser: MultipartParser | None = None
        told: MultipartCallbacks = {
            "on_part_begin": self._begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_end": self._finish,
        }
        try:
            self._parser = MultipartParser(
                boundary, told, max_header_count=PART_HEADERS, max_header_size=PART_HEADER_BYTES
            )
        except FormParserError as error:
            self._fail(str(error))

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body. Never raises: what is wrong ends up in `fault`."""
        if self._parser is None:
            return
        try:
            self._parser.write(data)
        except FormParserError as error:
            self._fail(str(error))

    def close(self) -> None:
        """The body is over: one that ended before its closing boundary is refused."""
        if self.fault is None and not self._ended:
            self._fail("the body ends before its closing boundary")
        # The parser holds this, and with it all parts.
        self._parser = None

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
