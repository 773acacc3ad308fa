"""What one request leaves to be done in Redis, apart from all others. Knows only names of scripts and their words."""

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from mockserver.state.redis.pipeline import Command


@dataclass(slots=True)
class Visit:
    """One request, or one call from outside of any.

    `changes` are still to be made; `entry` and `generation` are the number of its journal entry and of the journal that
    this is for; `call` is which call it is (session, digest, second of arrival, and what it repeats if that is known).
    `pictures` are to be kept, and `loop` is where Redis is asked from. `foreseen` is the answer as its entry
    tells of it already, where it was kept as one that has left.
    """

    loop: asyncio.AbstractEventLoop
    changes: list[Command] = field(default_factory=list)
    entry: int = 0
    generation: bytes = b""
    noted: dict[str, Any] | None = None
    call: tuple[str, str, float, str | None] | None = None
    pictures: list[tuple[str, bytes, str]] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)
    foreseen: dict[str, Any] | None = None

    def note(self, script: str, *arguments: str | bytes | int | float) -> None:
        """One more change."""
        self.changes.append((script, arguments))


_CURRENT: ContextVar[Visit] = ContextVar("visit")


def begin() -> Visit:
    """A visit begins for whatever runs in this context."""
    visit = Visit(asyncio.get_running_loop())
    _CURRENT.set(visit)
    return visit


def current() -> Visit:
    """The visit that is under way. Raises LookupError where there is none: then nobody would carry changes out."""
    return _CURRENT.get()
