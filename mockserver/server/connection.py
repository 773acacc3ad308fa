"""What an answer may do to its connection, past HTTP. Knows sockets and uvicorn, no API."""

import asyncio
import socket
import struct
from functools import lru_cache
from typing import Any, cast

from starlette.types import Send
from uvicorn.protocols.http.httptools_impl import HEADER_RE, STATUS_LINE, RequestResponseCycle

from mockserver.core.plan import Headers
from mockserver.server.uvicorn_protocol import Bounded

# Bytes of a piece that is worth not copying.
LONG = 256 * 1024
# Headers that say where an answer ends, and the connection.
HEEDED = ("content-length", "transfer-encoding", "connection")


@lru_cache(maxsize=1_024)
def _layout(names: tuple[str, ...]) -> tuple[str, list[int]] | None:
    """A head of headers of these names, to be filled with values; and where in it those stand that a server heeds.

    None where a name is not as HTTP has it, in lower case, or one of these is there twice.
    """
    odd = any(HEADER_RE.search(name.encode()) or name != name.lower() for name in names)
    if odd or any(names.count(name) > 1 for name in HEEDED):
        return None
    lines = [name.replace("%", "%%") + ": %s\r\n" for name in names]
    return "".join(lines), [names.index(name) if name in names else -1 for name in HEEDED]


def _around(headers: Headers, size: int) -> tuple[bytes, bytes] | None:
    """What goes before a body of so many bytes, and after it; None where uvicorn would refuse or add anything."""
    values = tuple([value for _, value in headers])
    layout = _layout(tuple([name for name, _ in headers]))
    if layout is None or not "".join(values).isprintable():
        return None
    template, heeded = layout
    length, coding, connection = (None if at < 0 else values[at] for at in heeded)
    framed = coding == "chunked" if length is None else coding is None and length == str(size)
    if not framed or connection not in (None, "keep-alive"):
        return None
    lines = (template % values).encode("latin-1")
    return (lines + b"\r\n", b"") if coding is None else (b"%s\r\n%x\r\n" % (lines, size), b"\r\n0\r\n\r\n")


class Protocol(Bounded):
    """uvicorn's httptools protocol, with its connection in the scope: faults of the wire are done to it."""

    stopping = False

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        # uvicorn has made it, and asks for no class of ours.
        cycle.__class__ = Connection
        connection = cast(Connection, cycle)
        connection.protocol = self
        connection.scope["extensions"] = {"mockserver.server.connection": connection}  # type: ignore[dict-item]
        super()._start_asgi_task(connection, app)

    def shutdown(self) -> None:
        """The server stops: what rests is not waited for."""
        super().shutdown()
        self.stopping = True
        if self.resting or self.leaving:
            self.transport.abort()


class Connection(RequestResponseCycle):
    """One request and its answer. Implements mockserver.server.send.Connection."""

    protocol: Protocol

    async def run_asgi(self, app: Any) -> None:
        """uvicorn's: one request to its end."""
        await super().run_asgi(app)
        # Else the scope and this would hold each other until Python's collector has looked at everything.
        self.scope["extensions"].clear()

    def answer(self, send: Send, status: int, headers: Headers, body: bytes) -> bool:
        """Write a whole answer at once, if all about it is as usual; else it is to be sent as ASGI has it."""
        around = _around(headers, len(body)) if body and send == self.send and self._ready else None
        if around is None:
            return False
        before, after = around
        whole = (STATUS_LINE[status], before, body, after)
        self.response_started = self.response_complete = True
        # Of a long one no copy is made.
        self.transport.writelines(whole) if len(body) >= LONG else self.transport.write(b"".join(whole))
        self.message_event.set()
        self.on_response()
        return True

    @property
    def _ready(self) -> bool:
        """Has all of the request come, from somebody who is there and takes an answer as HTTP/1.1 has it?"""
        there = not (
            self.gone or self.more_body or self.flow.write_paused or self.disconnected or self.response_started
        )
        return there and self.keep_alive and self.scope["http_version"] == "1.1" and self.scope["method"] != "HEAD"

    async def send(self, message: Any) -> None:
        """ASGI's. A long piece of a body in chunks is written as it is; uvicorn would copy it."""
        body = message.get("body", b"")
        if self.scope["http_version"] == "1.0":
            # Which knows no chunks: the body ends with the connection.
            self.chunked_encoding = False
            self.expected_content_length += len(body)
            kept = [pair for pair in message.get("headers", ()) if pair[0].lower() != b"transfer-encoding"]
            message = {**message, "headers": kept}
        ends = message["type"] == "http.response.body" and not message.get("more_body")
        if ends and self.more_body and not self.keep_alive:
            # It is still being uploaded to.
            self.keep_alive = True
            await super().send(message)
            if not self.gone:
                self.protocol.linger()
            return
        if len(body) < LONG or not self.chunked_encoding or self.scope["method"] == "HEAD":
            await super().send(message)
            return
        await self.flow.drain()
        if not self.disconnected:
            self.transport.writelines((b"%x\r\n" % len(body), body, b"\r\n"))
        if ends:
            await self.send({"type": "http.response.body", "body": b"", "more_body": False})

    @property
    def gone(self) -> bool:
        """Has the connection ended, or begun to end?"""
        return self.protocol.leaving or self.transport.is_closing()

    @property
    def uploaded(self) -> bool:
        """Has all of the request come?"""
        return not self.more_body

    async def rest(self, over: asyncio.Future[None]) -> bool:
        """Send nothing until it is over, or the client has gone: is it so? A server that stops hangs up at once.

        The protocol tells, and not `receive`: hundreds of streams rest at once.
        """
        if self.disconnected:
            return True
        protocol = self.protocol
        protocol.resting = self, over
        self.flow.resume_reading()
        if protocol.stopping:
            self.transport.abort()
        try:
            await over
        except asyncio.CancelledError:
            if not self.disconnected:
                raise
        finally:
            protocol.resting = None
        return self.disconnected

    async def write(self, data: bytes) -> None:
        """Write bytes as they are, once the client has taken what came before."""
        await self.flow.drain()
        if not self.gone:
            self.transport.write(data)

    async def cut(self, how: str) -> None:
        """End the connection, after all that was written: `close` or `reset`."""
        self.disconnected = True  # else uvicorn reports an answer without an end
        if how == "close":
            self.transport.close()
            return
        self.transport.set_write_buffer_limits(0)
        await self.flow.drain()
        if self.transport.is_closing():  # the client has gone meanwhile, and the socket with it
            return
        # Seconds of lingering: none, which makes the kernel send RST for FIN.
        connected: socket.socket = self.transport.get_extra_info("socket")
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()
