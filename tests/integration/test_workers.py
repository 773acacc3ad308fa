"""`--workers`: several processes on one port, with and without state in Redis."""

import asyncio
import contextlib
import errno
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest

import mockserver
from mockserver.cli import options
from mockserver.cli.main import WORKERS_ALONE
from mockserver.server import workers
from mockserver.server.uvicorn_server import listen, open_reuseport_socket
from tests.support.redis import Redis

HOME = Path(mockserver.__file__).parents[1]
BODY = {"model": "gpt-image-2", "prompt": "x"}
KEY = {"Authorization": "Bearer t"}
TEXT = {"json": BODY, "headers": KEY}


class Serving:
    """A running command with several workers."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        self.greeting = process.stdout.readline()
        process.stdout.readline()
        self.root = self.greeting.split()[3]

    def children(self) -> list[int]:
        """The workers' process ids, oldest first."""
        found = []
        for folder in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError, IndexError):
                words = (folder / "stat").read_text().rpartition(")")[2].split()
                line = (folder / "cmdline").read_text()
                if int(words[1]) == self.process.pid and "spawn_main" in line and words[0] != "Z":
                    found.append(int(folder.name))
        return sorted(found)

    def line(self) -> str:
        """The next line on stderr."""
        assert self.process.stderr is not None
        return self.process.stderr.readline()

    def stop(self, number: int) -> tuple[int, str, str]:
        """Send a signal; return the exit status and the rest of stdout and stderr."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


def command(*words: str) -> list[str]:
    return [sys.executable, "-W", "error", "-m", "mockserver", "--port", "0", "--paint", "flat", *words]


@contextlib.contextmanager
def serving(*words: str, count: int = 2) -> Iterator[Serving]:
    call = command("--workers", str(count), *words)
    with subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=HOME) as process:
        try:
            yield Serving(process)
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(60)
            process.kill()


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*words), capture_output=True, text=True, cwd=HOME, timeout=60)


@pytest.mark.slow
def test_sessions_in_parallel(redis: Redis) -> None:
    """200 concurrent sessions on two processes: each sees its own steps in order."""

    async def session(client: httpx2.AsyncClient, root: str, name: str) -> list[int]:
        url, seen = f"{root}/__mock/s/{name}/v1/images/generations", []
        for _ in range(5):
            # A new connection each time, so that either worker may take it.
            answer = await client.post(url, json=BODY, headers=KEY | {"Connection": "close"})
            seen.append(answer.status_code)
        return seen

    async def all_of_them(root: str) -> list[list[int]]:
        async with httpx2.AsyncClient(timeout=60) as client:
            return await asyncio.gather(*(session(client, root, f"s{number}") for number in range(200)))

    def seen(root: str) -> list[list[int]]:
        # In a thread of its own, since coverage loses this one's trace in a loop with so many tasks.
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(asyncio.run, all_of_them(root)).result()

    with serving("--scenario", "flaky", "--state", redis.url) as started:
        assert seen(started.root) == [[429, 429, 500, 200, 429]] * 200
        journal = httpx2.get(f"{started.root}/__mock/journal", timeout=60).json()
        assert (len(journal["entries"]), journal["dropped"]) == (1000, 0)
        assert [entry["id"] for entry in journal["entries"]] == [f"e{number:06d}" for number in range(1, 1001)]
        assert all(entry["answer"]["complete"] for entry in journal["entries"])
        assert started.stop(signal.SIGTERM) == (0, "", "")


def test_a_worker_dies(redis: Redis, tmp_path: Path) -> None:
    """A replacement continues with the shared state, and one report covers all workers."""
    report = tmp_path / "report.json"
    options = ("--scenario", "flaky", "--state", redis.url, "--report", str(report), "--fail-on", "refused")
    with serving(*options) as started:
        url = f"{started.root}/v1/images/generations"
        assert httpx2.post(url, timeout=60, **TEXT).status_code == 429
        first = started.children()
        assert len(first) == 2
        for child in first:
            os.kill(child, signal.SIGKILL)
        said = sorted(started.line() for _ in first)
        assert said == [
            f"mockserver: worker {number} was ended by SIGKILL; starting a replacement\n" for number in (1, 2)
        ]
        # The socket stays open: a replacement responds to clients that connected meanwhile.
        assert [httpx2.post(url, timeout=60, **TEXT).status_code for _ in range(3)] == [429, 500, 200]
        assert not set(first) & set(started.children())
        status, _, err = started.stop(signal.SIGINT)
    assert status == 1
    assert "--fail-on refused" in err
    assert json.loads(report.read_text())["ledger"]["total"]["requests"] == 4


def test_connections_are_spread() -> None:
    """Both workers accept concurrent connections; each numbers its own entries."""
    with serving("--scenario", "ok") as started:
        assert "share nothing" in started.line()

        async def entries() -> list[str]:
            limits = httpx2.Limits(max_connections=64)
            async with httpx2.AsyncClient(timeout=60, limits=limits) as client:
                # Each keeps a connection for as long as the others take to open theirs.
                calls = (client.post(f"{started.root}/v1/images/generations", **TEXT) for _ in range(64))
                return [answer.headers["x-mockserver-entry"] for answer in await asyncio.gather(*calls)]

        with ThreadPoolExecutor(1) as pool:
            seen = pool.submit(asyncio.run, entries()).result()
    # By chance a worker has less than 8 of 64 once in ten thousand million runs.
    assert sum(seen.count(one) == 2 for one in set(seen)) >= 8


def test_one_socket_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other systems than Linux give all connections on a port to one of its sockets."""
    monkeypatch.setattr(sys, "platform", "darwin")
    with listen("127.0.0.1", 0) as listener:
        assert workers.open_worker_sockets(listener, 3) == [listener] * 3


def test_one_socket_where_no_other_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sockets that were already opened are closed: no worker would accept from them."""
    opened: list[socket.socket] = []

    def once(listener: socket.socket) -> socket.socket:
        if opened:
            raise OSError("Protocol not available")
        opened.append(open_reuseport_socket(listener))
        return opened[0]

    monkeypatch.setattr(workers, "open_reuseport_socket", once)
    with listen("127.0.0.1", 0) as listener:
        assert workers.open_worker_sockets(listener, 3) == [listener] * 3
    assert opened[0].fileno() == -1


def test_port_of_workers_is_taken() -> None:
    """The workers share a port with each other, not with another server."""
    with serving("--host", "::1") as started:
        port = started.root.rpartition(":")[2]
        for count in ("1", "2"):
            words = ["--host", "::1", "--port", port, "--workers", count]
            done = run(*words)
            assert (done.returncode, done.stdout) == (2, "")
            assert os.strerror(errno.EADDRINUSE) in done.stderr


def test_alone_they_share_nothing() -> None:
    with serving("--scenario", "retired_models", "--as-of", "any") as started:
        assert started.line() == f"mockserver: {WORKERS_ALONE.format(count=2)}\n"
        assert httpx2.get(f"{started.root}/__mock/health", timeout=60).json()["scenario"] == "retired_models"
        assert started.stop(signal.SIGTERM) == (0, "", "")


def test_parent_is_killed(redis: Redis) -> None:
    """Workers do not outlive the process that started them."""
    with serving("--state", redis.url) as started:
        port = int(started.root.rpartition(":")[2])
        started.process.kill()
        assert started.process.stdout is not None
        # They hold the other end of its stdout; that ends with the last of them.
        assert started.process.stdout.read() == ""
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--workers", "2", "--fail-on", "refused"], "--report and --fail-on need --state with several workers"),
        (["--workers", "2", "--", "true"], "--workers cannot be combined with a command after --"),
        (["--workers", "0"], "--workers"),
        (["--state", "redis://127.0.0.1:1/0"], "the state at redis://127.0.0.1:1/0 is unavailable"),
        (["--state", "http://x"], "expected redis://HOST:PORT/DB"),
        (["--state", "redis://x", "--watch"], "--watch cannot be combined with --state"),
    ],
    ids=["report", "command", "none", "unreachable", "wrong", "watch"],
)
def test_invalid_options(words: list[str], said: str) -> None:
    done = run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_command_with_a_state(redis: Redis) -> None:
    ask = "import os, urllib.request as r; print(r.urlopen(os.environ['MOCKSERVER_URL'] + '/__mock/health').status)"
    done = run("--state", redis.url, "--", sys.executable, "-c", ask)
    assert (done.returncode, done.stdout) == (0, "200\n")
    assert done.stderr == "mockserver: 0 requests, 0 rejected, $0.0000, verdict good\n"


class FakeProcess:
    """A process that has exited, or that ignores requests to stop."""

    def __init__(self, status: int | None) -> None:
        self.exitcode = status
        self.sentinel, self.other = socket.socketpair()
        if status is not None:
            self.other.close()
        self.did: list[str] = []

    def terminate(self) -> None:
        self.did.append("terminate")

    def kill(self) -> None:
        self.did.append("kill")

    def join(self, patience: float | None = None) -> None:
        self.did.append("join")

    def is_alive(self) -> bool:
        return self.exitcode is None

    def start(self) -> None:
        self.did.append("start")


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[FakeProcess]]:
    """The fake processes that replace workers, in order."""
    given: list[FakeProcess] = []
    handed = iter(given)

    def pipe(duplex: bool) -> tuple[Any, Any]:
        ears, mouth = socket.socketpair()
        return ears, SimpleNamespace(close=lambda: mouth.detach())

    context = SimpleNamespace(Pipe=pipe, Process=lambda **_: next(handed))
    monkeypatch.setattr(workers.multiprocessing, "get_context", lambda _: context)
    yield given
    for one in given:
        one.sentinel.close()
        one.other.close()


def test_a_worker_that_never_serves_stops_all(processes: list[FakeProcess]) -> None:
    """A worker that ignores the request to stop is killed."""
    processes += [FakeProcess(3), FakeProcess(None)]
    reported: list[str] = []
    unused: Any = None
    with listen("127.0.0.1", 0) as listener:
        assert workers.serve(2, listener, unused, lambda: None, reported.append) == 1
    assert reported == ["worker 1 ended with status 3 before it served; stopping all workers"]
    assert processes[1].did == ["start", "terminate", "join", "kill", "join"]


def test_state_that_is_unavailable_at_the_end(redis: Redis) -> None:
    """A state that is gone at the end is journal in one line."""
    from mockserver.engine.values import Settings
    from mockserver.scenario.loader import load
    from mockserver.state.clock import Clock
    from mockserver.state.redis.state import connect

    server = options.connect_state(connect(redis.url, Settings(), load("ok"), None, Clock()))
    assert options.run_with_state(server, server.scenario).name == "ok"
    redis.end()
    try:
        with pytest.raises(options.click.UsageError, match="is unavailable"):
            options.run_with_state(server, server.scenario)
    finally:
        redis.begin()
