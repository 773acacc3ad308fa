"""Reads a form from its body: a short one is waited for and cut at once, else it is parsed as its bytes arrive."""

from mockserver.core.form_split import split_form
from mockserver.core.multipart import FindCached, FormParser, find_nothing
from mockserver.core.request import Part

# Bytes of a body that is waited for.
SHORT = 2 * 1024 * 1024


class FormReader:
    """Feed it the body; once it is closed, `parts` holds the form, or `fault` says why it is none (else None).

    `held` gives the bytes of an xxh3 digest that are in memory already, if they are: they are not held twice.
    Bodies of up to `short` bytes are cut at once.
    """

    def __init__(self, boundary: bytes, held: FindCached = find_nothing, short: int = SHORT) -> None:
        self.parts: list[Part] = []
        self.fault: str | None = None
        self._boundary, self._held, self._short = boundary, held, short
        self._waiting: list[bytes] = []
        self._length = 0
        self._stream: FormParser | None = None

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body. Never raises: what is wrong ends up in `fault`."""
        if self._stream:
            self._stream.feed(data)
            return
        self._waiting.append(data)
        self._length += len(data)
        if self._length > self._short:
            self._stream = self._parsed()

    @property
    def body(self) -> bytes | None:
        """All that was fed, if nothing of it has been looked at."""
        if self._stream is None:
            self._waiting = [b"".join(self._waiting)]
        return None if self._stream else self._waiting[0]

    def close(self) -> None:
        """The body is over: one that ended before its closing boundary is refused."""
        if (body := self.body) is not None:
            found = split_form(body, self._boundary, self._held)
            if found is not None:
                self.parts = found
                return
        stream = self._stream or self._parsed()
        stream.close()
        self.parts, self.fault = stream.parts, stream.fault

    def _parsed(self) -> FormParser:
        """A parser that has been fed what came so far."""
        stream = FormParser(self._boundary, self._held)
        for data in self._waiting:
            stream.feed(data)
        self._waiting.clear()
        return stream
