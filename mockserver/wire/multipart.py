"""Reads multipart/form-data as its bytes arrive and keeps all that the sender said. Judges nothing.

Built on python-multipart's push parser, not on a web framework's form: order, duplicate names, each part's
own content type and the difference between no file name and an empty one matter to the API's refusals.
"""

import logging
from functools import lru_cache

import xxhash
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from mockserver.wire.request import Part

MAX_PARTS = 1_000
# Characters of a header that is worth remembering.
CACHED = 500

# The parser logs what it refuses; here a refusal is a value, and nobody wants it on stderr as well.
logging.getLogger("python_multipart").addHandler(logging.NullHandler())


# The same few headers come again and again.
options_of = lru_cache(maxsize=1_024)(parse_options_header)


def boundary(content_type: str) -> bytes | None:
    """The boundary that a multipart/form-data content type names, or None."""
    kind, options = options_of(content_type) if len(content_type) < CACHED else parse_options_header(content_type)
    return options.get(b"boundary") if kind == b"multipart/form-data" else None


class FormReader:
    """Feed it the body; then `parts` holds the form, and `fault` says why it is not one (else None)."""

    def __init__(self, boundary: bytes) -> None:
        self.parts: list[Part] = []
        self.fault: str | None = None
        self._ended = False
        self._headers: dict[str, str] = {}
        self._name = self._value = b""
        self._chunks: list[bytes] = []
        self._digest = xxhash.xxh3_128()
        try:
            self._parser: MultipartParser | None = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._header_field,
                    "on_header_value": self._header_value,
                    "on_header_end": self._header_end,
                    "on_part_data": self._data,
                    "on_part_end": self._end,
                    "on_end": self._finish,
                },
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

    def _fail(self, reason: str) -> None:
        self.fault, self._parser = reason, None
        self._chunks = []

    def _begin(self) -> None:
        if len(self.parts) >= MAX_PARTS:
            raise FormParserError(f"the form has more than {MAX_PARTS} parts")
        self._headers, self._chunks, self._digest = {}, [], xxhash.xxh3_128()
        self._name = self._value = b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._name.decode("latin-1").lower()] = self._value.decode("latin-1")
        self._name = self._value = b""

    def _data(self, data: bytes, start: int, end: int) -> None:
        piece = data[start:end]
        self._digest.update(piece)
        self._chunks.append(piece)

    def _end(self) -> None:
        said = self._headers.get("content-disposition")
        _, options = options_of(said) if said and len(said) < CACHED else parse_options_header(said)
        filename = options.get(b"filename")
        self.parts.append(
            Part(
                name=options.get(b"name", b"").decode("utf-8", "replace"),
                filename=None if filename is None else filename.decode("utf-8", "replace"),
                content_type=self._headers.get("content-type"),
                data=self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks),
                digest=self._digest.hexdigest(),
            )
        )
        self._chunks = []

    def _finish(self) -> None:
        self._ended = True
