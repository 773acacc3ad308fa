"""A response as a value: a plan is a tuple of steps, which server.send carries out."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """Send nothing for a number of seconds; `math.inf` waits until the client disconnects or the server stops.

    A `steady` wait is measured from the scheduled end of the previous one, so that the time for sending adds no delay.
    """

    seconds: float
    steady: bool = False


@dataclass(frozen=True, slots=True)
class Head:
    """The status line and the headers."""

    status: int
    headers: Headers


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of the body, which is sent at once."""

    data: bytes


@dataclass(frozen=True, slots=True)
class End:
    """The body is complete."""


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes that are written to the connection as they are. The connection is not reused afterwards."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Cut:
    """End the connection: `close` sends FIN, `reset` sends RST."""

    how: Literal["close", "reset"]


Step = Wait | Head | Chunk | End | Raw | Cut
Plan = tuple[Step, ...]


def as_single_chunk(plan: Plan) -> tuple[Head, bytes] | None:
    """Head and body of a plan with a single chunk and no wait; None for any other plan."""
    match plan:
        case (Head() as head, Chunk(data), End()):
            return head, data
    return None


def single_chunk(status: int, headers: Iterable[tuple[str, str]], body: bytes) -> Plan:
    return (Head(status, tuple(headers)), Chunk(body), End())
