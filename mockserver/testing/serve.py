"""The server for programs that are no tests of pytest: in a `with`, or as an ASGI application without a socket."""

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
from mockserver.contract.asof import as_of as day
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


def furnished(scenario: str = "ok", **settings: Any) -> ServerState:
    """A server with these settings, which mean what the options of the command line mean.

    `latency` is in seconds, None as recorded; `clock` tells the seconds since 1970. Raises TypeError for a setting that
    is unknown, ValueError for a value that is none, and mockserver.scenario.loader.ScenarioError for a scenario that is
    unknown or wrong.
    """
    _know(settings)
    return _furnished(scenario, **settings)


def _know(settings: Iterable[str], *more: str) -> None:
    """Raise TypeError for a setting that is neither of a server's nor one `more`."""
    known = [*signature(_furnished).parameters, *more]
    for name in settings:
        if name not in known:
            raise TypeError(f"the setting {describe_unknown(name, known)}")


def _furnished(
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
    chosen = {"auth": auth, "paint": paint, "validate": validate, "dialect": dialect}
    for name, known in {**CHOICES, "dialect": tuple(dialects.table())}.items():
        if chosen[name] not in known:
            raise ValueError(f"{name} is one of {', '.join(known)}, not {chosen[name]!r}")
    known_keys = _keys(keys)
    if (auth == "exact") != bool(known_keys):
        raise ValueError("auth='exact' and keys belong together: give both, or neither")
    given: dict[str, Any] = {**chosen, "keys": known_keys, "latency": _seconds(latency), "bare": bare}
    settings = Settings(day(as_of), **given)
    _hold(seed is None or _number(seed), "seed is a whole number, or None for the scenario's own", seed)
    _hold(isinstance(bare, bool), "bare is True or False", bare)
    _hold(callable(clock), "clock is a function that tells the seconds since 1970", clock)
    return MemoryState(settings, SessionStore(load(scenario), seed), clock=Clock(clock))


def _keys(keys: Any) -> frozenset[str]:
    """The keys, each of which a request could carry. Raises ValueError for others, and for a text: it is no list."""
    _hold(isinstance(keys, Iterable) and not isinstance(keys, str | bytes), "keys is a list of texts", keys)
    found = list(keys)
    for key in found:
        _hold(isinstance(key, str) and is_header_safe(key), "each of keys is a text that a header can carry", key)
    return frozenset(found)


def _seconds(latency: Any) -> float | None:
    number = _number(latency) or isinstance(latency, float)
    good = latency is None or (number and 0 <= latency <= 3600)
    _hold(good, "latency is seconds from 0 to 3600, or None for what was recorded", latency)
    return None if latency is None else float(latency)


def _place(host: Any, port: Any) -> tuple[str, int]:
    """Where to listen. Raises ValueError for what is no address, or no port."""
    _hold(isinstance(host, str) and host != "", "host is an address to listen on", host)
    _hold(_number(port) and 0 <= port <= 65535, "port is a whole number from 0 to 65535", port)
    return host, port


def _hold(good: bool, expected: str, value: object) -> None:
    """Raise ValueError, with what was expected, for a value that is not good."""
    if not good:
        raise ValueError(f"{expected}, not {value!r}")


def _number(value: Any) -> bool:
    """Is it a whole number? What is true or false is none."""
    return isinstance(value, int) and not isinstance(value, bool)


def create_app(scenario: str = "ok", **settings: Any) -> Starlette:
    """An ASGI application that answers the Images API; settings, and what is raised, are those of `furnished`.

    Faults of the wire need a socket: ordered here, they raise mockserver.server.send.WireFaultNeedsSocket.
    """
    return app.create_app(furnished(scenario, **settings))


class serve:
    """A server in a thread, for as long as a `with` or an `async with` lasts, which gives an ImagesMock.

    The settings, and what is raised for wrong ones, are those of `furnished`. `port` 0 takes a free one. Raises OSError
    when the port is taken.
    """

    def __init__(self, scenario: str = "ok", *, host: str = "127.0.0.1", port: int = 0, **settings: Any) -> None:
        _know(settings, "host", "port")
        self._server, self._place = furnished(scenario, **settings), _place(host, port)
        self._stack = ExitStack()

    def __enter__(self) -> ImagesMock:
        """Begin to serve."""
        return ImagesMock(self._stack.enter_context(serve_in_thread(self._server, *self._place)), "serve")

    def __exit__(self, *error: object) -> None:
        """Serve no more."""
        self._stack.close()

    async def __aenter__(self) -> ImagesMock:
        """Begin to serve, beside the event loop."""
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Serve no more. Waiting for the end is done off the event loop."""
        await asyncio.to_thread(self._stack.close)
