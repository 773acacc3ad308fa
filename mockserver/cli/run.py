"""Run a command against a server of its own, and finish a run: summary, report, exit status."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any

import click

from mockserver import __version__
from mockserver.contract.capabilities import table
from mockserver.journal.report.facts import Condition, facts, failures, summary
from mockserver.server.uvicorn_server import BackgroundServer
from mockserver.state.server_state import ServerState

KEY = "sk-mockserver"
# The report of a run counts every request, so its journal is larger than that of a long-running server.
ENTRIES = 20_000
# Not every platform has all of them.
FORWARDED = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
LOOPBACK = "127.0.0.1,localhost,::1"


@dataclass(frozen=True, slots=True)
class EndOfRun:
    """What to do when a run ends: check `conditions`, and call `write` with the facts of the run."""

    conditions: tuple[Condition, ...] = ()
    write: Callable[[Mapping[str, Any]], None] | None = None

    @property
    def is_needed(self) -> bool:
        return bool(self.conditions or self.write)


def run_command(command: Sequence[str], server: BackgroundServer, keys: Sequence[str], end: EndOfRun) -> int:
    """Run a command against a server and print a summary on stderr. Returns the exit status of this process."""
    env = build_environment(os.environ, server, keys[0] if keys else KEY)
    try:
        status = run_process(command, env)
    except FileNotFoundError:
        print_message(f"{command[0]}: command not found")
        return 127
    except OSError as error:
        print_message(f"{command[0]}: cannot be executed: {error.strerror}")
        return 126
    return server.call(lambda: finish_run(server.server, end, command, status))


def build_environment(outer: Mapping[str, str], server: BackgroundServer, key: str) -> dict[str, str]:
    """The environment of the command: the server's URL and a key, and no proxy for loopback addresses."""
    token = {"MOCKSERVER_TOKEN": server.server.token} if server.server.token else {}
    no_proxy = {name: _with_loopback(outer.get(name, "")) for name in ("NO_PROXY", "no_proxy")}
    client = {"OPENAI_BASE_URL": f"{server.url}/v1", "OPENAI_API_KEY": key, "MOCKSERVER_URL": server.url}
    return {**outer, **no_proxy, **client, **token}


def _with_loopback(hosts: str) -> str:
    return hosts if hosts == "*" else ",".join(filter(None, (hosts, LOOPBACK)))


def run_process(command: Sequence[str], env: Mapping[str, str]) -> int:
    """Run a process, forward signals to it, and return its exit status: 128 + N if signal N ended it.

    Raises OSError if it cannot be started.
    """
    with forward_signals() as start:
        status = start(subprocess.Popen(list(command), env=dict(env))).wait()  # noqa: S603 (the user's own command)
    return 128 - status if status < 0 else status


@contextlib.contextmanager
def forward_signals() -> Iterator[Callable[[subprocess.Popen[bytes]], subprocess.Popen[bytes]]]:
    """Forward signals to the process that is passed to the yielded function; queue those that arrive before it."""
    queued: list[int] = []
    processes: list[subprocess.Popen[bytes]] = []

    def flush() -> None:
        while processes and queued:
            processes[0].send_signal(queued.pop(0))

    def handle(number: int, frame: FrameType | None) -> None:
        # A terminal sends Ctrl-C to its whole foreground process group, the command included.
        if number != signal.SIGINT or not is_foreground():
            queued.append(number)
            flush()

    def start(process: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
        processes.append(process)
        flush()
        return process

    # An ignored signal stays ignored, as nohup expects.
    handlers = {number: signal.getsignal(number) for number in FORWARDED}
    replaced = [number for number, handler in handlers.items() if handler != signal.SIG_IGN]
    for number in replaced:
        signal.signal(number, handle)
    try:
        yield start
    finally:
        for number in replaced:
            signal.signal(number, handlers[number])


def is_foreground() -> bool:
    """Whether this process runs in the foreground of a terminal."""
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except (OSError, AttributeError):
        return False


async def finish_run(
    server: ServerState, end: EndOfRun, command: Sequence[str] | None = None, status: int | None = None
) -> int:
    """Print the summary of a run and write its report.

    Returns the command's exit status, or 1 if that is 0 and a condition or the report failed.
    """
    journal = await server.read_journal()
    run = {
        "version": __version__,
        "scenario": (await server.scenario()).name,
        "as_of": server.settings.as_of.label,
        "command": None if command is None else list(command),
        "status": status,
    }
    report = facts(journal.entries(), journal.dropped, run, end.conditions)
    errors = failures(report)
    for line in (*(summary(report) if command is not None else ()), *errors):
        print_message(line)
    if end.write:
        try:
            end.write(report)
        except OSError as error:
            errors.append(f"cannot write {error.filename}: {error.strerror}")
            print_message(errors[-1])
    return status or int(bool(errors))


def print_shutdowns(server: ServerState) -> None:
    """Print which of the models used have a shutdown date."""
    for model, calls in server.dated.items():
        click.echo(f"{calls} calls used {model}, which is shut down from {table()[model].shutdown} on")


def print_message(line: str) -> None:
    """Print one line on stderr."""
    click.echo(f"mockserver: {line}", err=True)
