"""A Redis of the tests' own, and the state of sessions in memory or in it, behind the same few words."""

import asyncio
import contextlib
import itertools
import json
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from mockserver.engine.values import Settings
from mockserver.scenario.loader import parse
from mockserver.scenario.machine import Scenario
from mockserver.scenario.matching import RequestFacts
from mockserver.state.memory import MemoryState
from mockserver.state.redis import unit_of_work
from mockserver.state.redis.state import shared
from mockserver.state.sessions import SessionStore, Taken

T = TypeVar("T")


def scenario(name: str, *steps: dict[str, Any], **more: Any) -> Scenario:
    """A scenario from data, as a file would say it."""
    return parse(json.dumps({"scenario": name, "steps": steps, **more}).encode(), name)


class Redis:
    """A redis-server behind a socket in a folder; it keeps nothing when it ends."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "redis"
        self.url = f"unix://{self.socket}?db=0"
        self.begin()

    def begin(self) -> None:
        """Start it; returns when it answers."""
        options = ["--port", "0", "--unixsocket", str(self.socket), "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
        answered = b""
        while answered != b"+PONG":
            assert self.process.poll() is None, "redis-server has ended"
            with contextlib.suppress(OSError):
                answered = self.say("PING")

    def end(self) -> None:
        """Kill it, and what it holds."""
        self.process.kill()
        self.process.wait()
        self.socket.unlink(missing_ok=True)

    def say(self, *words: str) -> bytes:
        """The first line of the answer to a command."""
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.socket))
            client.sendall((" ".join(words) + "\r\n").encode())
            return client.recv(4096).split(b"\r\n")[0]


@pytest.fixture(scope="session")
def one_redis() -> Iterator[Redis]:
    """One Redis for all tests that do not end it; socket paths are short."""
    assert shutil.which("redis-server"), "these tests need redis-server: apt-get install redis-server"
    with tempfile.TemporaryDirectory(prefix="ms") as folder:
        started = Redis(Path(folder))
        yield started
        started.end()


@pytest.fixture
def redis(one_redis: Redis) -> Redis:
    """A Redis that holds nothing."""
    assert one_redis.say("FLUSHALL") == b"+OK"
    return one_redis


class Store:
    """The state of sessions, asked in turn through each of the servers that share it."""

    def __init__(self, make: Callable[[], MemoryState], count: int) -> None:
        self.servers = [make() for _ in range(count)]
        self._turns = itertools.cycle(self.servers)
        if self.servers[0].shared:
            asyncio.run(self._visit(self.servers[0], self.servers[0].shared.start))

    async def _visit(self, server: MemoryState, work: Callable[[], Any], name: str = "") -> Any:
        unit_of_work.begin()
        try:
            if server.shared:
                await server.shared.meet(name)
            done = work()
            done = await done if asyncio.iscoroutine(done) else done
            if server.shared:
                await server.shared.finish()
            return done
        finally:
            if server.shared:
                await server.shared.close()

    def take(self, *names: str, job: str | None = None) -> list[Taken]:
        """A turn of each session in this order."""
        return [self._call(name, lambda state, name=name: state.take(name, RequestFacts(digest=job))) for name in names]

    def rush(self, name: str, count: int) -> list[Taken]:
        """So many turns of one session at once."""

        async def one(server: MemoryState) -> Taken:
            unit_of_work.begin()
            return await server.sessions.take(name, RequestFacts(digest="j"))

        async def all_of_them() -> list[Taken]:
            done = await asyncio.gather(*(asyncio.create_task(one(next(self._turns))) for _ in range(count)))
            for server in self.servers:
                if server.shared:
                    await server.shared.close()
            return done

        return asyncio.run(all_of_them())

    def _call(self, name: str | None, work: Callable[[SessionStore], Any]) -> Any:
        server = next(self._turns)
        return asyncio.run(self._visit(server, lambda: work(server.sessions), name or ""))

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def call(name: str | None = None, *arguments: Any, **more: Any) -> Any:
            return self._call(name, lambda state: getattr(state, method)(name, *arguments, **more))

        return call


Make = Callable[[Scenario], Store]


@pytest.fixture(params=["memory", "redis"])
def store(request: pytest.FixtureRequest) -> Make:
    """Makes the state of sessions that play a scenario: in memory, or in Redis for two servers."""
    if request.param == "memory":
        return lambda played: Store(lambda: MemoryState(sessions=SessionStore(played)), 1)
    redis = request.getfixturevalue("redis")
    return lambda played: Store(lambda: shared(redis.url, Settings(), played, None, time.time), 2)
