"""The server in a thread, its sockets, and what it gives the application beside the request."""

import asyncio
import base64
import contextlib
import errno
import http.client
import json
import logging
import os
import socket
import threading
from types import SimpleNamespace
from typing import Any, cast
from urllib.request import urlopen

import pytest
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from mockserver.engine.values import Settings
from mockserver.server import uvicorn_server
from mockserver.server.send import EXTENSION
from mockserver.server.uvicorn_protocol import LONG, Connection
from mockserver.server.uvicorn_server import listen, root_url, serve_in_thread
from mockserver.state.memory import MemoryState


def loopbacks() -> list[str]:
    """The addresses by which this machine reaches itself: IPv4, and IPv6 where there is any."""
    there = []
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with contextlib.suppress(OSError), socket.socket(family) as probe:
            probe.bind((host, 0))
            there.append(host)
    return there


HOSTS = loopbacks()


def health(root: str) -> Any:
    with urlopen(f"{root}/__mock/health") as response:
        return json.load(response)


def test_ipv4_is_always_there() -> None:
    assert HOSTS[0] == "127.0.0.1"


@pytest.mark.parametrize("host", HOSTS)
def test_running(host: str) -> None:
    with serve_in_thread(host=host) as started:
        assert health(started.url)["status"] == "ok"


@pytest.mark.parametrize("host", HOSTS)
def test_running_on_a_port(host: str) -> None:
    with listen(host, 0) as listener:
        port = listener.getsockname()[1]
    with serve_in_thread(host=host, port=port) as started:
        assert started.url.endswith(f":{port}")
        assert health(started.url)["status"] == "ok"


@pytest.mark.parametrize("host", HOSTS)
def test_taken_port(host: str) -> None:
    with serve_in_thread(host=host) as started:
        port = int(started.url.rpartition(":")[2])
        before = threading.active_count()
        with pytest.raises(OSError, match=os.strerror(errno.EADDRINUSE)):
            serve_in_thread(host=host, port=port).__enter__()
        assert threading.active_count() == before


def test_host_that_is_none() -> None:
    with pytest.raises(OSError, match="invalid host name"):
        listen("é" * 64, 0)


class Listener:
    """What root_url() asks of a socket, also where this machine has no such address."""

    def __init__(self, *name: Any) -> None:
        self.name = name

    def getsockname(self) -> tuple[Any, ...]:
        return self.name


@pytest.mark.parametrize(
    ("name", "root"),
    [
        (("127.0.0.1", 4010), "http://127.0.0.1:4010"),
        (("::1", 4010, 0, 0), "http://[::1]:4010"),
        (("0.0.0.0", 4010), "http://127.0.0.1:4010"),
        (("::", 4010, 0, 0), "http://[::1]:4010"),
    ],
)
def test_root_url(name: tuple[Any, ...], root: str) -> None:
    listener: Any = Listener(*name)
    assert root_url(listener) == root


def test_own_server() -> None:
    mine = MemoryState(Settings(paint="flat"))
    with serve_in_thread(mine) as started:
        assert started.server is mine


def test_call() -> None:
    with serve_in_thread() as started:
        assert started.call(lambda: threading.current_thread().name) == "mockserver"
        assert started.call(lambda: asyncio.get_running_loop().is_running())
        with pytest.raises(ZeroDivisionError):
            started.call(lambda: 1 // 0)


def rest(connection: socket.socket) -> bytes:
    """All that is still to come, until the other side hangs up."""
    return b"".join(iter(lambda: connection.recv(65_536), b""))


def test_nothing_is_left() -> None:
    before = set(threading.enumerate())
    with serve_in_thread() as started:
        address = ("127.0.0.1", int(started.url.rpartition(":")[2]))
        with socket.create_connection(address) as idle:
            # The engine answers in threads of its own, and the connection would be kept alive.
            idle.sendall(b"POST /v1/images/edits HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            assert idle.recv(12) == b"HTTP/1.1 401"
            started.stop()
            assert rest(idle).endswith(b"}")
    assert set(threading.enumerate()) == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)


def test_stop_at_once() -> None:
    before = threading.active_count()
    for _ in range(3):
        with serve_in_thread():
            pass
    assert threading.active_count() == before


def test_connection_in_the_scope(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    async def probe(scope: Scope, receive: Receive, send: Send) -> None:
        connection = scope["extensions"][EXTENSION]
        seen.append(connection.gone)
        await connection.cut("close")
        seen.append(connection.gone)

    monkeypatch.setattr(uvicorn_server, "create_app", lambda _: probe)
    with serve_in_thread() as started:
        address = ("127.0.0.1", int(started.url.rpartition(":")[2]))
        with socket.create_connection(address) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert rest(client) == b""
            assert seen == [False, True]


def test_each_write_is_sent_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []

    async def probe(scope: Scope, receive: Receive, send: Send) -> None:
        protocol = scope["extensions"][EXTENSION].protocol
        connected = protocol.transport.get_extra_info("socket")
        seen.append(bool(connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    monkeypatch.setattr(uvicorn_server, "create_app", lambda _: probe)
    with serve_in_thread() as started, urlopen(started.url):
        assert seen == [True]


PIECE = bytes(LONG)


class Wire:
    """A transport, and the flow on it, which take all."""

    write_paused = False

    def __init__(self, closing: bool = False) -> None:
        self.closing = closing
        self.did: list[Any] = []

    def is_closing(self) -> bool:
        return self.closing

    def abort(self) -> None:
        self.did.append("abort")

    def write(self, data: bytes) -> None:
        self.did.append(data)

    def writelines(self, pieces: tuple[bytes, ...]) -> None:
        self.did.extend(pieces)

    def resume_reading(self) -> None:
        """It was never paused."""

    def set_write_buffer_limits(self, high: int) -> None:
        """All is to be written before anything else happens."""

    async def drain(self) -> None:
        """There is room."""


def connection_on(wire: Any, stopping: bool = False) -> Connection:
    """The connection of a request whose client reads nothing."""
    log, scope = logging.getLogger(__name__), cast(Any, {"type": "http", "method": "POST", "http_version": "1.1"})
    connection = Connection(
        cast(Any, SimpleNamespace(is_stopping=stopping, is_draining=False, transport=wire, flow=wire))
    )
    connection.cycle = RequestResponseCycle(
        scope, wire, wire, log, log, False, [], asyncio.Event(), False, True, lambda: None
    )
    return connection


def test_last_piece_to_the_gone() -> None:
    """A client that disconnected before the last piece gets no time to read an early response."""
    wire = Wire(closing=True)
    connection = connection_on(wire)
    connection.cycle.keep_alive, connection.cycle.response_started, connection.cycle.disconnected = False, True, True
    asyncio.run(connection.send({"type": "http.response.body", "body": b"x"}))
    assert wire.did == []


def test_reset_of_the_gone() -> None:
    """Its socket has gone too."""
    wire = Wire(closing=True)
    asyncio.run(connection_on(wire).cut("reset"))
    assert wire.did == []


@pytest.mark.parametrize("more", [{}, {"stream": True, "partial_images": 1}])
def test_http_1_0(more: dict[str, Any]) -> None:
    """It knows no chunks: the body ends with the connection."""
    body = json.dumps({"prompt": "x", "model": "gpt-image-2", "quality": "low", **more})
    about = f"Authorization: Bearer x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    with contextlib.ExitStack() as stack:
        port = int(stack.enter_context(serve_in_thread(MemoryState(Settings(paint="flat")))).url.rpartition(":")[2])
        client = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
        client.sendall(f"POST /v1/images/generations HTTP/1.0\r\n{about}\r\n\r\n{body}".encode())
        head, _, told = rest(client).partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head
    assert json.loads(told.rpartition(b"data: ")[2])["usage"]


@pytest.mark.parametrize(("stopping", "gone", "did"), [(False, False, []), (True, False, ["abort"]), (True, True, [])])
def test_rest_while_stopping(stopping: bool, gone: bool, did: list[str]) -> None:
    """A server that stops already lets no answer rest, nor has one to whose client has gone."""
    wire = Wire()

    async def rest() -> bool:
        held = connection_on(wire, stopping=stopping)
        held.cycle.disconnected = gone
        over = asyncio.get_running_loop().create_future()
        over.set_result(None)
        return await held.rest(over)

    assert asyncio.run(rest()) == gone
    assert wire.did == did


def test_rest_that_is_cancelled() -> None:
    """That is told apart from a client that goes."""

    async def rest() -> None:
        held = connection_on(Wire())
        await held.rest(asyncio.get_running_loop().create_future())

    async def cancelled() -> None:
        resting = asyncio.ensure_future(rest())
        await asyncio.sleep(0)
        resting.cancel()
        await resting

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())


@pytest.mark.parametrize(("closing", "did"), [(False, [b"x"]), (True, [])])
def test_write_to_the_gone(closing: bool, did: list[bytes]) -> None:
    wire = Wire(closing)
    asyncio.run(connection_on(wire).write(b"x"))
    assert wire.did == did


@pytest.mark.parametrize("paint", ["flat", "noise"])
@pytest.mark.parametrize("version", [10, 11])
def test_long_and_short_bodies(paint: str, version: int) -> None:
    """However long a body or an event is, all of it comes, and the connection then serves the next request."""
    asked = {"model": "gpt-image-2", "prompt": "x", "quality": "low", "size": "1024x1024"}
    with serve_in_thread(MemoryState(Settings(auth="open", paint=paint))) as started:
        connection = http.client.HTTPConnection(started.url.removeprefix("http://"))
        connection._http_vsn, connection._http_vsn_str = version, f"HTTP/1.{version % 10}"  # type: ignore[attr-defined]
        found = []
        for more in ({}, {"stream": True, "partial_images": 1}, {}):
            body, kind = json.dumps(asked | more), {"Content-Type": "application/json", "Connection": "keep-alive"}
            connection.request("POST", "/v1/images/generations", body, kind)
            text = connection.getresponse().read()
            event = text.rpartition(b"data: ")[2] if more else text
            picture = json.loads(event) if more else json.loads(event)["data"][0]
            found.append(base64.b64decode(picture["b64_json"]))
        connection.close()
    assert found[0] == found[2]
    assert all(image.startswith(b"\x89PNG") and image.endswith(b"IEND\xaeB`\x82") for image in found)
    assert (len(found[0]) > LONG) == (paint == "noise")


@pytest.mark.parametrize(("gone", "did"), [(False, [b"40000\r\n", PIECE, b"\r\n", b"0\r\n\r\n"]), (True, [])])
def test_long_piece_to_the_gone(gone: bool, did: list[bytes]) -> None:
    """Nothing more is written to a client that has gone while it was waited for."""
    wire = Wire()
    connection = connection_on(wire)
    cycle = connection.cycle
    cycle.chunked_encoding, cycle.response_started, cycle.disconnected = True, True, gone
    asyncio.run(connection.send({"type": "http.response.body", "body": PIECE}))
    assert wire.did == did
