"""Sessions: how far each has come in its scenario, and how often it asked for the same. In memory.

Another store can take its place behind the same few methods; taking a turn is the only impure step of an answer.
"""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from weakref import WeakKeyDictionary

from mockserver.contract.asof import as_of
from mockserver.engine.values import Settings
from mockserver.journal import Journal
from mockserver.scenario.files import load
from mockserver.scenario.machine import Scenario, Turn

SESSIONS = 10_000
JOBS = 10_000
# Sixteen images and a mask of 50 MB each, and room for the rest of the form.
UPLOAD_BYTES = 17 * 50 * 1024 * 1024 + 1024 * 1024


@dataclass(slots=True)
class Session:
    """One isolated user. `scenario` and `as_of` are its own, or None where the server's count."""

    position: int = 0
    scenario: Scenario | None = None
    as_of: str | None = None
    attempts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Taken:
    """A turn that was taken: the session's position before it, and the attempt (from 1) at the same job."""

    turn: Turn
    position: int
    attempt: int
    seed: int


class Memory:
    """The state of all sessions in this process; the ones that were idle longest go when there are too many."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self._sessions: dict[str, Session] = {}

    async def take(self, name: str, job_digest: str | None) -> Taken:
        """One turn of a session, for one wire request, whose job (if it is one) has this digest."""
        session = self._session(name)
        scenario = session.scenario or self.scenario
        attempt = 1
        if job_digest is not None:
            attempt = session.attempts.pop(job_digest, 0) + 1
            session.attempts[job_digest] = attempt
            if len(session.attempts) > JOBS:
                del session.attempts[next(iter(session.attempts))]
        taken = Taken(scenario.turn(session.position), session.position, attempt, scenario.seed)
        session.position += 1
        return taken

    def peek(self, name: str) -> Turn:
        """The turn that a session takes next. It is not taken."""
        session = self._session(name)
        return (session.scenario or self.scenario).turn(session.position)

    def play(self, name: str, scenario: Scenario | None = None, as_of: str | None = None) -> None:
        """From now on this session plays that scenario from its first step, on that day; None keeps what it has."""
        old = self._session(name)
        self._sessions[name] = Session(scenario=scenario or old.scenario, as_of=as_of or old.as_of)

    def over(self, name: str, settings: Settings) -> Settings:
        """The settings that count for a session: its own over its scenario's over the server's."""
        session = self._session(name)
        scenario = session.scenario or self.scenario
        day = session.as_of or scenario.as_of
        if day is None and not scenario.accept:
            return settings
        accept = settings.accept | scenario.accept
        return replace(settings, as_of=as_of(day) if day else settings.as_of, accept=accept)

    def reset(self, name: str | None = None) -> None:
        """Put one session, or all, back to the start of the server's own scenario."""
        if name is None:
            self._sessions.clear()
        else:
            self._sessions.pop(name, None)

    def _session(self, name: str) -> Session:
        session = self._sessions.pop(name, None) or Session()
        self._sessions[name] = session
        if len(self._sessions) > SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        return session


@dataclass(slots=True)
class Server:
    """What an application works with: settings, state, journal, and the clock in seconds since 1970.

    `at_once` bounds how many pictures are decoded and painted at once, off the event loop. `dated` counts the calls
    of each model that has a day of shutdown.
    """

    settings: Settings = field(default_factory=Settings)
    state: Memory = field(default_factory=lambda: Memory(load("ok")))
    journal: Journal = field(default_factory=Journal)
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    upload_bytes: int = UPLOAD_BYTES
    at_once: int = field(default_factory=lambda: 2 * (os.cpu_count() or 1))
    dated: Counter[str] = field(default_factory=Counter)
    _slots: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = field(default_factory=WeakKeyDictionary)

    def slots(self) -> asyncio.Semaphore:
        """The places for work off the event loop; those of the loop that asks."""
        loop = asyncio.get_running_loop()
        return self._slots.setdefault(loop, asyncio.Semaphore(self.at_once))
