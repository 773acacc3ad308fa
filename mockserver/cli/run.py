"""Runs somebody's command against a server of its own, and brings a run to its end: summary, report, exit status."""

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
# A run is counted to its end, so its journal holds more than that of a server that runs for days.
ENTRIES = 20_000
# Not all systems have all of them.
PASSED_ON = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
LOCAL = "127.0.0.1,localhost,::1"


@dataclass(frozen=True, slots=True)
class Ending:
    """What is to be done at the end of a run: `write` the report, if there is one, and look at the conditions."""

    conditions: tuple[Condition, ...] = ()
    write: Callable[[Mapping[str, Any]], None] | None = None

    @property
    def wanted(self) -> bool:
        """Is anything to be done?"""
        return bool(self.conditions or self.write)


def run(command: Sequence[str], running: BackgroundServer, keys: Sequence[str], ending: Ending) -> int:
    """Run a command against a server, then say on stderr what came of it. Returns the exit status to end with."""
    env = environment(os.environ, running, keys[0] if keys else KEY)
    try:
        status = call(command, env)
    except FileNotFoundError:
        say(f"{command[0]}: command not found")
        return 127
    except OSError as error:
        say(f"{command[0]}: cannot be executed: {error.strerror}")
        return 126
    return running.call(lambda: end(running.server, ending, command, status))


def environment(outer: Mapping[str, str], running: BackgroundServer, key: str) -> dict[str, str]:
    """The command's environment: where the server is, and a key. No proxy stands between the two."""
    token = {"MOCKSERVER_TOKEN": running.server.token} if running.server.token else {}
    known = {name: outer.get(name, "") for name in ("NO_PROXY", "no_proxy")}
    proxies = {name: value if value == "*" else ",".join(filter(None, (value, LOCAL))) for name, value in known.items()}
    told = {"OPENAI_BASE_URL": f"{running.url}/v1", "OPENAI_API_KEY": key, "MOCKSERVER_URL": running.url}
    return {**outer, **proxies, **told, **token}


def call(command: Sequence[str], env: Mapping[str, str]) -> int:
    """Run a command to its end; signals are passed on to it. Returns its status, 128 + n where a signal ended it.

    Raises OSError when it cannot be started.
    """
    with passing() as start:
        status = start(subprocess.Popen(list(command), env=dict(env))).wait()  # noqa: S603 (the user's own command)
    return 128 - status if status < 0 else status


@contextlib.contextmanager
def passing() -> Iterator[Callable[[subprocess.Popen[bytes]], subprocess.Popen[bytes]]]:
    """While the block lasts, signals go to the process that the yielded function was given; early ones wait for it."""
    waiting: list[int] = []
    started: list[subprocess.Popen[bytes]] = []

    def hand_over() -> None:
        while started and waiting:
            started[0].send_signal(waiting.pop(0))

    def take(number: int, frame: FrameType | None) -> None:
        # The terminal has already told everybody who runs in it.
        if number != signal.SIGINT or not at_terminal():
            waiting.append(number)
            hand_over()

    def start(process: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
        started.append(process)
        hand_over()
        return process

    # What was ignored before (by nohup, say) stays so.
    before = {number: signal.getsignal(number) for number in PASSED_ON}
    heeded = [number for number, handler in before.items() if handler != signal.SIG_IGN]
    for number in heeded:
        signal.signal(number, take)
    try:
        yield start
    finally:
        for number in heeded:
            signal.signal(number, before[number])


def at_terminal() -> bool:
    """Does this process run in the foreground of a terminal?"""
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except (OSError, AttributeError):
        return False


def end(server: ServerState, ending: Ending, command: Sequence[str] | None = None, status: int | None = None) -> int:
    """Say what a run came to, and write its report. Returns the command's status, or 1 where it is 0 and a condition
    or the report failed."""
    about = {
        "version": __version__,
        "scenario": server.sessions.scenario.name,
        "as_of": server.settings.as_of.label,
        "command": None if command is None else list(command),
        "status": status,
    }
    found = facts(server.journal.entries(), server.journal.dropped, about, ending.conditions)
    wrong = failures(found)
    for line in (*(summary(found) if command is not None else ()), *wrong):
        say(line)
    if ending.write:
        try:
            ending.write(found)
        except OSError as error:
            wrong.append(f"cannot write {error.filename}: {error.strerror}")
            say(wrong[-1])
    return status or int(bool(wrong))


def retired(server: ServerState) -> None:
    """Say which models were used that are to be shut down."""
    for model, calls in server.dated.items():
        click.echo(f"{calls} calls used {model}, which is shut down from {table()[model].shutdown} on")


def say(line: str) -> None:
    """One line on stderr."""
    click.echo(f"mockserver: {line}", err=True)
