"""The client under test as a process: a call a line in, a result a line out, and a deadline that ends it.

Knows nothing of what a result means, and no client by name.
"""

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

START_SECONDS = 60
LEAVE_SECONDS = 2
TAIL = 2_000


class CannotStart(Exception):
    """The client cannot be started at all; the message is one line."""


@dataclass(frozen=True, slots=True)
class Reply:
    """How a call ended: with a `result`, `late` (it was killed after its deadline), or `crashed`; `words` say why."""

    how: Literal["answered", "late", "crashed"]
    result: Mapping[str, Any] | None = None
    seconds: float = 0
    words: str = ""

    @property
    def cause(self) -> str:
        """The last of its words, which says the most."""
        return next(iter(self.words.strip().splitlines()[-1:]), "")


class Client:
    """A client that can be asked again and again; it is started anew after it was killed or has died."""

    def __init__(self, command: Sequence[str], worker: bool = False) -> None:
        self._command, self._worker = list(command), worker
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: queue.Queue[bytes | None] = queue.Queue()
        self._told: IO[bytes] | None = None
        self._answered = False

    def ask(self, call: Mapping[str, Any], limit: float) -> Reply:
        """Put a call to the client and wait so many seconds for its result. Raises CannotStart."""
        if self._process is None or self._process.poll() is not None:
            self.stop()
            self._start()
        assert self._process is not None
        assert self._process.stdin is not None
        began = time.monotonic()
        try:
            self._process.stdin.write(json.dumps(call).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            return self._died(began)
        while True:
            try:
                line = self._lines.get(timeout=max(0, began + limit - time.monotonic()))
            except queue.Empty:
                self.stop()
                return Reply("late", seconds=time.monotonic() - began)
            if line is None:
                return self._died(began)
            reply = judged(line, call["id"], time.monotonic() - began)
            if reply:
                self._answered = True
                return reply

    def close(self) -> None:
        """Let the process end by itself, for there are no more calls; then end it all the same."""
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                self._process.stdin.close()
                self._process.wait(LEAVE_SECONDS)
        self.stop()

    def stop(self) -> None:
        """End the process, and all that it started."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout, self._told):
                with contextlib.suppress(OSError):
                    pipe.close() if pipe else None
        self._process = None

    def _died(self, began: float) -> Reply:
        words = self._tail() or "it ended without a word"
        self.stop()
        if not self._answered:
            raise CannotStart(f"the client ended before its first result: {words.splitlines()[-1]}")
        return Reply("crashed", seconds=time.monotonic() - began, words=words)

    def _start(self) -> None:
        self._told = tempfile.TemporaryFile()  # noqa: SIM115 (stop closes it)
        self._lines = queue.Queue()
        try:
            self._process = subprocess.Popen(  # noqa: S603 (the user's own command)
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._told,
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))} if self._worker else None,
            )
        except OSError as error:
            self._told.close()
            expected = "expected module:callable, or a command after --"
            raise CannotStart(f"{self._command[0]}: cannot be started: {error.strerror}; {expected}") from None
        threading.Thread(target=_read, args=(self._process.stdout, self._lines), daemon=True).start()
        if self._worker:
            self._greet()

    def _greet(self) -> None:
        """Our own worker says when it has found the callable, which may take its imports a while."""
        try:
            line = self._lines.get(timeout=START_SECONDS)
        except queue.Empty:
            line = None
        said = json.loads(line) if line else {"cannot": self._tail() or "it did not start"}
        if "cannot" in said:
            self.stop()
            raise CannotStart(said["cannot"].strip().splitlines()[-1])

    def _tail(self) -> str:
        if self._told is None:
            return ""
        self._told.seek(0)
        return self._told.read().decode("utf-8", "replace")[-TAIL:].strip()


def _read(pipe: IO[bytes], lines: "queue.Queue[bytes | None]") -> None:
    with contextlib.suppress(OSError, ValueError):  # closed under our hands
        for line in pipe:
            lines.put(line)
    lines.put(None)


def judged(line: bytes, wanted: str, seconds: float) -> Reply | None:
    """The reply that a line is; None for one that belongs to an earlier call."""
    try:
        result = json.loads(line)
    except ValueError:
        return Reply("crashed", seconds=seconds, words=f"a line that is no JSON: {line[:200]!r}")
    if isinstance(result, dict) and "crash" in result:
        return Reply("crashed", seconds=seconds, words=str(result["crash"])[-TAIL:])
    if isinstance(result, dict) and result.get("id", wanted) != wanted:
        return None
    for error in Draft202012Validator(data_files.contract("schemas/fuzz-result.json")).iter_errors(result):
        place = ".".join(map(str, error.absolute_path)) or "the result"
        words = f"{place} does not satisfy contracts/schemas/fuzz-result.json: {error.message[:300]}"
        return Reply("crashed", seconds=seconds, words=words)
    return Reply("answered", result, seconds)


def client(named: str | Sequence[str]) -> Client:
    """The client that `module:callable`, or a command, names."""
    if isinstance(named, str):
        return Client([sys.executable, "-m", "mockserver.harness.fuzz.worker", named], worker=True)
    return Client(named)
