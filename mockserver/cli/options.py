"""Values of the command line's options as the server takes them. Says in one sentence what is wrong with one."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import math
import time
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mockserver.core.number import is_plain_number

if TYPE_CHECKING:
    import socket

    from mockserver.engine.values import Settings
    from mockserver.state.server_state import ServerState, Sharing

T = TypeVar("T")


def furnished(
    scenario: str,
    seed: int | None,
    day: str,
    keys: tuple[str, ...],
    clock: str,
    watch: bool,
    token: str | None,
    state: str | None = None,
    **options: Any,
) -> ServerState:
    """The server that the options ask for."""
    from mockserver.scenario.loader import ScenarioError, load
    from mockserver.state.clock import Clock
    from mockserver.state.memory import MemoryState
    from mockserver.state.sessions import SessionStore

    if (options["auth"] == "exact") != bool(keys):
        raise click.UsageError("--auth exact and --key belong together: give both, or neither")
    if watch and state:
        raise click.UsageError(
            "--watch reads one worker's file; with --state, PUT /__mock/scenario reaches all workers"
        )
    try:
        settings, played, now = settled(day, keys, **options), load(scenario), instant(clock)
        if state:
            from mockserver.cli.run import say
            from mockserver.state.redis.state import shared

            server = shared(state, settings, played, seed, now, say)
        else:
            server = MemoryState(settings, SessionStore(played, seed), clock=Clock(now))
        server.token = token
    except (ScenarioError, ValueError) as error:
        raise click.UsageError(str(error)) from None
    if watch:
        server.look = watching(scenario, server)
    return server


def joined(server: ServerState) -> ServerState:
    """The server, which has begun with its shared state if it has one."""
    if server.shared:
        visited(server, lambda: None, server.shared.start())
    return server


def visited(server: ServerState, work: Callable[[], T], first: Coroutine[Any, Any, None] | None = None) -> T:
    """Run a function where no loop runs, on what all workers have noted; before it something else, if given."""
    from mockserver.state.server_state import StateUnavailable

    async def visit(sharing: Sharing) -> T:
        try:
            if first:
                await first
            return await sharing.visiting(work)
        finally:
            await sharing.close()

    try:
        return asyncio.run(visit(server.shared)) if server.shared else work()
    except StateUnavailable as error:
        raise click.UsageError(str(error)) from None


def settled(day: str, keys: tuple[str, ...], latency: str, dialect: str, **options: Any) -> Settings:
    """The settings that the options ask for. Raises ValueError for one that is none."""
    from mockserver.contract.asof import as_of
    from mockserver.contract.dialects import table
    from mockserver.engine.values import Settings

    if dialect not in table():
        raise ValueError(f"--dialect is one of {', '.join(table())}, not {dialect!r}")
    return Settings(as_of(day), keys=frozenset(keys), latency=seconds(latency), dialect=dialect, **options)


def seconds(latency: str) -> float | None:
    """The latency of an answer in seconds; None where it is drawn from what was recorded. Raises ValueError."""
    if latency in ("none", "realistic"):
        return 0 if latency == "none" else None
    try:
        value = float(latency) if is_plain_number(latency) else math.nan
    except ValueError:
        value = math.nan
    if not 0 <= value <= 3600:
        raise ValueError(f"--latency is none, realistic or seconds from 0 to 3600, not {latency!r}")
    return value


def instant(clock: str) -> Callable[[], float]:
    """The time of the server: the real one, or one that stands at an instant. Raises ValueError."""
    if clock == "real":
        return time.time
    try:
        moment = datetime.fromisoformat(clock)
    except ValueError:
        raise ValueError(f"--clock is real or an instant such as 2026-11-21T12:00:00Z, not {clock!r}") from None
    stands = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if stands < 0:
        raise ValueError(f"--clock is 1970 or later, not {clock!r}")
    return lambda: stands


@contextlib.contextmanager
def listening(host: str, port: int, port_file: Path | None) -> Iterator[socket.socket]:
    """A socket on that host and port, its port written to the file if there is one."""
    from mockserver.server.uvicorn_server import listen

    try:
        listener = listen(host, port)
    except OSError as error:
        advice = "; try --port 0" if error.errno == errno.EADDRINUSE else ""
        raise click.UsageError(f"cannot listen on {host} port {port}: {error.strerror}{advice}") from None
    with listener:
        try:
            if port_file:
                port_file.write_text(f"{listener.getsockname()[1]}\n")
        except OSError as error:
            raise click.UsageError(f"cannot write {port_file}: {error.strerror}") from None
        yield listener


def watching(scenario: str, server: ServerState) -> Callable[[], object]:
    """A function that reads the scenario's file again if it has changed."""
    from mockserver.cli.run import say
    from mockserver.core import data_files
    from mockserver.server.watch import Watch

    if scenario in data_files.names("scenarios", ".yaml"):
        raise click.UsageError(f"--watch is for the file of a scenario, and {scenario!r} is built in")
    return Watch(scenario, server.sessions, say).look
