"""A Redis server for the tests, and session state in memory or in Redis."""

import asyncio
import contextlib
import itertools
import json
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from mockserver.engine.values import Settings
from mockserver.limits import DEFAULT_LIMITS
from mockserver.scenario.loader import parse
from mockserver.scenario.machine import Scenario
from mockserver.scenario.matching import RequestFacts
from mockserver.state.clock import Clock
from mockserver.state.memory import MemoryState
from mockserver.state.redis.state import connect
from mockserver.state.server_state import ServerState
from mockserver.state.sessions import SessionStore, Taken

T = TypeVar("T")


def scenario(name: str, *steps: dict[str, Any], **more: Any) -> Scenario:
    """Parse a scenario from data, as from a file."""
    return parse(json.dumps({"scenario": name, "steps": steps, **more}).encode(), name)


class Redis:
    """A redis-server on a Unix socket, without persistence."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "redis"
        self.url = f"unix://{self.socket}?db=0"
        self.begin()

    def begin(self) -> None:
        """Start the server and wait until it responds."""
        options = ["--port", "0", "--unixsocket", str(self.socket), "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
        answered = b""
        while answered != b"+PONG":
            assert self.process.poll() is None, "redis-server has ended"
            with contextlib.suppress(OSError):
                answered = self.say("PING")

    def end(self) -> None:
        """Kill the server; its data is lost."""
        self.process.kill()
        self.process.wait()
        self.socket.unlink(missing_ok=True)

    def say(self, *words: str) -> bytes:
        """Send a command and return the first line of the response."""
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.socket))
            client.sendall((" ".join(words) + "\r\n").encode())
            return client.recv(4096).split(b"\r\n")[0]


@pytest.fixture(scope="session")
def one_redis() -> Iterator[Redis]:
    """One Redis for all tests. Its folder has a short name: socket paths are limited in length."""
    assert shutil.which("redis-server"), "these tests need redis-server: apt-get install redis-server"
    with tempfile.TemporaryDirectory(prefix="ms") as folder:
        started = Redis(Path(folder))
        yield started
        started.end()


@pytest.fixture
def redis(one_redis: Redis) -> Redis:
    """An empty Redis."""
    assert one_redis.say("FLUSHALL") == b"+OK"
    return one_redis


class Store:
    """Session state, accessed through each of its servers in turn."""

    def __init__(self, make: Callable[[], ServerState], count: int) -> None:
        self.servers = [make() for _ in range(count)]
        self._turns = itertools.cycle(self.servers)
        self._run(self.servers[0], self.servers[0].start)

    @staticmethod
    def _run(server: ServerState, work: Callable[[], Awaitable[T]]) -> T:
        async def run() -> T:
            try:
                return await work()
            finally:
                await server.close()

        return asyncio.run(run())

    def take(self, *names: str, job: str | None = None) -> list[Taken]:
        """Take a turn of each session in this order."""
        return [self._take(next(self._turns), name, job) for name in names]

    def _take(self, server: ServerState, name: str, job: str | None) -> Taken:
        async def take() -> Taken:
            return await (await server.open_session(name)).take(RequestFacts(digest=job))

        return self._run(server, take)

    def rush(self, name: str, count: int) -> list[Taken]:
        """Take `count` turns of one session concurrently."""

        async def take(server: ServerState) -> Taken:
            return await (await server.open_session(name)).take(RequestFacts(digest="j"))

        async def rush() -> list[Taken]:
            taken = await asyncio.gather(*(take(next(self._turns)) for _ in range(count)))
            for server in self.servers:
                await server.close()
            return taken

        return asyncio.run(rush())

    def settings_for(self, name: str) -> Settings:
        server = next(self._turns)

        async def settings() -> Settings:
            return (await server.open_session(name)).settings

        return self._run(server, settings)

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            server = next(self._turns)
            return self._run(server, lambda: getattr(server, method)(*arguments, **more))

        return call


Make = Callable[..., Store]


@pytest.fixture(params=["memory", "redis"])
def store(request: pytest.FixtureRequest) -> Make:
    """Create session state for a scenario: in memory, or in Redis for two servers."""
    if request.param == "memory":
        return lambda played, settings=None, limits=DEFAULT_LIMITS: Store(
            lambda: MemoryState(settings or Settings(), SessionStore(played, limits=limits), limits=limits), 1
        )
    redis = request.getfixturevalue("redis")
    return lambda played, settings=None, limits=DEFAULT_LIMITS: Store(
        lambda: connect(redis.url, settings or Settings(), played, None, Clock(), limits=limits), 2
    )
