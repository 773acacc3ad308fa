"""Parses multipart/form-data while its bytes arrive, without losing anything that the client sent.

Built on python-multipart's push parser, not on a web framework's form: the API's errors depend on the order of parts,
duplicate names, content types, and the difference between no file name and an empty one.
"""

import logging
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

import xxhash
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from mockserver.core.request import Part
from mockserver.limits import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

# Pieces of a part that are joined at a time.
PIECES = 64
# The longest header, in characters, that is cached.
CACHED = 500
# The longest piece, in bytes, that is copied instead of viewed.
VIEWED = 4_096
FindCached = Callable[[str], bytes | None]


def find_nothing(digest: str) -> bytes | None:
    return None


# The parser logs errors, which would end up on stderr; here they are values.
logging.getLogger("python_multipart").addHandler(logging.NullHandler())


# Most requests have the same few headers.
options_of = lru_cache(maxsize=1_024)(parse_options_header)


def parse_boundary(content_type: str) -> bytes | None:
    kind, options = options_of(content_type) if len(content_type) < CACHED else parse_options_header(content_type)
    return options.get(b"boundary") if kind == b"multipart/form-data" else None


class FormParser:
    """Feed the body, then close: `parts` is the form, or `error` says why the body is not one (else None).

    `find_cached` returns the bytes with an xxh3 digest if they are in memory already, so that they are stored once.
    """

    def __init__(
        self, boundary: bytes, find_cached: FindCached = find_nothing, limits: Limits = DEFAULT_LIMITS
    ) -> None:
        self.parts: list[Part] = []
        self.error: str | None = None
        self._find_cached, self._limits, self._ended = find_cached, limits, False
        self._headers: dict[str, str] = {}
        self._name = self._value = b""
        self._chunks: list[memoryview | bytes] = []
        self._bulk = bytearray()
        self._digest = xxhash.xxh3_128()
        self._parser: MultipartParser | None = None
        callbacks: MultipartCallbacks = {
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
                boundary,
                callbacks,
                max_header_count=limits.part_headers,
                max_header_size=limits.part_header_bytes,
            )
        except FormParserError as error:
            self._fail(str(error))

    def feed(self, data: bytes) -> None:
        """Process the next bytes of the body. Never raises; sets `error` instead."""
        if self._parser is None:
            return
        try:
            self._parser.write(data)
        except FormParserError as error:
            self._fail(str(error))

    def close(self) -> None:
        if self.error is None and not self._ended:
            self._fail("the body ends before its closing boundary")
        # The parser references this object, and with it all parts.
        self._parser = None

    def _fail(self, reason: str) -> None:
        self.error, self._parser = reason, None
        self._chunks, self._bulk = [], bytearray()

    def _begin(self) -> None:
        if len(self.parts) >= self._limits.form_parts:
            raise FormParserError(f"the form has more than {self._limits.form_parts} parts")
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
        # A view saves copying a long piece; views of many short pieces would need more memory than the pieces.
        piece = memoryview(data)[start:end] if end - start > VIEWED else data[start:end]
        self._digest.update(piece)
        self._chunks.append(piece)
        if len(self._chunks) == PIECES:
            # Many small pieces of concurrent uploads would fragment memory.
            self._bulk += b"".join(self._chunks)
            self._chunks.clear()

    def _end(self) -> None:
        header = self._headers.get("content-disposition")
        _, options = options_of(header) if header and len(header) < CACHED else parse_options_header(header)
        filename, digest = options.get(b"filename"), self._digest.hexdigest()
        if filename is None and len(self._bulk) + sum(map(len, self._chunks)) > self._limits.field_bytes:
            raise FormParserError(f"a field that is not a file has more than {self._limits.field_bytes} bytes")
        cached = self._find_cached(digest)
        self.parts.append(
            Part(
                name=options.get(b"name", b"").decode("utf-8", "replace"),
                filename=None if filename is None else filename.decode("utf-8", "replace"),
                content_type=self._headers.get("content-type"),
                data=self._join() if cached is None else cached,
                digest=digest,
            )
        )
        self._chunks, self._bulk = [], bytearray()

    def _join(self) -> bytes:
        if not self._bulk:
            return b"".join(self._chunks)
        self._bulk += b"".join(self._chunks)
        return bytes(self._bulk)

    def _finish(self) -> None:
        self._ended = True
