"""A response as a value: a tuple of steps that one small function performs. Owns no socket and no clock."""

from collections.abc import Iterable
from dataclasses import dataclass

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing is sent for so many seconds."""

    seconds: float


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


Step = Wait | Head | Chunk | End
Plan = tuple[Step, ...]


def whole(status: int, headers: Iterable[tuple[str, str]], body: bytes) -> Plan:
    """A plan that sends one body in one piece."""
    return (Head(status, tuple(headers)), Chunk(body), End())
