"""Runs the client under test as a process that reads one call per line and writes one result per line."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, Literal

from jsonschema import Draft202012Validator

from mockserver.core import data_files

START_TIMEOUT = 60
EXIT_TIMEOUT = 2
STDERR_LIMIT = 2_000


class CannotStart(Exception):
    """The client cannot be started; the message is one line."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The outcome of a call: `answered` with a result, `late` (killed after its deadline) or `crashed`."""

    how: Literal["answered", "late", "crashed"]
    result: Mapping[str, Any] | None = None
    seconds: float = 0
    detail: str = ""

    @property
    def cause(self) -> str:
        """The last line of the detail: of a traceback, the exception."""
        return next(iter(self.detail.strip().splitlines()[-1:]), "")


class Client:
    """Sends calls to the client's process, and restarts it after it was killed or has exited."""

    def __init__(self, command: Sequence[str], is_worker: bool = False) -> None:
        self._command, self._is_worker = list(command), is_worker
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: queue.Queue[bytes | None] = queue.Queue()
        self._stderr: IO[bytes] | None = None
        self._has_answered = False

    def send(self, call: Mapping[str, Any], timeout: float) -> Reply:
        """Send a call and wait for its result. Raises CannotStart."""
        if self._process is None or self._process.poll() is not None:
            self.kill()
            self._start()
        assert self._process is not None
        assert self._process.stdin is not None
        began = time.monotonic()
        try:
            self._process.stdin.write(json.dumps(call).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            return self._handle_exit(began)
        while True:
            try:
                line = self._lines.get(timeout=max(0, began + timeout - time.monotonic()))
            except queue.Empty:
                self.kill()
                return Reply("late", seconds=time.monotonic() - began)
            if line is None:
                return self._handle_exit(began)
            reply = parse_reply(line, call["id"], time.monotonic() - began)
            if reply:
                self._has_answered = True
                return reply

    def close(self) -> None:
        """Close the client's stdin, give it time to exit, then kill it."""
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                self._process.stdin.close()
                self._process.wait(EXIT_TIMEOUT)
        self.kill()

    def kill(self) -> None:
        """Kill the process and its children."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout, self._stderr):
                with contextlib.suppress(OSError):
                    pipe.close() if pipe else None
        self._process = None

    def _handle_exit(self, began: float) -> Reply:
        detail = self._read_stderr() or "the process exited without an error message"
        self.kill()
        if not self._has_answered:
            raise CannotStart(f"the client exited before its first result: {detail.splitlines()[-1]}")
        return Reply("crashed", seconds=time.monotonic() - began, detail=detail)

    def _start(self) -> None:
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 (kill closes it)
        self._lines = queue.Queue()
        try:
            self._process = subprocess.Popen(  # noqa: S603 (the user's own command)
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))} if self._is_worker else None,
            )
        except OSError as error:
            self._stderr.close()
            expected = "expected module:callable, or a command after --"
            raise CannotStart(f"cannot start {self._command[0]}: {error.strerror}; {expected}") from None
        threading.Thread(target=_read_lines, args=(self._process.stdout, self._lines), daemon=True).start()
        if self._is_worker:
            self._await_ready()

    def _await_ready(self) -> None:
        """Wait until our worker has imported the callable, which may take longer than a call's deadline."""
        try:
            line = self._lines.get(timeout=START_TIMEOUT)
        except queue.Empty:
            line = None
        message = json.loads(line) if line else {"cannot": self._read_stderr() or "the worker did not start"}
        if "cannot" in message:
            self.kill()
            raise CannotStart(message["cannot"].strip().splitlines()[-1])

    def _read_stderr(self) -> str:
        if self._stderr is None:
            return ""
        self._stderr.seek(0)
        return self._stderr.read().decode("utf-8", "replace")[-STDERR_LIMIT:].strip()


def _read_lines(pipe: IO[bytes], lines: "queue.Queue[bytes | None]") -> None:
    with contextlib.suppress(OSError, ValueError):  # kill() may close the pipe during the read
        for line in pipe:
            lines.put(line)
    lines.put(None)


def parse_reply(line: bytes, call_id: str, seconds: float) -> Reply | None:
    """The reply that a line holds, or None for the result of an earlier call."""
    try:
        result = json.loads(line)
    except ValueError:
        return Reply("crashed", seconds=seconds, detail=f"expected a line of JSON, got {line[:200]!r}")
    if isinstance(result, dict) and "crash" in result:
        return Reply("crashed", seconds=seconds, detail=str(result["crash"])[-STDERR_LIMIT:])
    if isinstance(result, dict) and result.get("id", call_id) != call_id:
        return None
    for error in Draft202012Validator(data_files.contract("schemas/fuzz-result.json")).iter_errors(result):
        place = ".".join(map(str, error.absolute_path)) or "the result"
        detail = f"{place} does not match contracts/schemas/fuzz-result.json: {error.message[:300]}"
        return Reply("crashed", seconds=seconds, detail=detail)
    return Reply("answered", result, seconds)


def build_client(client: str | Sequence[str]) -> Client:
    """The client for `module:callable` or a command."""
    if isinstance(client, str):
        return Client([sys.executable, "-m", "mockserver.harness.fuzz.worker", client], is_worker=True)
    return Client(client)
