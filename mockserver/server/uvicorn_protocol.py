"""uvicorn's httptools protocol with bounds: on what a head may weigh, and on how long a client may keep it waiting.

Knows bytes and seconds, nothing of what a request asks for.
"""

import asyncio
import re
from collections import deque
from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, cast

from httptools import HttpRequestParser
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

# Windows has no such limits.
resource: Any = import_module("resource") if find_spec("resource") else None

# Bytes in a row that are neither a whole head nor part of a body: heads, trailers, extensions of chunks.
HEAD_BYTES = 65_536
# Seconds in which the head of a request must have come, from the connection's start or the answer before.
IDLE_SECONDS = 60
# Of a body at least PACE bytes a second must come, of an answer anything be taken, within each so many seconds.
PACE_SECONDS = 30
PACE = 100
# Seconds in which a client may read what was said to it last, and hang up.
LINGER_SECONDS = 5
# Connections at once, where the system allows as many; beyond that the one that has rested longest goes.
CONNECTIONS = 10_000
# Files that a process needs for itself.
SPARE = 64
# The wish to speak something else, such as h2c, which Java's own client and `curl --http2` have. It may be passed by
# (RFC 9110, section 7.8); the parser would pass by the body instead.
WISH = re.compile(rb"(\r\nconnection:[^\r\n]*?)\bupgrade\b", re.IGNORECASE)
# Requests that wait on one connection for the answer to an earlier one.
PIPELINED = 1_000


class Refused(Exception):
    """A request is not begun: its head has more than HEAD_BYTES, or more than PIPELINED wait before it."""


class Trailers(list[tuple[bytes, bytes]]):
    """Where headers go that come after a body: nowhere, for they are no part of the request."""

    def append(self, header: tuple[bytes, bytes]) -> None:
        """Forget it."""


class Bounded(HttpToolsProtocol):
    """One connection. `look` is called about once a second, with seconds that run evenly."""

    # The request whose answer rests, if one does, and what ends that.
    resting: tuple[RequestResponseCycle, asyncio.Future[None]] | None = None
    leaving = False
    url = b""
    _whole = True
    _row = 0
    # The pieces of a head that has not come whole, if a request begins with them.
    _head: bytearray | None = None
    _size = 0
    _came = 0
    _waits: tuple[object, float, int] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected; too many push out the one that has rested longest."""
        super().connection_made(transport)
        self._asked = deque[RequestResponseCycle]()
        if len(self.connections) > room():
            push_out(one for one in cast("set[Bounded]", self.connections) if one is not self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone: that ends also the work for what it asked before its last request."""
        super().connection_lost(exc)
        self._give_up()
        # uvicorn's timer would hold this, and this and its requests each other until Python's collector has looked at
        # everything.
        self._unset_keepalive_if_required()
        self._asked.clear()
        self.pipeline.clear()
        self.cycle = self._waits = None  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Bytes have come; they are thrown away once the client was told to leave."""
        if self.leaving:
            return
        begins = not self._row and not any(cycle.more_body or not cycle.response_complete for cycle in self._asked)
        if begins:
            data = plain(data)
        elif self._row:
            data = self._joined(data)
        self._whole, self._size = False, len(data)
        super().data_received(data)
        if self._whole:
            self._row = 0
            return
        if not self._row:
            self._head = bytearray(data) if begins else None
        self._row += len(data)
        if self._row > HEAD_BYTES:
            self.leave(431, "A head of more than 64 KiB.")

    def _joined(self, data: bytes) -> bytes:
        """A further piece of a head; once it is whole and has the wish, all of it, for another parser to read anew."""
        if self._head is None:
            return data
        self._head += data
        if b"\r\n\r\n" not in self._head[-len(data) - 3 :]:
            return data
        whole = bytes(self._head)
        self._head = None
        told = plain(whole)
        if told == whole:
            return data
        self.parser, self._row = HttpRequestParser(self), 0
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn has it
        return told

    def on_headers_complete(self) -> None:
        """A head is whole. Raises Refused, which the parser hands on as a fault of the request."""
        large = self._row + self._size > HEAD_BYTES and self._weight() > HEAD_BYTES
        if large or len(self.pipeline) >= PIPELINED:
            raise Refused
        self._whole = True
        super().on_headers_complete()
        self.headers = Trailers()
        self._asked.append(self.cycle)
        while self._asked[0].response_complete:
            self._asked.popleft()

    def on_body(self, body: bytes) -> None:
        """A piece of a body has come; while its answer rests it is thrown away."""
        self._whole = True
        self._came += len(body)
        if not self.resting or self.resting[0] is not self.cycle:
            super().on_body(body)

    def send_400_response(self, msg: str) -> None:
        """The request is no HTTP, or its head too large."""
        if self._weight() > HEAD_BYTES:
            self.leave(431, "A head of more than 64 KiB.")
        else:
            self.leave(400, msg)

    def leave(self, status: int, words: str) -> None:
        """Say a last thing, unless an answer is under way, and wait for the client to hang up. It has not long."""
        if self.leaving or self.transport.is_closing():
            return
        self.leaving = True
        begun = any(cycle.response_started and not cycle.response_complete for cycle in self._asked)
        self._give_up()
        if begun:
            self.transport.abort()
            return
        about = f"content-type: text/plain; charset=utf-8\r\ncontent-length: {len(words)}\r\nconnection: close\r\n\r\n"
        self.transport.write(STATUS_LINE[status] + f"{about}{words}".encode("ascii"))
        self.linger()

    def linger(self) -> None:
        """All is said. What still comes is thrown away, for not long.

        Were the connection closed at once, bytes on their way to us would make the system take the answer back.
        """
        self.leaving = True
        self.flow.resume_reading()
        self.transport.write_eof()

    def look(self, now: float) -> None:
        """Do away with the connection if its client has kept it waiting for too long."""
        what, progress, patience, least = self._awaited()
        if self._waits is None or self._waits[0] != what:
            self._waits = (what, now, progress)
        elif what is not None and now - self._waits[1] >= patience:
            if progress - self._waits[2] >= least:
                self._waits = (what, now, progress)
            else:
                self._end()

    @property
    def rested(self) -> float:
        """Since when there is no request; infinity where there is one, or where nobody has looked yet."""
        return self._waits[1] if self._waits and self._idle() else float("inf")

    def _idle(self) -> bool:
        return all(cycle.response_complete for cycle in self._asked)

    def _give_up(self) -> None:
        """Nobody waits any more for any answer, that to an earlier request included."""
        if self.resting:
            self.resting[1].cancel()
        for cycle in self._asked:
            if not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()

    def _awaited(self) -> tuple[object, int, float, float]:
        """What the client is waited for (None for nothing), how far it is, and what must have come in which seconds."""
        if unread := self.transport.get_write_buffer_size():
            # While it changes at all it is being read.
            return ("answer", unread), 0, PACE_SECONDS, 1
        if self.leaving or self.transport.is_closing():
            return "end", 0, LINGER_SECONDS, 1
        cycle = self.cycle
        if self._idle():
            return ("head", cycle), 0, IDLE_SECONDS, 1
        asleep = self.resting or self.flow.read_paused or cycle.response_started or cycle.waiting_for_100_continue
        if not cycle.more_body or asleep:
            return None, 0, 0, 0
        return ("body", cycle), self._came, PACE_SECONDS, PACE * PACE_SECONDS

    def _end(self) -> None:
        if self.leaving or self.transport.is_closing() or self.transport.get_write_buffer_size():
            self.transport.abort()
        elif self._idle() and not self._row:
            self.transport.close()
        else:
            self.leave(408, "The request came too slowly.")

    def _weight(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers or ())


def plain(data: bytes) -> bytes:
    """The beginning of a request without the wish to speak something else, if its head has come whole."""
    end = data.find(b"\r\n\r\n")
    return WISH.sub(rb"\1ignored", data[:end]) + data[end:] if end > 0 and WISH.search(data, 0, end) else data


def push_out(others: Iterable[Bounded]) -> None:
    """End the connection that has rested longest, if there is one that rests."""
    resting = [(one.rested, place, one) for place, one in enumerate(others) if one.rested < float("inf")]
    if resting:
        min(resting)[2].transport.abort()


def room() -> int:
    """How many connections there may be at once, by what the system allows this process."""
    if resource is None:
        return CONNECTIONS
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return CONNECTIONS if allowed == resource.RLIM_INFINITY else max(1, min(CONNECTIONS, allowed - SPARE))


def widen() -> None:
    """Let this process have as many connections as it may, where it was given fewer to begin with."""
    if resource is None:
        return
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + SPARE
    if most != resource.RLIM_INFINITY:
        wanted = min(wanted, most)
    if allowed != resource.RLIM_INFINITY and allowed < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def look(connections: Iterable[Any], now: float) -> None:
    """Look at all connections."""
    for one in list(connections):
        one.look(now)
