"""Runs the application on uvicorn, in the foreground or in a thread."""

import asyncio
import contextlib
import errno
import inspect
import math
import secrets
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Awaitable, Callable, Iterator
from functools import cache
from typing import Any, TypeVar, overload

import uvicorn
from starlette.types import ASGIApp

from mockserver.server.admin.auth import loopback
from mockserver.server.app import create_app
from mockserver.server.open_files import raise_open_files_limit
from mockserver.state.memory import MemoryState
from mockserver.state.server_state import ServerState

T = TypeVar("T")
FEATURES_OFF = (
    "these features are off: wire faults (reset, close, raw bytes), limits on heads and connections, upload timeouts, "
    "streams over HTTP/1.0"
)
# Addresses that mean all interfaces, and the loopback address to use in their place.
ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (nothing is bound here)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on host and port; port 0 takes a free one. Raises OSError when it cannot."""
    try:
        return _open_socket(socket.AF_INET6 if ":" in host else socket.AF_INET, (host, port))
    except TypeError:  # what bind raises for a text that cannot be encoded as a name
        raise OSError(errno.EINVAL, "invalid host name") from None


def open_reuseport_socket(listener: socket.socket) -> socket.socket:
    """Another socket that listens on the same address; Linux spreads connections over them. Raises OSError.

    The first socket was bound without SO_REUSEPORT, so the port is never shared with another program.
    """
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    return _open_socket(listener.family, listener.getsockname(), socket.SO_REUSEPORT)


def _open_socket(family: int, address: Any, *options: int) -> socket.socket:
    # asyncio sets TCP_NODELAY only where the protocol is named; else the second write waits for the client's ACK.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        for option in (socket.SO_REUSEADDR, *options):
            listener.setsockopt(socket.SOL_SOCKET, option, 1)
        listener.bind(address)
        listener.listen(2048)
    except (OSError, TypeError):
        listener.close()
        raise
    return listener


def root_url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    host = ANYWHERE.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def protect_admin(server: ServerState, listener: socket.socket, name: str = "") -> bool:
    """Set the host names that `/__mock` accepts; returns whether other machines can reach the server.

    In that case `/__mock` asks for a token, which is drawn if there is none.
    """
    host = listener.getsockname()[0]
    server.hosts = frozenset({host.lower(), name.lower()})
    if loopback(host):
        return False
    server.token = server.token or secrets.token_urlsafe(16)
    return True


class UvicornServer(uvicorn.Server):
    """A uvicorn server that also checks for a changed scenario and for slow clients."""

    def __init__(self, config: uvicorn.Config, server: ServerState, connections: set[Any]) -> None:
        super().__init__(config)
        self.server, self.connections = server, connections

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        checks = asyncio.ensure_future(self._check_regularly())
        try:
            await super().serve(sockets)
        finally:
            checks.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await checks
            await self.server.close()

    async def _check_regularly(self) -> None:
        while True:
            self.check_timeouts(self.server.clock.watch())
            for _ in range(5):
                self.server.look()
                await asyncio.sleep(0.2)

    def check_timeouts(self, now: float) -> None:
        for connection in list(self.connections):
            connection.check_timeout(now)


@cache
def load_protocol() -> Any:
    """The module `uvicorn_protocol`, or None where the installed uvicorn lacks a private name; stderr says which."""
    try:
        from mockserver.server import uvicorn_protocol
    except ImportError as error:
        print(f"mockserver: {error}; {FEATURES_OFF}", file=sys.stderr)
        return None
    return uvicorn_protocol


def build_uvicorn(server: ServerState) -> UvicornServer:
    wire, connections = load_protocol(), set[Any]()
    app: ASGIApp = create_app(server)
    config = uvicorn.Config(
        wire.ConnectionMiddleware(app) if wire else app,
        http=wire.bind_protocol(server.limits, connections) if wire else "auto",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=math.ceil(server.limits.idle_seconds),
        timeout_graceful_shutdown=2,
    )
    return UvicornServer(config, server, connections)


def serve_in_foreground(server: ServerState, listener: socket.socket, ready: Callable[[], object]) -> None:
    """Serve until SIGINT or SIGTERM, then return. Calls `ready` once signals are handled."""
    uvicorn_server = build_uvicorn(server)
    raise_open_files_limit(server.limits.connections)
    # Pillow warns of every odd image. Clients learn of it from the response; the log stays short.
    warnings.filterwarnings("ignore", module=r"PIL\.")

    def stop(*_: object) -> None:
        uvicorn_server.should_exit = True

    # uvicorn handles signals only while it serves, and raises them again after it has stopped.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    ready()
    uvicorn_server.run(sockets=[listener])


class BackgroundServer:
    """A server in a thread. `url` is its root."""

    def __init__(self, server: ServerState, listener: socket.socket, name: str = "") -> None:
        self.server = server
        self.url = root_url(listener)
        protect_admin(server, listener, name)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._uvicorn = build_uvicorn(server)
        self.check_timeouts, self.connections = self._uvicorn.check_timeouts, self._uvicorn.connections
        self._thread = threading.Thread(target=self._run, args=(listener,), name="mockserver", daemon=True)
        self._thread.start()
        self._ready.wait()

    def _run(self, listener: socket.socket) -> None:
        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            self._ready.set()
            await self._uvicorn.serve(sockets=[listener])

        try:
            asyncio.run(serve())
        finally:
            self._ready.set()
            listener.close()

    @overload
    def call(self, function: Callable[[], Awaitable[T]]) -> T: ...

    @overload
    def call(self, function: Callable[[], T]) -> T: ...

    def call(self, function: Callable[[], Any]) -> Any:
        """Run a function or coroutine function in the server's thread, between requests; returns its result."""

        async def run() -> Any:
            result = function()
            return await result if inspect.isawaitable(result) else result

        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(timeout=30)

    def stop(self) -> None:
        self._uvicorn.should_exit = True
        self._thread.join()


@contextlib.contextmanager
def serve_in_thread(
    server: ServerState | None = None, host: str = "127.0.0.1", port: int = 0
) -> Iterator[BackgroundServer]:
    """A server in a thread, for as long as the block lasts. Raises OSError when the port is taken."""
    started = BackgroundServer(server or MemoryState(), listen(host, port), host)
    try:
        yield started
    finally:
        started.stop()
