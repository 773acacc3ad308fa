"""Run the server in a thread, or build it as an ASGI application."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from inspect import signature
from types import TracebackType
from typing import Any

from starlette.applications import Starlette

from mockserver.contract import dialects
from mockserver.contract.asof import as_of as parse_as_of
from mockserver.core.request import is_header_safe
from mockserver.engine.values import Settings
from mockserver.scenario.loader import load
from mockserver.scenario.suggest import describe_unknown
from mockserver.server import app
from mockserver.server.uvicorn_server import serve_in_thread
from mockserver.state.clock import Clock
from mockserver.state.memory import MemoryState
from mockserver.state.server_state import ServerState
from mockserver.state.sessions import SessionStore
from mockserver.testing.images_mock import ImagesMock

CHOICES = {
    "auth": ("open", "bearer", "exact"),
    "paint": ("receipt", "flat", "noise"),
    "validate": ("strict", "schema", "off"),
}


def build_server(scenario: str = "ok", **settings: Any) -> ServerState:
    """A server with these settings, which are named and work like the options of the command line.

    `latency` is in seconds, or None for the recorded latencies; `clock` returns seconds since 1970. Raises TypeError
    for an unknown setting, ValueError for an invalid value, and ScenarioError for an unknown or invalid scenario.
    """
    _check_names(settings)
    return _build_server(scenario, **settings)


def _check_names(settings: Iterable[str], *more: str) -> None:
    known = [*signature(_build_server).parameters, *more]
    for name in settings:
        if name not in known:
            raise TypeError(f"the setting {describe_unknown(name, known)}")


def _build_server(
    scenario: str,
    *,
    as_of: str = "any",
    seed: int | None = None,
    auth: str = "bearer",
    keys: Iterable[str] = (),
    paint: str = "receipt",
    clock: Callable[[], float] = time.time,
    latency: float | None = 0,
    validate: str = "strict",
    dialect: str = "openai",
    bare: bool = False,
) -> ServerState:
    choices = {"auth": auth, "paint": paint, "validate": validate, "dialect": dialect}
    for name, known in {**CHOICES, "dialect": tuple(dialects.table())}.items():
        _check(choices[name] in known, name, f"one of {', '.join(known)}", choices[name])
    parsed_keys = _parse_keys(keys)
    if (auth == "exact") != bool(parsed_keys):
        raise ValueError("auth='exact' and keys require each other: set both or neither")
    values: dict[str, Any] = {**choices, "keys": parsed_keys, "latency": _parse_latency(latency), "bare": bare}
    settings = Settings(parse_as_of(as_of), **values)
    _check(seed is None or _is_integer(seed), "seed", "an integer or None", seed)
    _check(isinstance(bare, bool), "bare", "True or False", bare)
    _check(callable(clock), "clock", "a function that returns seconds since 1970", clock)
    return MemoryState(settings, SessionStore(load(scenario), seed), clock=Clock(clock))


def _parse_keys(keys: Any) -> frozenset[str]:
    # A string is iterable too, and each of its characters would become a key.
    is_list = isinstance(keys, Iterable) and not isinstance(keys, str | bytes)
    _check(is_list, "keys", "a list of strings", keys)
    parsed = list(keys)
    for key in parsed:
        _check(isinstance(key, str) and is_header_safe(key), "keys", "strings that fit into a header", key)
    return frozenset(parsed)


def _parse_latency(latency: Any) -> float | None:
    is_number = _is_integer(latency) or isinstance(latency, float)
    is_valid = latency is None or (is_number and 0 <= latency <= 3600)
    _check(is_valid, "latency", "seconds from 0 to 3600 or None", latency)
    return None if latency is None else float(latency)


def _parse_address(host: Any, port: Any) -> tuple[str, int]:
    _check(isinstance(host, str) and host != "", "host", "an address to listen on", host)
    _check(_is_integer(port) and 0 <= port <= 65535, "port", "an integer from 0 to 65535", port)
    return host, port


def _check(is_valid: bool, name: str, expected: str, value: object) -> None:
    if not is_valid:
        raise ValueError(f"{name}: expected {expected}, got {value!r}")


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def create_app(scenario: str = "ok", **settings: Any) -> Starlette:
    """An ASGI application that serves the Images API. For the settings and errors see the reference of fixtures.

    Faults below HTTP need a socket: here a scenario that requests one raises WireFaultNeedsSocket.
    """
    return app.create_app(build_server(scenario, **settings))


class serve:
    """Serve the Images API from a thread while a `with` or `async with` block runs. The block gets an ImagesMock.

    `port` 0 chooses a free port. Raises TypeError for an unknown setting, ValueError for an invalid value,
    ScenarioError for an unknown or invalid scenario, and OSError if the port is in use.
    """

    def __init__(self, scenario: str = "ok", *, host: str = "127.0.0.1", port: int = 0, **settings: Any) -> None:
        _check_names(settings, "host", "port")
        self._server, self._address = build_server(scenario, **settings), _parse_address(host, port)
        self._stack = ExitStack()

    def __enter__(self) -> ImagesMock:
        return ImagesMock(self._stack.enter_context(serve_in_thread(self._server, *self._address)), "serve")

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    async def __aenter__(self) -> ImagesMock:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Stopping waits for open responses, so it must not block the caller's event loop.
        await asyncio.to_thread(self._stack.close)
