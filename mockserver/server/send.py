"""Carries out a plan: the only place that sends what a plan says.

Rules. A plan is complete before its first step is carried out; nothing is decided here. Steps happen in order, and the
log notes what was really sent, not what was meant to be.

Disconnects. Before each step the connection is asked whether the client has gone, and a wait ends when it goes. Then
nothing more is sent, and the log ends in `cut`.

Waits. A `steady` wait counts from when the one before was due, not from when its chunk was sent, so that delays of the
socket do not add up. Hundreds of streams wait at the same time: a wait is one timer, not a task.

The end. The journal entry must be complete before the client can have read the whole response, so `before_end` is
awaited before the last byte is handed over. The last chunk and the end are one message: one write less.

Past HTTP. After a `Raw` step the server no longer knows how much of an HTTP response was sent, so the connection is
closed at the end, and no other message of ASGI follows.
"""

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable
from typing import Protocol

from starlette.types import Receive, Scope, Send

from mockserver.core.plan import Chunk, Cut, End, Head, Plan, Raw, Wait
from mockserver.journal.send_log import SendLog

# The key of a Connection in the extensions of the ASGI scope.
EXTENSION = "mockserver.connection"
Sleep = Callable[[float], Awaitable[None]]


class WireFaultNeedsSocket(RuntimeError):
    """The scenario requests a fault below HTTP, but the application runs without a socket."""


class Connection(Protocol):
    """What a server offers in addition to ASGI, under EXTENSION in the scope's extensions."""

    @property
    def gone(self) -> bool:
        """True once the connection has ended or begun to end."""

    @property
    def uploaded(self) -> bool:
        """True once the whole request has arrived."""

    async def rest(self, over: asyncio.Future[None]) -> bool:
        """Wait until `over` is done, the client has gone or the server stops; True unless `over` came first.

        Discards what the client still uploads.
        """

    async def write(self, data: bytes) -> None:
        """Write bytes as they are."""

    async def cut(self, how: str) -> None:
        """End the connection after everything that was written: `close` or `reset`."""


class InMemory:
    """The connection of an application that runs without a socket."""

    gone = False
    uploaded = False

    def __init__(self, receive: Receive) -> None:
        self._receive = receive

    async def rest(self, over: asyncio.Future[None]) -> bool:
        leaving = asyncio.ensure_future(_wait_for_disconnect(self._receive))
        try:
            done, _ = await asyncio.wait((over, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)
        for future in done:
            future.result()
        return leaving in done

    async def write(self, data: bytes) -> None:
        raise WireFaultNeedsSocket("the scenario requests a fault of the connection; run it on a server with a socket")

    async def cut(self, how: str) -> None:
        await self.write(b"")


def connection_of(scope: Scope, receive: Receive) -> Connection:
    offered: Connection | None = scope.get("extensions", {}).get(EXTENSION)
    return offered or InMemory(receive)


async def _do_nothing() -> None: ...


async def carry_out(
    plan: Plan,
    log: SendLog,
    connection: Connection,
    send: Send,
    sleep: Sleep,
    before_end: Callable[[], Awaitable[None]] = _do_nothing,
) -> None:
    """Carry out a plan step by step. Raises WireFaultNeedsSocket for a step below HTTP if there is no socket."""
    is_raw, last = False, len(plan) - 1
    due: float | None = None
    for number, step in enumerate(plan):
        if connection.gone:
            await connection.cut("close")
            return
        match step:
            case Wait(seconds, steady):
                due = seconds + (due if steady and due is not None else asyncio.get_running_loop().time())
                if await _wait(seconds, due, connection, sleep):
                    return
            case Head(status, headers):
                pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
                await send({"type": "http.response.start", "status": status, "headers": pairs})
                log.head()
            case Chunk(data):
                is_last = number + 1 == last and isinstance(plan[last], End) and not is_raw
                if is_last:
                    await before_end()
                await send({"type": "http.response.body", "body": data, "more_body": not is_last})
                log.piece(data)
                if is_last:
                    log.end()
                    return
            case Raw(data):
                await connection.write(data)
                log.raw(data)
                is_raw = True
            case Cut(how):
                await connection.cut(how)
            case _ if is_raw:
                await connection.cut("close")
                log.complete()
            case _:
                await before_end()
                await send({"type": "http.response.body", "body": b""})
                log.end()


async def _wait(seconds: float, due: float, connection: Connection, sleep: Sleep) -> bool:
    """Wait so many seconds, by the loop's clock until `due`; True if the client goes or the server stops first."""
    loop, timer = asyncio.get_running_loop(), None
    if math.isinf(seconds):
        over = loop.create_future()
    elif sleep is asyncio.sleep:
        over = loop.create_future()
        timer = loop.call_at(due, _finish, over)
    else:
        over = asyncio.ensure_future(sleep(seconds))
    try:
        return await connection.rest(over)
    finally:
        if timer:
            timer.cancel()
        over.cancel()


def _finish(over: asyncio.Future[None]) -> None:
    with contextlib.suppress(asyncio.InvalidStateError):  # it was cancelled at the same moment
        over.set_result(None)


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
