"""Malicious requests over raw sockets to a server in its own process: it responds and keeps serving."""

import json
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.attacks import KEY, NONE, all_attacks, edit, head, part

# Seconds; far more than any request takes.
DEADLINE = 60
# The peak memory allowed: the idle server, the pixels of a bomb, and cached responses.
MOST = 768 * 1024 * 1024


@dataclass(frozen=True)
class Victim:
    """The server: its port, process and log."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE)

    def send(self, data: bytes, end: bool = False) -> bytes:
        """Send bytes and return the response once the server closes; `end` shuts down our side first."""
        with self.connect() as connection:
            connection.sendall(data)
            if end:
                connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65_536), b""))

    def memory(self) -> int:
        """Peak memory in bytes."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    """A server with default options, which must stop cleanly."""
    folder = tmp_path_factory.mktemp("hostile")
    log = folder / "log"
    command = [sys.executable, "-m", "mockserver", "--port", "0", "--port-file", str(folder / "port")]
    with log.open("wb") as out, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=out) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"mockserver ")
        found = Victim(int((folder / "port").read_text()), process, log)
        yield found
        process.terminate()
        assert process.wait(DEADLINE) == 0
    # uvicorn warns of requests that are not HTTP; an error would come with a traceback.
    assert [line for line in log.read_text().splitlines() if not line.startswith("WARNING:")] == []


def status(response: bytes) -> int:
    """The status of a response, or NONE."""
    response = response.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    return int(response.split(b" ", 2)[1]) if response else NONE


ATTACKS = {name: (sent, statuses) for name, sent, statuses in all_attacks()}


@pytest.mark.parametrize("name", ATTACKS)
def test_attacks(victim: Victim, name: str) -> None:
    sent, statuses = ATTACKS[name]
    response = victim.send(sent, end=NONE in statuses)
    assert status(response) in statuses
    assert b"Traceback" not in response
    assert b"\nx-injected" not in response.lower()
    assert b"smuggled" not in response
    assert status(victim.send(edit())) == 200
    assert victim.memory() < MOST


def test_the_journal_after_injections(victim: Victim) -> None:
    mark = "</script><b>\r\nX-Injected: 1\0\x1b[2J\u202e"
    response = victim.send(edit(prompt=mark.encode()))
    entry = next(line for line in response.split(b"\r\n") if line.startswith(b"x-mockserver-entry: ")).split()[1]
    journal = victim.send(head(f"/__mock/journal/{entry.decode()}", "GET"))
    about, _, body = journal.partition(b"\r\n\r\n")
    assert b"content-type: application/json" in about
    assert json.loads(body)["job"]["prompt"] == mark
    assert min(body) >= 32  # no control characters
    secret = KEY.rpartition(" ")[2].encode()
    assert secret not in victim.send(head("/__mock/journal", "GET"))
    assert secret.decode() not in victim.log.read_text()


def test_a_thousand_idle_connections(victim: Victim, record_property: pytest.FixtureRequest) -> None:
    wanted, (soft, hard) = 1_000, resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, wanted + 200)), hard))
    count = min(wanted, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 200)
    idle = [victim.connect() for _ in range(count)]
    try:
        for connection in idle[::2]:
            connection.sendall(b"POST /v1/images/edits HTTP/1.1\r\nHost: localhost\r\n")
        assert status(victim.send(edit())) == 200, f"with {count} idle connections"
    finally:
        for connection in idle:
            connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert status(victim.send(edit())) == 200


@pytest.mark.parametrize("framing", ["Content-Length: 4000000000", "Transfer-Encoding: chunked"])
def test_a_body_that_never_ends(victim: Victim, framing: str) -> None:
    kind = "Content-Type: multipart/form-data; boundary=hostile-edge"
    with victim.connect() as connection:
        connection.sendall(head("/v1/images/edits", "POST", kind, framing))
        if framing.startswith("Content"):
            # A declared length that is too large is rejected before the body arrives.
            assert connection.recv(65_536).startswith(b"HTTP/1.1 413 ")
        else:
            connection.sendall(b"%x\r\n" % 10**9 + part("image", b"x" * 100_000, filename="a.png"))
        assert status(victim.send(edit())) == 200


def test_clients_that_never_read_the_response(victim: Victim) -> None:
    greedy = [victim.connect() for _ in range(20)]
    for connection in greedy:
        connection.sendall(edit())
    assert status(victim.send(edit())) == 200
    for connection in greedy:
        connection.close()


def test_expect_100_continue(victim: Victim) -> None:
    whole = edit()
    top, _, body = whole.partition(b"\r\n\r\n")
    with victim.connect() as connection:
        connection.sendall(top + b"\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(65_536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")


def test_rejected_request_gets_no_100_continue(victim: Victim) -> None:
    kind = "Content-Type: multipart/form-data; boundary=hostile-edge"
    announced = head("/v1/images/edits", "POST", kind, "Content-Length: 4000000000", "Expect: 100-continue")
    assert status(victim.send(announced)) == 413


def test_full_journal(victim: Victim) -> None:
    for _ in range(3):
        victim.send(
            b"".join([head("/v1/nowhere", "GET").replace(b"close", b"keep-alive")] * 400) + head("/v1/x", "GET")
        )
    journal = json.loads(victim.send(head("/__mock/journal", "GET")).partition(b"\r\n\r\n")[2])
    assert len(journal["entries"]) == 1_000
    assert journal["dropped"] >= 200
    assert os.path.getsize(victim.log) < 1_000_000
