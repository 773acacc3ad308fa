"""Build a server from the values of the command line's options. Invalid values are reported in one sentence."""

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


def build_server(
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
    from mockserver.scenario.loader import ScenarioError, load
    from mockserver.state.clock import Clock
    from mockserver.state.memory import MemoryState
    from mockserver.state.sessions import SessionStore

    if (options["auth"] == "exact") != bool(keys):
        raise click.UsageError("--auth exact needs --key, and --key needs --auth exact")
    if watch and state:
        raise click.UsageError(
            "--watch cannot be combined with --state; PUT /__mock/scenario changes the scenario of all workers"
        )
    try:
        settings, loaded, now = build_settings(day, keys, **options), load(scenario), parse_clock(clock)
        if state:
            from mockserver.cli.run import print_message
            from mockserver.state.redis.state import shared

            server = shared(state, settings, loaded, seed, now, print_message)
        else:
            server = MemoryState(settings, SessionStore(loaded, seed), clock=Clock(now))
        server.token = token
    except (ScenarioError, ValueError) as error:
        raise click.UsageError(str(error)) from None
    if watch:
        server.look = build_watch(scenario, server)
    return server


def connect_state(server: ServerState) -> ServerState:
    """The server, which has begun with its shared state if it has one."""
    if server.shared:
        run_with_state(server, lambda: None, server.shared.start())
    return server


def run_with_state(server: ServerState, work: Callable[[], T], first: Coroutine[Any, Any, None] | None = None) -> T:
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


def build_settings(day: str, keys: tuple[str, ...], latency: str, dialect: str, **options: Any) -> Settings:
    """The settings of the server. Raises ValueError for an invalid option."""
    from mockserver.contract.asof import as_of
    from mockserver.contract.dialects import table
    from mockserver.engine.values import Settings

    if dialect not in table():
        raise ValueError(f"--dialect: expected one of {', '.join(table())}, got {dialect!r}")
    return Settings(as_of(day), keys=frozenset(keys), latency=parse_latency(latency), dialect=dialect, **options)


def parse_latency(latency: str) -> float | None:
    """The latency of a response in seconds, or None for recorded latencies. Raises ValueError."""
    if latency in ("none", "realistic"):
        return 0 if latency == "none" else None
    try:
        value = float(latency) if is_plain_number(latency) else math.nan
    except ValueError:
        value = math.nan
    if not 0 <= value <= 3600:
        raise ValueError(f"--latency: expected none, realistic or seconds from 0 to 3600, got {latency!r}")
    return value


def parse_clock(clock: str) -> Callable[[], float]:
    """A function that returns the time in seconds since 1970: the real time or a fixed one. Raises ValueError."""
    if clock == "real":
        return time.time
    try:
        moment = datetime.fromisoformat(clock)
    except ValueError:
        raise ValueError(f"--clock: expected real or a time such as 2026-11-21T12:00:00Z, got {clock!r}") from None
    timestamp = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if timestamp < 0:
        raise ValueError(f"--clock: expected real or a time since 1970, got {clock!r}")
    return lambda: timestamp


@contextlib.contextmanager
def open_listener(host: str, port: int, port_file: Path | None) -> Iterator[socket.socket]:
    """A listening socket. Its port is written to `port_file`, if given."""
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


def build_watch(scenario: str, server: ServerState) -> Callable[[], object]:
    """A function that reloads the scenario file if it has changed."""
    from mockserver.cli.run import print_message
    from mockserver.core import data_files
    from mockserver.server.watch import Watch

    if scenario in data_files.names("scenarios", ".yaml"):
        raise click.UsageError(f"--watch needs a scenario file, and {scenario!r} is built in")
    return Watch(scenario, server.sessions, print_message).look
