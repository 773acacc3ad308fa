"""The only module that uses private names of uvicorn.

uvicorn documents `Config(http=...)`, which takes a protocol class, and nothing that such a class could build on. What
this server does below HTTP needs more: faults that write raw bytes or reset a connection, limits on heads and
pipelines, upload timeouts, and HTTP/1.0. So `Protocol` extends uvicorn's httptools protocol.

- All private names are listed in PRIVATE_NAMES and checked when this module is imported. Where one is gone the import
  fails, `uvicorn_server` falls back to uvicorn's own protocol, and wire faults report that they need a socket.
  Whoever uses a further name adds it to the list.
- `Protocol` is one TCP connection. uvicorn's `cycle` is one request and its response; `Connection` is our view of it,
  put into the ASGI scope when the head is complete. `ConnectionMiddleware` hands `Connection.send` to the application.
- A request is in `_unfinished` from its head to the last byte of its response. A connection is idle when all in there
  are finished.
- After `close_with_error` or `linger` a connection only drains: everything received is discarded until the client
  closes, or `Limits.linger_seconds` have passed. Closing at once would make the kernel discard the response.
- Timeouts are suspended while the server itself delays a response: during a stall, while reading is paused, and once
  the response has begun.

Do not keep a reference from a cycle to its protocol past the end of the request, or the reverse: such cycles hold whole
uploads until the garbage collector runs. A test counts what is left.
"""

import asyncio
import importlib
import re
import socket
import struct
from collections import deque
from collections.abc import Iterable
from http import HTTPStatus
from types import ModuleType
from typing import Any

import uvicorn
from httptools import HttpRequestParser
from starlette.types import ASGIApp, Receive, Scope, Send

from mockserver.limits import Limits
from mockserver.server.open_files import count_allowed_connections
from mockserver.server.send import EXTENSION
from mockserver.server.timeouts import NOTHING, Awaited, Timeout

# Beside these: the callbacks of asyncio.Protocol and of httptools, whose names are not uvicorn's.
PRIVATE_NAMES = {
    "HttpToolsProtocol": (
        *("send_400_response", "shutdown", "transport", "flow", "cycle", "pipeline", "parser", "headers", "scope"),
    ),
    "RequestResponseCycle": (
        *("send", "more_body", "response_started", "response_complete", "disconnected", "message_event", "keep_alive"),
        *("waiting_for_100_continue", "chunked_encoding", "expected_content_length"),
    ),
    "FlowControl": ("drain", "resume_reading", "read_paused"),
}


def find_missing_names(module: ModuleType) -> list[str]:
    """The private names that uvicorn's module lacks. Attributes of instances are those that `__init__` sets."""
    missing = []
    for class_name, names in PRIVATE_NAMES.items():
        found = getattr(module, class_name, None)
        if found is None:
            missing.append(class_name)
            continue
        set_by_init = found.__init__.__code__.co_names
        missing += [f"{class_name}.{name}" for name in names if not (hasattr(found, name) or name in set_by_init)]
    return missing


if MISSING := find_missing_names(importlib.import_module("uvicorn.protocols.http.httptools_impl")):
    raise ImportError(f"uvicorn {uvicorn.__version__} has no {', '.join(MISSING)}")

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle  # noqa: E402

# Pieces of a body from this size on, in bytes, are written without a copy.
LONG = 256 * 1024
# A request to upgrade, such as h2c, which Java's client and `curl --http2` send. A server may ignore it (RFC 9110,
# section 7.8); the parser would ignore the body instead.
UPGRADE = re.compile(rb"(\r\nconnection:[^\r\n]*?)\bupgrade\b", re.IGNORECASE)


class RequestRejected(Exception):
    """The head is too large, or too many requests wait before this one."""


class DiscardedTrailers(list[tuple[bytes, bytes]]):
    """Discards headers after a body, which are not part of the request."""

    def append(self, header: tuple[bytes, bytes]) -> None:
        """Discard it."""


class Protocol(HttpToolsProtocol):
    """One connection. A subclass made by `bind_protocol` sets the limits and the set of open connections."""

    limits = Limits()
    open_connections: set["Protocol"]

    # The request whose response is stalled, and the future that ends the stall.
    stalled: tuple[RequestResponseCycle, asyncio.Future[None]] | None = None
    is_draining = False
    is_stopping = False
    _url_bytes = 0
    # Whether the bytes being parsed have held a complete head, or a piece of a body.
    _is_complete = True
    # Bytes in a row that were neither, and those being parsed.
    _pending_bytes = 0
    _new_bytes = 0
    # The pieces of an incomplete head, if a request begins with them.
    _head: bytearray | None = None
    _body_bytes = 0
    _timeout: Timeout | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._unfinished = deque[RequestResponseCycle]()
        self.open_connections.add(self)
        if len(self.open_connections) > count_allowed_connections(self.limits.connections):
            close_idlest(one for one in self.open_connections if one is not self)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.open_connections.discard(self)
        self._disconnect_requests()
        self._unfinished.clear()
        self.pipeline.clear()
        self.cycle = self._timeout = None  # type: ignore[assignment]

    def shutdown(self) -> None:
        super().shutdown()
        self.is_stopping = True
        if self.stalled or self.is_draining:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        if self.is_draining:
            return
        is_first = not self._pending_bytes and not any(
            cycle.more_body or not cycle.response_complete for cycle in self._unfinished
        )
        if is_first:
            data = remove_upgrade(data)
        elif self._pending_bytes:
            data = self._join_head(data)
        self._is_complete, self._new_bytes = False, len(data)
        super().data_received(data)
        if self._is_complete:
            self._pending_bytes = 0
            return
        if not self._pending_bytes:
            self._head = bytearray(data) if is_first else None
        self._pending_bytes += len(data)
        if self._pending_bytes > self.limits.head_bytes:
            self.close_with_error(431, f"A head of more than {self.limits.head_bytes} bytes.")

    def _join_head(self, data: bytes) -> bytes:
        """The next piece of a head. If the complete head asks for an upgrade: all of it without, for a new parser."""
        if self._head is None:
            return data
        self._head += data
        if b"\r\n\r\n" not in self._head[-len(data) - 3 :]:
            return data
        head = bytes(self._head)
        self._head = None
        changed = remove_upgrade(head)
        if changed == head:
            return data
        self.parser, self._pending_bytes = HttpRequestParser(self), 0
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        return changed

    def on_url(self, url: bytes) -> None:
        self._url_bytes += len(url)
        super().on_url(url)

    def on_headers_complete(self) -> None:
        """Raises RequestRejected, which the parser reports as a malformed request."""
        size = self._pending_bytes + self._new_bytes
        is_too_large = size > self.limits.head_bytes and self._head_size() > self.limits.head_bytes
        if is_too_large or len(self.pipeline) >= self.limits.pipelined_requests:
            raise RequestRejected
        self._is_complete, self._url_bytes = True, 0
        connection = Connection(self)
        self.scope["extensions"] = {EXTENSION: connection}  # type: ignore[dict-item]
        super().on_headers_complete()
        connection.cycle = self.cycle
        self.headers = DiscardedTrailers()
        self._unfinished.append(self.cycle)
        while self._unfinished[0].response_complete:
            self._unfinished.popleft()

    def on_body(self, body: bytes) -> None:
        self._is_complete = True
        self._body_bytes += len(body)
        if not self.stalled or self.stalled[0] is not self.cycle:
            super().on_body(body)

    def send_400_response(self, msg: str) -> None:
        if self._head_size() > self.limits.head_bytes:
            self.close_with_error(431, f"A head of more than {self.limits.head_bytes} bytes.")
        else:
            self.close_with_error(400, msg)

    def close_with_error(self, status: int, text: str) -> None:
        """Send the final error response and drain; if a response has begun, abort instead."""
        if self.is_draining or self.transport.is_closing():
            return
        self.is_draining = True
        is_responding = any(cycle.response_started and not cycle.response_complete for cycle in self._unfinished)
        self._disconnect_requests()
        if is_responding:
            self.transport.abort()
            return
        head = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: text/plain; charset=utf-8\r\n"
            f"content-length: {len(text)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(f"{head}{text}".encode("ascii"))
        self.linger()

    def linger(self) -> None:
        self.is_draining = True
        self.flow.resume_reading()
        self.transport.write_eof()

    def check_timeout(self, now: float) -> None:
        awaited = self._awaited()
        if self._timeout is None:
            self._timeout = Timeout(awaited, now)
        elif self._timeout.is_over(awaited, now):
            if self.is_draining or self.transport.is_closing() or self.transport.get_write_buffer_size():
                self.transport.abort()
            elif self.is_idle and not self._pending_bytes:
                self.transport.close()
            else:
                self.close_with_error(408, "The request came too slowly.")

    @property
    def is_idle(self) -> bool:
        return all(cycle.response_complete for cycle in self._unfinished)

    @property
    def idle_since(self) -> float:
        return self._timeout.since if self._timeout and self.is_idle else float("inf")

    def _awaited(self) -> Awaited:
        limits, cycle = self.limits, self.cycle
        if unread := self.transport.get_write_buffer_size():
            # As long as its size changes the client reads.
            return Awaited(("response", unread), 0, limits.pace_seconds, 1)
        if self.is_draining or self.transport.is_closing():
            return Awaited("close", 0, limits.linger_seconds, 1)
        if self.is_idle:
            return Awaited(("head", cycle), 0, limits.idle_seconds, 1)
        is_suspended = self.stalled or self.flow.read_paused or cycle.response_started or cycle.waiting_for_100_continue
        if is_suspended or not cycle.more_body:
            return NOTHING
        return Awaited(("body", cycle), self._body_bytes, limits.pace_seconds, limits.pace * limits.pace_seconds)

    def _disconnect_requests(self) -> None:
        if self.stalled:
            self.stalled[1].cancel()
        for cycle in self._unfinished:
            if not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()

    def _head_size(self) -> int:
        return self._url_bytes + sum(len(name) + len(value) for name, value in self.headers or ())


class Connection:
    """One request and its response on a Protocol. Implements mockserver.server.send.Connection."""

    cycle: RequestResponseCycle

    def __init__(self, protocol: Protocol) -> None:
        self.protocol = protocol

    async def send(self, message: Any) -> None:
        cycle = self.cycle
        if cycle.scope["http_version"] == "1.0":
            message = self._without_chunks(message)
        is_end = message["type"] == "http.response.body" and not message.get("more_body")
        if is_end and cycle.more_body and not cycle.keep_alive:
            # Otherwise uvicorn would close at once, while the client still uploads.
            cycle.keep_alive = True
            await cycle.send(message)
            if not self.gone:
                self.protocol.linger()
        elif len(message.get("body", b"")) >= LONG and cycle.chunked_encoding and cycle.scope["method"] != "HEAD":
            await self._send_long(message["body"], is_end)
        else:
            await cycle.send(message)

    def _without_chunks(self, message: Any) -> Any:
        self.cycle.chunked_encoding = False
        self.cycle.expected_content_length += len(message.get("body", b""))
        headers = [pair for pair in message.get("headers", ()) if pair[0].lower() != b"transfer-encoding"]
        return {**message, "headers": headers}

    async def _send_long(self, body: bytes, is_end: bool) -> None:
        """Write a long piece without the copy that uvicorn would make."""
        await self.protocol.flow.drain()
        if not self.cycle.disconnected:
            self.protocol.transport.writelines((b"%x\r\n" % len(body), body, b"\r\n"))
        if is_end:
            await self.cycle.send({"type": "http.response.body", "body": b"", "more_body": False})

    @property
    def gone(self) -> bool:
        return self.protocol.is_draining or self.protocol.transport.is_closing()

    @property
    def uploaded(self) -> bool:
        return not self.cycle.more_body

    async def rest(self, over: asyncio.Future[None]) -> bool:
        """Send nothing until `over` is done or the client has gone; returns whether it has. Aborts if the server stops.

        The protocol reports the disconnect, rather than `receive`: hundreds of streams wait at once.
        """
        protocol, cycle = self.protocol, self.cycle
        if cycle.disconnected:
            return True
        protocol.stalled = cycle, over
        protocol.flow.resume_reading()
        if protocol.is_stopping:
            protocol.transport.abort()
        try:
            await over
        except asyncio.CancelledError:
            if not cycle.disconnected:
                raise
        finally:
            protocol.stalled = None
        return cycle.disconnected

    async def write(self, data: bytes) -> None:
        await self.protocol.flow.drain()
        if not self.gone:
            self.protocol.transport.write(data)

    async def cut(self, how: str) -> None:
        self.cycle.disconnected = True  # otherwise uvicorn logs an incomplete response
        transport = self.protocol.transport
        if how == "close":
            transport.close()
            return
        transport.set_write_buffer_limits(0)
        await self.protocol.flow.drain()
        if transport.is_closing():  # the client has gone meanwhile, and its socket
            return
        # To linger for 0 seconds makes the kernel send RST in place of FIN.
        connected: socket.socket = transport.get_extra_info("socket")
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()


class ConnectionMiddleware:
    """Hands `Connection.send` to the application, and releases the connection after the request."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, scope["extensions"][EXTENSION].send)
        finally:
            scope["extensions"].clear()


def bind_protocol(limits: Limits, open_connections: set[Protocol]) -> type[Protocol]:
    return type("Protocol", (Protocol,), {"limits": limits, "open_connections": open_connections})


def remove_upgrade(data: bytes) -> bytes:
    end = data.find(b"\r\n\r\n")
    return UPGRADE.sub(rb"\1ignored", data[:end]) + data[end:] if end > 0 and UPGRADE.search(data, 0, end) else data


def close_idlest(others: Iterable[Protocol]) -> None:
    idle = [(one.idle_since, place, one) for place, one in enumerate(others) if one.idle_since < float("inf")]
    if idle:
        min(idle)[2].transport.abort()
