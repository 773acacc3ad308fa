"""Several processes that serve one port. Replaces workers that die, and stops all of them together."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from multiprocessing.process import BaseProcess

from mockserver.server.uvicorn_server import open_reuseport_socket, protect_admin, serve_in_foreground
from mockserver.state.server_state import ServerState

# Seconds that a worker may take to stop before it is killed. Stalled responses are aborted, not waited for.
STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """What each worker process needs; pickled, since workers are spawned.

    `build` returns the worker's server, `host` is the name the socket was bound by, and `finish` is called with the
    server after it has stopped.
    """

    build: Callable[[], ServerState]
    host: str
    finish: Callable[[ServerState], object]


def run_worker(listener: socket.socket, options: WorkerOptions, ready: Connection) -> None:
    server = options.build()
    protect_admin(server, listener, options.host)
    threading.Thread(target=_stop_with_parent, args=(multiprocessing.parent_process(),), daemon=True).start()
    serve_in_foreground(server, listener, lambda: ready.send_bytes(b"ready"))
    options.finish(server)


def _stop_with_parent(parent: BaseProcess) -> None:
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)


def open_worker_sockets(listener: socket.socket, count: int) -> list[socket.socket]:
    """One listening socket for each worker, `listener` first.

    Linux spreads connections over the sockets of a port. On other systems all workers share one socket, and the first
    to wake may accept all waiting connections.
    """
    if sys.platform != "linux":
        return [listener] * count
    sockets = [listener]
    try:
        sockets += (open_reuseport_socket(listener) for _ in range(count - 1))
    except OSError:  # a system that only claims to be Linux
        for other in sockets[1:]:
            other.close()
        return [listener] * count
    return sockets


class Worker:
    """A process that serves or is starting."""

    def __init__(self, number: int, listener: socket.socket, options: WorkerOptions) -> None:
        context = multiprocessing.get_context("spawn")
        self.number, self.listener, self.is_ready = number, listener, False
        self.messages, sender = context.Pipe(duplex=False)
        arguments = (listener, options, sender)
        self.process: SpawnProcess = context.Process(target=run_worker, args=arguments, name=f"worker {number}")
        self.process.start()
        sender.close()

    def read_message(self) -> None:
        # EOFError: the worker died before it was ready.
        with contextlib.suppress(EOFError):
            self.is_ready = self.messages.recv_bytes() == b"ready"

    def terminate(self) -> None:
        self.process.terminate()

    def join(self) -> None:
        self.process.join(STOP_SECONDS)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.messages.close()


def serve(
    count: int,
    listener: socket.socket,
    options: WorkerOptions,
    greet: Callable[[], object],
    report: Callable[[str], object],
) -> int:
    """Serve with `count` workers until SIGINT or SIGTERM; returns the exit status.

    `greet` is called once, when all workers serve; `report` takes one line about a worker that died. Such a worker is
    replaced on the same socket, so clients only wait. If a worker dies before it has ever served, all stop and the
    exit status is 1.
    """
    with open_stop_socket() as stop:
        sockets = open_worker_sockets(listener, count)
        workers = [Worker(number, own, options) for number, own in enumerate(sockets, 1)]
        try:
            return _supervise(workers, options, greet, report, stop)
        finally:
            for worker in workers:
                worker.terminate()
            for worker in workers:
                worker.join()
            for own in sockets:
                own.close()


def _supervise(
    workers: list[Worker],
    options: WorkerOptions,
    greet: Callable[[], object],
    report: Callable[[str], object],
    stop: socket.socket,
) -> int:
    greeted = False
    while True:
        starting = [worker.messages for worker in workers if not worker.is_ready]
        events = wait([stop, *starting, *(worker.process.sentinel for worker in workers)])
        if stop in events:
            return 0
        for index, worker in enumerate(workers):
            if worker.messages in events:
                worker.read_message()
            if worker.process.sentinel not in events:
                continue
            worker.join()
            ending = _describe_exit(worker.process.exitcode)
            if not worker.is_ready:
                report(f"worker {worker.number} {ending} before it served; stopping all workers")
                return 1
            report(f"worker {worker.number} {ending}; starting a replacement")
            workers[index] = Worker(worker.number, worker.listener, options)
        if not greeted and all(worker.is_ready for worker in workers):
            greeted = True
            greet()


def _describe_exit(status: int | None) -> str:
    if status is not None and status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"


@contextlib.contextmanager
def open_stop_socket() -> Iterator[socket.socket]:
    reader, writer = socket.socketpair()

    def handle(*_: object) -> None:
        with contextlib.suppress(OSError):
            writer.send(b"!")

    writer.setblocking(False)
    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with reader, writer:
            yield reader
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
