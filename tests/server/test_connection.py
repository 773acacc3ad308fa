"""What goes past ASGI to a connection, held against what ASGI would have sent."""

import socket
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from mockserver.engine.values import Settings
from mockserver.scenario.loader import parse
from mockserver.server import uvicorn_server
from mockserver.server.connection import Connection
from mockserver.server.uvicorn_server import serve_in_thread
from mockserver.state.clock import Clock
from mockserver.state.memory import MemoryState
from mockserver.state.sessions import SessionStore
from tests.server.test_server import rest
from tests.support.client import START


@pytest.fixture
def contracted() -> None:
    """Nobody else watches what is sent: that would be by way of ASGI."""


HELLO = "Host: x\r\nAuthorization: Bearer test\r\n"
SHORT = b'{"model": "gpt-image-2", "prompt": "x"}'
LONG = b'{"model": "gpt-image-2", "prompt": "x", "size": "2048x2048", "n": 2}'


def asked(
    method: str = "POST", path: str = "images/generations", more: str = "", version: str = "1.1", post: bytes = SHORT
) -> bytes:
    """A request whose head and body come together, and one behind it that ends the connection."""
    body = post if method == "POST" else b""
    kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
    first = f"{method} /v1/{path} HTTP/{version}\r\n{HELLO}{kind}{more}\r\n".encode() + body
    return first + f"GET /v1/models HTTP/1.1\r\n{HELLO}Connection: close\r\n\r\n".encode()


@pytest.mark.parametrize(
    ("request_bytes", "step", "at_once"),
    [
        (asked(), "ok: {}", True),
        (asked(post=LONG), "ok: {}", True),
        (asked(), "error: overloaded", True),
        (asked("GET", "models"), "ok: {}", True),
        (asked("HEAD", "models"), "ok: {}", False),
        (asked(version="1.0"), "ok: {}", False),
        (asked(more="Connection: close\r\n"), "ok: {}", False),
        (asked(more="Expect: 100-continue\r\n"), "ok: {}", True),
        (asked(), "reply: {status: 204}", False),
        (asked(), "reply: {status: 502, body: x, headers: {X-Odd: 'é'}}", True),
        (asked(), "ok: {}, faults: [{latency: 0.01}]", False),
    ],
    ids=["json", "long", "refusal", "get", "head", "old", "close", "expect", "empty", "reply", "delayed"],
)
def test_an_answer_in_one_piece(
    monkeypatch: pytest.MonkeyPatch, request_bytes: bytes, step: str, at_once: bool
) -> None:
    """It goes out in one write past ASGI, and is the same to the byte as by way of ASGI."""
    real, seen = Connection.answer, list[bool]()

    def by_itself(self: Connection, *told: Any) -> bool:
        seen.append(real(self, *told))
        return seen[-1]

    def exchange() -> bytes:
        played = parse(f"scenario: own\nsteps: [{{{step}}}]\nthen: ok\n".encode(), "own")
        told = MemoryState(
            Settings(paint="noise" if LONG in request_bytes else "flat"),
            SessionStore(played),
            clock=Clock(lambda: START, lambda: 0.0),
        )
        with serve_in_thread(told) as started:
            address = ("127.0.0.1", int(started.url.rpartition(":")[2]))
            with socket.create_connection(address) as client:
                client.sendall(request_bytes)
                return rest(client)

    monkeypatch.setattr(Connection, "answer", by_itself)
    fast = exchange()
    monkeypatch.setattr(Connection, "answer", lambda *_: False)
    assert fast == exchange()
    assert seen[0] is at_once


@pytest.mark.parametrize(
    "headers",
    [
        (("X-Odd", "a"), ("content-length", "1")),
        (("x odd", "a"), ("content-length", "1")),
        (("x-odd", "a\r\nb: c"), ("content-length", "1")),
        (("x-odd", "a\n"), ("content-length", "1")),
        (("x-odd", "a\x00"), ("content-length", "1")),
        (("content-length", "1"), ("content-length", "1")),
        (("content-length", "1"), ("transfer-encoding", "chunked")),
        (("content-length", "1"), ("connection", "close")),
        (("content-length", "2"),),
        (("transfer-encoding", "gzip"),),
        (("x-odd", "a"),),
    ],
)
def test_a_head_that_is_not_as_usual(monkeypatch: pytest.MonkeyPatch, headers: tuple[tuple[str, str], ...]) -> None:
    """It is left to ASGI, which may refuse it."""
    seen: list[bool] = []

    async def probe(scope: Scope, receive: Receive, send: Send) -> None:
        connection = scope["extensions"]["mockserver.server.connection"]
        seen.append(connection.answer(send, 200, headers, b"x"))
        seen.append(connection.answer(send, 200, (("x-odd", "a"), ("content-length", "1")), b"x"))

    monkeypatch.setattr(uvicorn_server, "create_app", lambda _: probe)
    with serve_in_thread() as started:
        address = ("127.0.0.1", int(started.url.rpartition(":")[2]))
        with socket.create_connection(address) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.recv(100) == b"HTTP/1.1 200 OK\r\nx-odd: a\r\ncontent-length: 1\r\n\r\nx"
    assert seen == [False, True]
