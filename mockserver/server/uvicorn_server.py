"""Runs the application on uvicorn: in the foreground, or in a thread. Knows sockets and signals, nothing of the API."""

import asyncio
import contextlib
import errno
import gc
import inspect
import secrets
import signal
import socket
import threading
import warnings
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar, overload

import uvicorn

from mockserver.server.admin.auth import loopback
from mockserver.server.app import create_app
from mockserver.server.collector import rarely
from mockserver.server.connection import Protocol
from mockserver.server.uvicorn_protocol import IDLE_SECONDS, look, widen
from mockserver.state.memory import MemoryState
from mockserver.state.server_state import ServerState

T = TypeVar("T")
# Addresses that stand for all of a machine's, and the one by which it reaches itself.
ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (nothing is bound here)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on host and port; port 0 takes a free one. Raises OSError when that cannot be."""
    try:
        return _open_socket(socket.AF_INET6 if ":" in host else socket.AF_INET, (host, port))
    except TypeError:  # what bind says of a text that cannot be a name
        raise OSError(errno.EINVAL, "that is no host's name") from None


def open_reuseport_socket(listener: socket.socket) -> socket.socket:
    """Another socket that listens where this one does; Linux spreads connections over them. Raises OSError.

    The first was bound to a port of its own and joins in afterwards, so none is shared with a stranger.
    """
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    return _open_socket(listener.family, listener.getsockname(), socket.SO_REUSEPORT)


def _open_socket(family: int, address: Any, *options: int) -> socket.socket:
    # Only with its protocol named does asyncio send each write at once: else the second waits for the client's ACK.
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
    """The root URL under which a socket is reached from this machine."""
    host, port = listener.getsockname()[:2]
    host = ANYWHERE.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def protect_admin(server: ServerState, listener: socket.socket, name: str = "") -> bool:
    """Tell the server where it listens: its address, and the name that it was given by. Is that beyond this machine?

    One that others reach asks for a token below `/__mock`; it gets one if it has none.
    """
    host = listener.getsockname()[0]
    server.hosts = frozenset({host.lower(), name.lower()})
    if loopback(host):
        return False
    server.token = server.token or secrets.token_urlsafe(16)
    return True


class UvicornServer(uvicorn.Server):
    """A uvicorn server that looks for a changed scenario while it has nothing else to do."""

    def __init__(self, config: uvicorn.Config, server: ServerState) -> None:
        super().__init__(config)
        self.server = server

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second."""
        if counter % 2 == 0:
            self.server.look()
        if counter % 10 == 0:
            look(self.server_state.connections, self.server.clock.watch())
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop serving, then close the state."""
        await super().shutdown(sockets)
        await self.server.close()


def build_uvicorn(server: ServerState) -> UvicornServer:
    """A uvicorn server for an application, silent, and without headers of its own."""
    return UvicornServer(
        uvicorn.Config(
            create_app(server),
            http=Protocol,
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=2,
        ),
        server,
    )


def serve_in_foreground(server: ServerState, listener: socket.socket, ready: Callable[[], object]) -> None:
    """Serve until SIGINT or SIGTERM, then return. Calls `ready` once a signal is heeded."""
    serving = build_uvicorn(server)
    widen()
    # Pillow has a word on every odd picture; here each is told its sender, and the log stays short.
    warnings.filterwarnings("ignore", module=r"PIL\.")

    def stop(*_: object) -> None:
        serving.should_exit = True

    # uvicorn has handlers of its own, but only while it serves, and raises the signal once more when it has stopped.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    ready()
    # What is there now stays: the collector need not go through it again and again.
    gc.collect()
    gc.freeze()
    rarely()
    serving.run(sockets=[listener])


class BackgroundServer:
    """A server in a thread. `url` is its root; `call` runs a function where the server runs, and returns its result."""

    def __init__(self, server: ServerState, listener: socket.socket, name: str = "") -> None:
        self.server = server
        self.url = root_url(listener)
        protect_admin(server, listener, name)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._uvicorn = build_uvicorn(server)
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
        """Stop serving and wait until the thread has ended."""
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
