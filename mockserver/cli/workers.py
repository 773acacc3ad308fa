"""Several processes that serve one port: starts them, replaces those that die, stops all. Serves nothing itself."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from multiprocessing.process import BaseProcess
from typing import Any

from mockserver.cli.options import furnished
from mockserver.cli.run import retired, say
from mockserver.server.uvicorn_server import beside, bound, foreground

# Seconds that a worker may take to stop once it was told to; answers that rest are not waited for.
PATIENCE = 10.0
ALONE = (
    "{count} workers without --state share nothing: each has its own place in the scenario, limits, journal, files and "
    "clock, and /__mock speaks of whichever answers. --state redis://HOST:PORT/DB makes them one"
)


def work(listener: socket.socket, options: dict[str, Any], limit: int | None, host: str, ready: Connection) -> None:
    """One worker: serve the socket until told to stop, or until the process that started this one is gone."""
    server = furnished(**options)
    if limit:
        server.journal.limit = limit
    bound(server, listener, host)
    threading.Thread(target=_outlived, args=(multiprocessing.parent_process(),), daemon=True).start()
    foreground(server, listener, lambda: ready.send_bytes(b"ready"))
    retired(server)


def _outlived(parent: BaseProcess) -> None:
    """Stop this process when the one that started it is gone."""
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)


def apart(listener: socket.socket, count: int) -> list[socket.socket]:
    """A socket for each worker: of its own where the system spreads connections over those of a port, else the same.

    Of workers that share one, the first to wake may take all connections that wait.
    """
    if sys.platform != "linux":
        return [listener] * count
    sockets = [listener]
    try:
        sockets += (beside(listener) for _ in range(count - 1))
    except OSError:  # of a system that only seems to be Linux
        for other in sockets[1:]:
            other.close()
        return [listener] * count
    return sockets


class Worker:
    """A process that serves, or is about to."""

    def __init__(self, number: int, listener: socket.socket, arguments: tuple[Any, ...]) -> None:
        context = multiprocessing.get_context("spawn")
        self.number, self.listener, self.ready = number, listener, False
        self.ears, mouth = context.Pipe(duplex=False)
        told = (listener, *arguments, mouth)
        self.process: SpawnProcess = context.Process(target=work, args=told, name=f"worker {number}")
        self.process.start()
        mouth.close()

    def hear(self) -> None:
        """Note that it serves, if that is what it said."""
        with contextlib.suppress(EOFError):
            self.ready = self.ears.recv_bytes() == b"ready"

    def stop(self) -> None:
        """Tell it to stop."""
        self.process.terminate()

    def bury(self) -> None:
        """Wait until it has ended, by force if need be."""
        self.process.join(PATIENCE)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.ears.close()


def serve(count: int, listener: socket.socket, arguments: tuple[Any, ...], greet: Callable[[], object]) -> int:
    """Serve with so many workers until SIGINT or SIGTERM; calls `greet` once, when all of them serve.

    `arguments` are those of `work` between its first and its last. One that dies is replaced, on the same socket, which
    keeps those who call meanwhile; one that never served ends all, and the exit status is 1.
    """
    with told() as stop:
        sockets = apart(listener, count)
        workers = [Worker(number, own, arguments) for number, own in enumerate(sockets, 1)]
        try:
            return _tend(workers, arguments, greet, stop)
        finally:
            for worker in workers:
                worker.stop()
            for worker in workers:
                worker.bury()
            for own in sockets:
                own.close()


def _tend(workers: list[Worker], arguments: tuple[Any, ...], greet: Callable[[], object], stop: socket.socket) -> int:
    """Look after workers until told to stop; returns the exit status."""
    greeted = False
    while True:
        starting = [worker.ears for worker in workers if not worker.ready]
        heard = wait([stop, *starting, *(worker.process.sentinel for worker in workers)])
        if stop in heard:
            return 0
        for index, worker in enumerate(workers):
            if worker.ears in heard:
                worker.hear()
            if worker.process.sentinel not in heard:
                continue
            worker.bury()
            how = _ending(worker.process.exitcode)
            if not worker.ready:
                say(f"worker {worker.number} {how} before it served; all stop")
                return 1
            say(f"worker {worker.number} {how}; another takes its place")
            workers[index] = Worker(worker.number, worker.listener, arguments)
        if not greeted and all(worker.ready for worker in workers):
            greeted = True
            greet()


def _ending(status: int | None) -> str:
    """How a process ended, in words."""
    if status is not None and status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"


@contextlib.contextmanager
def told() -> Iterator[socket.socket]:
    """A socket that can be read from once SIGINT or SIGTERM has come."""
    ears, mouth = socket.socketpair()

    def take(*_: object) -> None:
        with contextlib.suppress(OSError):
            mouth.send(b"!")

    mouth.setblocking(False)
    before = {number: signal.signal(number, take) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with ears, mouth:
            yield ears
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
