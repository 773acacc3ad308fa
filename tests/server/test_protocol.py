"""Clients that keep a connection waiting, at times that the test tells."""

import asyncio
import itertools
import resource
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from mockserver.core.uploads import Upload
from mockserver.engine.values import Settings
from mockserver.limits import Limits
from mockserver.scenario.loader import parse
from mockserver.server import open_files
from mockserver.server.uvicorn_protocol import Protocol
from mockserver.server.uvicorn_server import BackgroundServer, serve_in_thread
from mockserver.state.memory import MemoryState
from mockserver.state.sessions import SessionStore
from tests.support.attacks import EDITS, KEY, edit, head

LIMITS = Limits(idle_seconds=60, pace_seconds=30, pace=100, linger_seconds=5)
OPEN = f"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n{KEY}\r\n\r\n".encode()
STEPS = "scenario: own\nsteps: [{}]\nthen: ok\n"


def server(steps: str = "") -> MemoryState:
    """A server that answers at once, or as the steps say."""
    scenario = [SessionStore(parse(STEPS.format(steps).encode(), "own"))] if steps else []
    return MemoryState(Settings(paint="flat"), *scenario)


class Slow:
    """A running server, and how its connections are looked at: `at` so many seconds after the start."""

    def __init__(self, started: BackgroundServer) -> None:
        self.started = started
        self.address = ("127.0.0.1", int(started.url.rpartition(":")[2]))

    def connect(self) -> socket.socket:
        """A connection, which the server has taken."""
        before = len(self.connections())
        found = socket.create_connection(self.address, timeout=30)
        self.until(lambda: len(self.connections()) > before)
        return found

    def connections(self) -> list[Protocol]:
        """The connections as the server knows them."""
        return self.started.call(lambda: list(self.started.connections))

    def until(self, true: Callable[[], bool]) -> None:
        """Wait until the server has seen what was sent."""
        deadline = time.monotonic() + 30
        while not true():
            assert time.monotonic() < deadline

    def seen(self, count: int) -> None:
        """Wait until so many bytes have come that make no whole head."""
        self.until(lambda: any(one._pending_bytes == count for one in self.connections()))

    def came(self, count: int) -> None:
        """Wait until so many bytes of bodies have come."""
        self.until(lambda: any(one._body_bytes == count for one in self.connections()))

    def at(self, seconds: float) -> None:
        """Look at all connections at that second."""
        self.started.call(lambda: self.started.check_timeouts(seconds))


@contextmanager
def slow(steps: str = "", limits: Limits = LIMITS) -> Iterator[Slow]:
    """A server of which only the test tells the time: its own clock stands."""
    own = server(steps)
    own.limits = limits
    own.clock.watch = lambda: 0.0
    with serve_in_thread(own) as started:
        yield Slow(started)


def read(connection: socket.socket) -> bytes:
    """All that comes until the server hangs up."""
    return b"".join(iter(lambda: connection.recv(65_536), b""))


def test_an_idle_connection_is_closed_without_a_word() -> None:
    with slow() as there, there.connect() as connection:
        there.at(0)
        there.at(LIMITS.idle_seconds - 1)
        connection.sendall(OPEN)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")
        there.until(lambda: all(one.is_idle for one in there.connections()))
        there.at(LIMITS.idle_seconds + 1)  # the answer began a new minute
        there.at(2 * LIMITS.idle_seconds)
        assert len(there.connections()) == 1
        there.at(2 * LIMITS.idle_seconds + 1)
        connection.settimeout(30)
        assert b"HTTP/1.1" not in read(connection)


def test_pipelined_without_end() -> None:
    """Requests that wait are counted; beyond that the connection ends, and what waits is not begun."""
    with slow(limits=Limits(pipelined_requests=10)) as there, there.connect() as connection:
        connection.sendall(OPEN * 12)
        assert read(connection).count(b"HTTP/1.1 200 ") < 12


def test_an_answer_that_comes_before_the_end_of_an_upload() -> None:
    """Who is still sending gets to read it, though the connection ends with it."""
    own = server()
    own.limits = Limits(upload_bytes=1_000)
    length = 16 << 20
    with serve_in_thread(own) as started, socket.create_connection(Slow(started).address, timeout=30) as connection:
        connection.sendall(head(EDITS, "POST", "Content-Type: application/json", f"Content-Length: {length}"))
        connection.sendall(bytes(length))
        assert read(connection).startswith(b"HTTP/1.1 413 ")


def test_the_server_looks_by_itself() -> None:
    own = server()
    times = itertools.count(0.0, LIMITS.idle_seconds)
    own.clock.watch = lambda: next(times)
    with serve_in_thread(own) as started, socket.create_connection(Slow(started).address, timeout=30) as connection:
        assert read(connection) == b""


def test_half_a_head_is_told_that_it_is_too_slow() -> None:
    with slow() as there, there.connect() as connection:
        connection.sendall(OPEN[:-2])
        there.seen(len(OPEN) - 2)
        there.at(0)
        there.at(LIMITS.idle_seconds)
        assert read(connection).startswith(b"HTTP/1.1 408 Request Timeout\r\n")


def test_who_was_told_to_leave_has_not_long() -> None:
    with slow() as there, there.connect() as connection:
        connection.sendall(b"nonsense\r\n\r\n")
        assert read(connection).startswith(b"HTTP/1.1 400 ")
        connection.sendall(b"more")  # which nobody reads
        there.at(0)
        assert len(there.connections()) == 1
        there.at(LIMITS.linger_seconds)
        there.until(lambda: not there.connections())


LENGTH = 1_000_000
BEGUN = head(EDITS, "POST", "Content-Type: application/json", f"Content-Length: {LENGTH}")


def test_a_slow_sender_is_dropped() -> None:
    with slow() as there, there.connect() as connection:
        connection.sendall(BEGUN + b"{")
        there.came(1)
        there.at(0)
        connection.sendall(b" " * (LIMITS.pace * LIMITS.pace_seconds - 1))
        there.came(LIMITS.pace * LIMITS.pace_seconds)
        there.at(LIMITS.pace_seconds)
        assert read(connection).startswith(b"HTTP/1.1 408 Request Timeout\r\n")
        assert there.started.server.journal.noted() == []


def test_a_slow_but_steady_sender_is_not() -> None:
    with slow() as there, there.connect() as connection:
        connection.sendall(BEGUN + b"{")
        there.came(1)
        there.at(0)
        for window in range(1, 6):
            connection.sendall(b" " * LIMITS.pace * LIMITS.pace_seconds)
            there.came(1 + window * LIMITS.pace * LIMITS.pace_seconds)
            there.at(window * LIMITS.pace_seconds)
        connection.sendall(b" " * (LENGTH - 5 * LIMITS.pace * LIMITS.pace_seconds - 2) + b"}")
        assert read(connection).startswith(b"HTTP/1.1 400 ")


def test_nobody_is_hurried_whom_the_server_keeps_waiting() -> None:
    with slow("{ok: {}, faults: [{stall: start}]}") as there, there.connect() as connection:
        connection.sendall(edit())
        there.until(lambda: bool(there.started.server.journal.noted()))
        for seconds in (0, LIMITS.idle_seconds, 10 * LIMITS.idle_seconds):
            there.at(seconds)
        assert len(there.connections()) == 1
        assert not there.connections()[0].is_draining


def test_an_answer_that_nobody_reads() -> None:
    with slow() as there, there.connect() as connection:
        large = Upload("file-large", "a.bin", "vision", bytes(20_000_000), "", 0)
        there.started.call(lambda: there.started.server.uploads.put("me", large))
        connection.sendall(OPEN.replace(b"/v1/models", b"/__mock/s/me/v1/files/file-large/content"))
        there.until(lambda: any(one.transport.get_write_buffer_size() for one in there.connections()))
        there.at(0)
        there.at(LIMITS.pace_seconds - 1)
        assert len(there.connections()) == 1
        there.at(LIMITS.pace_seconds)
        there.until(lambda: not there.connections())


@pytest.mark.parametrize(
    "sent",
    [
        OPEN[:-2] + b"X: " + b"y" * LIMITS.head_bytes,
        OPEN[:-2] + b"X: y\r\n" * LIMITS.head_bytes,
        OPEN[:-2] + b"X: " + b"y" * LIMITS.head_bytes + b"\r\n\r\n",
        OPEN.replace(b"/v1/models", b"/" + b"a" * LIMITS.head_bytes),
        b"\r\n" * LIMITS.head_bytes,
        head(EDITS, "POST", "Transfer-Encoding: chunked") + b"1;" + b"a" * 4 * LIMITS.head_bytes,
    ],
    ids=["header", "headers", "whole", "path", "before", "extension"],
)
def test_heads_have_a_bound(sent: bytes) -> None:
    with slow() as there, there.connect() as connection:
        connection.sendall(sent)
        assert read(connection).startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")


WISHES = "POST /v1/images/generations HTTP/1.1\r\nHost: localhost\r\n{}\r\nConnection: {}\r\n{}\r\n\r\n"
BODY = b'{"model": "gpt-image-2", "prompt": "x"}'


@pytest.mark.parametrize("every", [1, 7, 100])
@pytest.mark.parametrize("before", [b"", OPEN], ids=["first", "second"])
def test_a_wish_for_another_protocol_in_pieces(every: int, before: bytes) -> None:
    """The head may come in pieces of any size, with the body behind its last one: it is not lost."""
    about = f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\nUpgrade: h2c\r\nHTTP2-Settings: x"
    whole = WISHES.format(KEY, "close, Upgrade, HTTP2-Settings", about).encode()
    with slow() as one, one.connect() as connection:
        if before:
            connection.sendall(before)
            one.until(lambda: len(one.started.server.journal.entries()) == 1)
            one.until(lambda: all(found.is_idle for found in one.connections()))
        for start in range(0, len(whole) - every, every):
            connection.sendall(whole[start : start + every])
            one.seen(start + every)
        connection.sendall(whole[start + every :] + BODY)
        answer = read(connection)
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 1 + bool(before)
    assert one.started.server.journal.entries()[-1]["job"]["prompt"] == "x"


def test_pieces_without_a_wish() -> None:
    with slow() as one, one.connect() as connection:
        connection.sendall(OPEN[:40])
        one.seen(40)
        connection.sendall(OPEN[40:-2] + b"Connection: close\r\n\r\n")
        assert read(connection).startswith(b"HTTP/1.1 200 OK\r\n")


def test_pieces_behind_a_request_that_waits() -> None:
    """They are read as they come."""
    free = asyncio.Event()

    async def sleep(seconds: float) -> None:
        await free.wait()

    with slow("{reply: {status: 299}, faults: [{latency: 1}]}") as one, one.connect() as connection:
        one.started.server.sleep = sleep
        connection.sendall(OPEN + OPEN[:30])
        one.until(lambda: any(found._unfinished for found in one.connections()))
        connection.sendall(OPEN[30:60])
        one.seen(30)
        connection.sendall(OPEN[60:-2] + b"Connection: close\r\n\r\n")
        one.started.call(free.set)
        answer = read(connection)
    assert [line for line in answer.split(b"\r\n") if line.startswith(b"HTTP/")] == [
        b"HTTP/1.1 299 ",
        b"HTTP/1.1 200 OK",
    ]


def test_trailers_are_no_headers() -> None:
    with slow() as there, there.connect() as connection:
        late = b"0\r\nX-Mockserver-Scenario: nowhere\r\n\r\n"
        connection.sendall(head("/v1/models", "GET", "Transfer-Encoding: chunked") + late)
        assert read(connection).startswith(b"HTTP/1.1 200 ")


def test_nonsense_in_the_middle_of_an_answer_ends_it() -> None:
    with slow("{ok: {}, faults: [{stall: headers}]}") as there, there.connect() as connection:
        connection.sendall(edit().replace(b"Connection: close\r\n", b""))
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")
        connection.sendall(b"nonsense\r\n\r\n")
        assert read(connection) == b""
        there.until(lambda: not there.started.call(lambda: there.started._uvicorn.server_state.tasks))


def test_who_leaves_ends_the_work_for_all_that_was_asked() -> None:
    with slow("{ok: {}, faults: [{stall: start}], times: 9}") as there:
        with there.connect() as connection:
            connection.sendall(edit().replace(b"Connection: close\r\n", b"") + OPEN * 3)
            there.until(lambda: bool(there.started.server.journal.noted()))
        there.until(lambda: not there.started.call(lambda: there.started._uvicorn.server_state.tasks))
        assert len(there.started.server.journal.noted()) == 1


def test_too_many_connections_push_out_the_one_that_rested_longest() -> None:
    with slow(limits=Limits(connections=2)) as there, there.connect() as first:
        there.at(0)
        with there.connect() as second:
            there.at(1)
            with socket.create_connection(there.address, timeout=30) as third:
                assert first.recv(1) == b""
                third.sendall(OPEN)
                assert third.recv(65_536).startswith(b"HTTP/1.1 200 ")
                second.sendall(OPEN)
                assert second.recv(65_536).startswith(b"HTTP/1.1 200 ")


def test_nobody_is_pushed_out_who_is_being_answered() -> None:
    with slow("{ok: {}, faults: [{stall: start}]}", Limits(connections=1)) as there, there.connect() as first:
        first.sendall(edit())
        there.until(lambda: bool(there.started.server.journal.noted()))
        there.at(0)
        with socket.create_connection(there.address, timeout=30) as second:
            second.sendall(OPEN)
            assert second.recv(65_536).startswith(b"HTTP/1.1 200 ")
        assert len(there.connections()) >= 1


class SystemLimits:
    """The module `resource` of a system with these limits."""

    RLIMIT_NOFILE, RLIM_INFINITY = resource.RLIMIT_NOFILE, resource.RLIM_INFINITY

    def __init__(self, allowed: int, most: int) -> None:
        self.found = (allowed, most)

    def getrlimit(self, which: int) -> tuple[int, int]:
        """The limits."""
        return self.found

    def setrlimit(self, which: int, limits: tuple[int, int]) -> None:
        """Change them."""
        self.found = limits


@pytest.mark.parametrize(
    ("limits", "before", "after"),
    [
        (SystemLimits(1024, 4096), 960, 4032),
        (SystemLimits(1024, SystemLimits.RLIM_INFINITY), 960, 10_000),
        (SystemLimits(20_000, 20_000), 10_000, 10_000),
        (SystemLimits(SystemLimits.RLIM_INFINITY, SystemLimits.RLIM_INFINITY), 10_000, 10_000),
        (SystemLimits(10, 10), 1, 1),
        (None, 10_000, 10_000),
    ],
    ids=["widened", "to the most", "enough", "no limit", "next to none", "another system"],
)
def test_connections_by_what_the_system_allows(
    monkeypatch: pytest.MonkeyPatch, limits: SystemLimits | None, before: int, after: int
) -> None:
    monkeypatch.setattr(open_files, "resource", limits)
    assert open_files.count_allowed_connections(10_000) == before
    open_files.raise_open_files_limit(10_000)
    assert open_files.count_allowed_connections(10_000) == after


def test_a_server_that_stops_does_not_wait_for_who_was_told_to_leave() -> None:
    with slow() as there, there.connect() as connection:
        connection.sendall(head(EDITS, "POST", "Transfer-Encoding: chunked") + b"nonsense\r\n")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 400 ")
        there.started.stop()
        assert not there.started.connections
