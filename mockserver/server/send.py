"""Performs a plan: the only place that sends. Knows ASGI and what a connection can be made to do; decides nothing."""

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable
from typing import Protocol

from starlette.types import Receive, Scope, Send

from mockserver.core.plan import Chunk, Cut, End, Head, Headers, Plan, Raw, Wait, as_single_chunk
from mockserver.journal.send_log import SendLog

Sleep = Callable[[float], Awaitable[None]]


class WireFaultNeedsSocket(RuntimeError):
    """A fault of the wire was ordered where there is no connection to do it to."""


class Connection(Protocol):
    """What a server lends to an answer, as `mockserver.server.connection` in the scope's extensions."""

    @property
    def gone(self) -> bool:
        """Has the connection ended, or begun to end?"""

    @property
    def uploaded(self) -> bool:
        """Has all of the request come?"""

    async def rest(self, over: asyncio.Future[None]) -> bool:
        """Send nothing until it is over, or the client has gone: is it so? A server that stops need not wait for it.

        What the client still uploads is thrown away.
        """

    async def write(self, data: bytes) -> None:
        """Write bytes as they are."""

    async def cut(self, how: str) -> None:
        """End the connection after all that was written: `close` or `reset`."""

    def answer(self, send: Send, status: int, headers: Headers, body: bytes) -> bool:
        """Send a whole answer past ASGI, if nothing about it is unusual: is it sent?

        Who wraps `send` is to see the messages of ASGI.
        """


class InMemory:
    """The connection of an application that runs without a socket: there is none."""

    gone = False
    uploaded = False

    def __init__(self, receive: Receive) -> None:
        self._receive = receive

    async def rest(self, over: asyncio.Future[None]) -> bool:
        """Listen to what ASGI has to tell of the client."""
        left = asyncio.ensure_future(_departure(self._receive))
        try:
            done, _ = await asyncio.wait((over, left), return_when=asyncio.FIRST_COMPLETED)
        finally:
            left.cancel()
            await asyncio.gather(left, return_exceptions=True)
        for one in done:
            one.result()
        return left in done

    async def write(self, data: bytes) -> None:
        """Raises WireFaultNeedsSocket."""
        raise WireFaultNeedsSocket("the scenario orders a fault of the wire; play it on a server that has a socket")

    async def cut(self, how: str) -> None:
        """Raises WireFaultNeedsSocket."""
        await self.write(b"")

    def answer(self, send: Send, status: int, headers: Headers, body: bytes) -> bool:
        """Nobody is reached but by ASGI."""
        return False


def connection_of(scope: Scope, receive: Receive) -> Connection:
    """What the server of a request lends to its answer."""
    lent: Connection | None = scope.get("extensions", {}).get("mockserver.server.connection")
    return lent or InMemory(receive)


async def carry_out(plan: Plan, trail: SendLog, connection: Connection, send: Send, sleep: Sleep) -> None:
    """Perform a plan step by step, and leave a trail of what was really sent. Stops when the client has gone.

    Raises WireFaultNeedsSocket where the plan goes past HTTP and there is no connection to do that to.
    """
    if (at_once := as_single_chunk(plan)) and connection.answer(
        send, at_once[0].status, at_once[0].headers, at_once[1]
    ):
        trail.whole(at_once[1])
        return
    raw, last = False, len(plan) - 1
    due: float | None = None
    for number, step in enumerate(plan):
        if connection.gone:
            await connection.cut("close")
            return
        match step:
            case Wait(seconds, steady):
                due = seconds + (due if steady and due is not None else asyncio.get_running_loop().time())
                if await _rest(seconds, due, connection, sleep):
                    return
            case Head(status, headers):
                pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
                await send({"type": "http.response.start", "status": status, "headers": pairs})
                trail.head()
            case Chunk(data):
                # The last piece goes out together with the end: one write less.
                ends = number + 1 == last and isinstance(plan[last], End) and not raw
                await send({"type": "http.response.body", "body": data, "more_body": not ends})
                trail.piece(data)
                if ends:
                    trail.end()
                    return
            case Raw(data):
                await connection.write(data)
                trail.raw(data)
                raw = True
            case Cut(how):
                await connection.cut(how)
            case _ if raw:
                # Who speaks HTTP for us does not know how far an answer has come that went past it.
                await connection.cut("close")
                trail.complete()
            case _:
                await send({"type": "http.response.body", "body": b""})
                trail.end()


async def _rest(seconds: float, due: float, connection: Connection, sleep: Sleep) -> bool:
    """Send nothing for so many seconds, or until the client has gone (or the server stops): is it so?

    By the loop's own clock they are over when it is `due`.
    """
    loop, timer = asyncio.get_running_loop(), None
    if math.isinf(seconds):
        over = loop.create_future()
    elif sleep is asyncio.sleep:  # as nearly always; a task more for each of hundreds of streams would take its time
        over = loop.create_future()
        timer = loop.call_at(due, _end, over)
    else:
        over = asyncio.ensure_future(sleep(seconds))
    try:
        return await connection.rest(over)
    finally:
        if timer:
            timer.cancel()
        over.cancel()


def _end(over: asyncio.Future[None]) -> None:
    with contextlib.suppress(asyncio.InvalidStateError):  # of one that was cancelled in the same moment
        over.set_result(None)


async def _departure(receive: Receive) -> None:
    """Return when the client has gone; what it still uploads is thrown away."""
    while (await receive())["type"] != "http.disconnect":
        pass
