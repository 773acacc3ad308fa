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
    from mockserver.state.redis.state import RedisState
    from mockserver.state.server_state import ServerState
    from mockserver.state.sessions import SessionStore

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
    entries: int | None = None,
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
            from mockserver.state.redis.state import connect

            store: MemoryState | RedisState
            store = connect(state, settings, loaded, seed, Clock(now, time.time), print_message)
        else:
            store = MemoryState(settings, SessionStore(loaded, seed), clock=Clock(now))
            if watch:
                store.look = build_watch(scenario, store.sessions)
        store.journal.limit = entries or store.journal.limit
        store.token = token
    except (ScenarioError, ValueError) as error:
        raise click.UsageError(str(error)) from None
    return store


def connect_state(server: ServerState) -> ServerState:
    """The server, once its state has been started."""
    run_with_state(server, server.start)
    return server


def run_with_state(server: ServerState, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine function on a server's state where no event loop runs."""
    from mockserver.state.server_state import StateUnavailable

    async def run() -> T:
        try:
            return await work()
        finally:
            await server.close()

    try:
        return asyncio.run(run())
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


def build_watch(scenario: str, sessions: SessionStore) -> Callable[[], object]:
    """A function that reloads the scenario file if it has changed."""
    from mockserver.cli.run import print_message
    from mockserver.core import data_files
    from mockserver.server.watch import Watch

    if scenario in data_files.names("scenarios", ".yaml"):
        raise click.UsageError(f"--watch needs a scenario file, and {scenario!r} is built in")
    return Watch(scenario, sessions, print_message).look
