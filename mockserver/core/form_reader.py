"""Reads a multipart form: a short body is buffered and split at once, a long one is parsed while it arrives."""

from mockserver.core.form_split import split_form
from mockserver.core.multipart import FindCached, FormParser, find_nothing
from mockserver.core.request import Part
from mockserver.limits import DEFAULT_LIMITS, Limits

# The largest body, in bytes, that is buffered.
SHORT = 2 * 1024 * 1024


class FormReader:
    """Feed the body, then close: `parts` is the form, or `error` says why the body is not one (else None).

    `find_cached` returns the bytes with an xxh3 digest if they are in memory already, so that they are stored once.
    Bodies of up to `short` bytes are buffered.
    """

    def __init__(
        self,
        boundary: bytes,
        find_cached: FindCached = find_nothing,
        short: int = SHORT,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self.parts: list[Part] = []
        self.error: str | None = None
        self._boundary, self._find_cached, self._short = boundary, find_cached, short
        self._limits = limits
        self._buffer: list[bytes] = []
        self._length = 0
        self._parser: FormParser | None = None

    def feed(self, data: bytes) -> None:
        """Process the next bytes of the body. Never raises; sets `error` instead."""
        if self._parser:
            self._parser.feed(data)
            return
        self._buffer.append(data)
        self._length += len(data)
        if self._length > self._short:
            self._parser = self._start_parser()

    @property
    def body(self) -> bytes | None:
        if self._parser is None:
            self._buffer = [b"".join(self._buffer)]
        return None if self._parser else self._buffer[0]

    def close(self) -> None:
        if (body := self.body) is not None:
            parts = split_form(body, self._boundary, self._find_cached, self._limits)
            if parts is not None:
                self.parts = parts
                return
        parser = self._parser or self._start_parser()
        parser.close()
        self.parts, self.error = parser.parts, parser.error

    def _start_parser(self) -> FormParser:
        parser = FormParser(self._boundary, self._find_cached, self._limits)
        for data in self._buffer:
            parser.feed(data)
        self._buffer.clear()
        return parser
