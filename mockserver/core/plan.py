"""A response as a value: a tuple of steps that one small function performs. Owns no socket and no clock."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing is sent for so many seconds; `math.inf` is until the client goes away or the server stops.

    A `steady` wait begins when the one before it was due to end: what sending took is no delay.
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
    """A piece of the body, which leaves at once."""

    data: bytes


@dataclass(frozen=True, slots=True)
class End:
    """The body is complete."""


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes that are written to the connection as they are, past HTTP. It serves no other request afterwards."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection ends here: `close` hangs up as if all were said (FIN), `reset` tears it down (RST)."""

    how: Literal["close", "reset"]


Step = Wait | Head | Chunk | End | Raw | Cut
Plan = tuple[Step, ...]


def as_single_chunk(plan: Plan) -> tuple[Head, bytes] | None:
    """Head and body of a plan that sends all of it in one piece, without a wait; None of any other."""
    match plan:
        case (Head() as head, Chunk(data), End()):
            return head, data
    return None


def single_chunk(status: int, headers: Iterable[tuple[str, str]], body: bytes) -> Plan:
    """A plan that sends one body in one piece."""
    return (Head(status, tuple(headers)), Chunk(body), End())
