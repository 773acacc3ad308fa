"""Sessions: how far each has come in its scenario, and how often it asked for the same. In memory.

Another store can take its place behind the same few methods; taking a turn is the only impure step of an answer.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from operator import is_
from typing import Any, NamedTuple, Protocol, TypeVar
from weakref import WeakKeyDictionary

from cachetools import FIFOCache
from starlette.types import Send

from mockserver.core.plan import Plan
from mockserver.core.request import Request
from mockserver.core.uploads import Files
from mockserver.engine.overlay import overlaid
from mockserver.engine.values import Settings, Sources
from mockserver.journal.send_log import Trail
from mockserver.journal.stats import Tally
from mockserver.journal.store import Journal
from mockserver.scenario import one_shot
from mockserver.scenario.loader import load
from mockserver.scenario.machine import Scenario, Stored, Turn
from mockserver.scenario.matching import RequestFacts
from mockserver.scenario.one_shot import OneShot
from mockserver.state import local_urls
from mockserver.state.clock import Clock

T = TypeVar("T")
SESSIONS = 10_000
JOBS = 10_000
# One-shot steps that wait for a request; each is looked at when one comes.
WAITING = 100
# Sixteen images and a mask of 50 MB each, and room for the rest of the form.
UPLOAD_BYTES = 17 * 50 * 1024 * 1024 + 1024 * 1024


@dataclass(slots=True)
class Session:
    """One isolated user. `scenario` and `as_of` are its own, or None where the server's count.

    All else is plain data, which another store could hold as it is: `places` are its places in scenarios, by the name
    that a request asked for ("" for the session's own), and `waiting` are the one-shot steps that were given for it.
    """

    position: int = 0
    scenario: Scenario | None = None
    as_of: str | None = None
    attempts: FIFOCache[str, int] = field(default_factory=lambda: FIFOCache(JOBS))
    places: dict[str, Stored] = field(default_factory=dict)
    waiting: list[OneShot] = field(default_factory=list)


class Taken(NamedTuple):
    """A turn that was taken: the session's position before it, and the attempt (from 1) at the same job."""

    turn: Turn
    position: int
    attempt: int
    seed: int


class Memory:
    """The state of all sessions in this process; the ones that were idle longest go when there are too many.

    `seed` counts in place of that of each scenario, where it is given.
    """

    def __init__(self, scenario: Scenario, seed: int | None = None) -> None:
        self._seed = seed
        self.scenario = self._seeded(scenario)
        self._sessions = FIFOCache[str, Session](SESSIONS)
        self._waiting: list[OneShot] = []
        self._overlaid: tuple[tuple[Settings, Scenario, str | None], Settings] | None = None

    async def take(self, name: str, asked: RequestFacts, picked: Scenario | None = None) -> Taken:
        """One turn of a session, for one wire request that asks for this.

        `picked` is the scenario that the request itself names: it has a place of its own in each session.
        """
        session = self._session(name)
        scenario = self._seeded(picked) if picked else self.playing(name)
        attempt = _attempt(session.attempts, asked.digest)
        asked = asked._replace(session=name, attempt=attempt)
        place = picked.name if picked else ""
        stored = session.places.get(place, {})
        turn, session.places[place], after = one_shot.take_turn(
            scenario, stored, (session.waiting, self._waiting), asked
        )
        session.waiting, self._waiting = after
        taken = Taken(turn, session.position, attempt, scenario.seed)
        session.position += 1
        return taken

    def hasty(self, name: str, picked: Scenario | None = None) -> bool:
        """Might a step answer before the body of a request has been read?"""
        scenario = picked or self.playing(name)
        given = self._session(name).waiting or self._waiting
        return scenario.may_respond_early or (
            bool(given) and any(one["may_respond_early"] for one in (*self._session(name).waiting, *self._waiting))
        )

    def peek(self, name: str, asked: RequestFacts, picked: Scenario | None = None) -> Turn:
        """The turn that `take` would give. It is not taken."""
        session = self._session(name)
        scenario = self._seeded(picked) if picked else self.playing(name)
        stored = session.places.get(picked.name if picked else "", {})
        asked = asked._replace(session=name)
        return one_shot.take_turn(scenario, stored, (session.waiting, self._waiting), asked)[0]

    def play(self, name: str | None, scenario: Scenario | None = None, as_of: str | None = None) -> None:
        """From now on this session plays that scenario from its first step, on that day; None keeps what it has.

        Without a name it is the server's scenario, which all sessions without one of their own begin anew.
        """
        if scenario:
            scenario = self._seeded(scenario)
        if name is None:
            self.scenario = scenario or self.scenario
            for session in self._sessions.values():
                if session.scenario is None:
                    session.places.pop("", None)
            return
        old = self._session(name)
        self._sessions[name] = Session(scenario=scenario or old.scenario, as_of=as_of or old.as_of)

    def playing(self, name: str | None = None) -> Scenario:
        """The scenario that a session plays, or the server's."""
        session = self._sessions.get(name) if name is not None else None
        return (session and session.scenario) or self.scenario

    def give(self, name: str | None, step: Mapping[str, Any]) -> None:
        """A step, as data, for the next request that it fits: of one session, or of any.

        Raises ValueError when too many wait.
        """
        queue = self._waiting if name is None else self._session(name).waiting
        if len(queue) >= WAITING:
            raise ValueError(f"{WAITING} steps are waiting already; expected requests to take them")
        queue.append(one_shot.new_one_shot(step))

    def over(self, name: str, settings: Settings, picked: Scenario | None = None) -> Settings:
        """The settings that count for a session: its own over its scenario's over the server's."""
        session = self._session(name)
        scenario = picked or session.scenario or self.scenario
        wanted = settings, scenario, session.as_of or scenario.as_of
        # The same as for the request before, nearly always.
        if self._overlaid is None or not all(map(is_, wanted, self._overlaid[0])):
            self._overlaid = wanted, overlaid(*wanted)
        return self._overlaid[1]

    def reset(self, name: str | None = None) -> None:
        """Put one session, or all, back to the start of the server's scenario."""
        if name is None:
            self._sessions.clear()
            self._waiting.clear()
        else:
            self._sessions.pop(name, None)

    def count(self) -> int:
        """How many sessions there are."""
        return len(self._sessions)

    def _seeded(self, scenario: Scenario) -> Scenario:
        return scenario if self._seed is None else replace(scenario, seed=self._seed)

    def _session(self, name: str) -> Session:
        # Storing it again makes it the newest.
        self._sessions[name] = session = self._sessions.get(name) or Session()
        return session


def _attempt(attempts: FIFOCache[str, int], digest: str | None) -> int:
    """How often a job has come, this time included; what was no job comes for the first time."""
    return 1 if digest is None else counted(attempts, digest)[digest]


def counted(attempts: FIFOCache[str, int], digest: str) -> FIFOCache[str, int]:
    """The same attempts, one more of a job among them; the job that came longest ago may go."""
    attempts[digest] = attempts.get(digest, 0) + 1
    return attempts


class Unreachable(Exception):
    """The shared state cannot be asked or changed just now. Says where it is and what was wrong."""


class Sharing(Protocol):
    """What a server does around its requests whose state several workers share. All but close raise Unreachable."""

    async def start(self) -> None:
        """Play the server's scenario, unless an earlier server began with the same."""

    async def meet(self, session: str) -> None:
        """Bring all up to date that an answer to a session depends on."""

    async def keep(self, send: Send, plan: Plan, trail: Trail, now: Callable[[], float]) -> Send:
        """Keep what an answer leaves behind; returns the `send` for it. `now` tells in which second it has left."""

    async def finish(self) -> None:
        """Keep what became of an answer."""

    async def close(self) -> None:
        """Hang up, as far as the running loop is concerned."""

    async def visiting(self, work: Callable[[], T]) -> T:
        """Run a function on a journal that is up to date."""

    def begin(self) -> None:
        """Begin the visit of a request."""

    async def pull(self) -> None:
        """Bring the journal up to date."""

    async def push(self) -> None:
        """Make the changes of the visit under way."""


@dataclass(slots=True)
class Server:
    """What an application works with: settings, state, journal, files, and the clock in seconds since 1970.

    Any function that tells the time does for a clock; it becomes a Clock. `look` is called before each turn: the place
    to read a changed scenario. `witness` is told of each entry with its request, the plan that was meant and the one
    that faults made of it, before it is carried out. `hosts` are the names that a listening socket was bound to, None
    where there is none. `token` is what `/__mock` asks for, None where it asks for nothing.
    `at_once` bounds how many pictures are decoded and painted at once, off the event loop. `dated` counts the calls
    of each model that has a day of shutdown, `tally` the requests. `shared` stands for the workers that share the
    state, if there are any.
    """

    settings: Settings = field(default_factory=Settings)
    state: Memory = field(default_factory=lambda: Memory(load("ok")))
    journal: Journal = field(default_factory=Journal)
    files: Files = field(default_factory=Files)
    clock: Clock = field(default_factory=Clock)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    look: Callable[[], object] = lambda: None
    witness: Callable[[dict[str, Any], Request, Plan, Plan], object] = lambda entry, request, meant, sent: None
    hosts: frozenset[str] | None = None
    token: str | None = None
    upload_bytes: int = UPLOAD_BYTES
    at_once: int = field(default_factory=lambda: 2 * (os.cpu_count() or 1))
    dated: Counter[str] = field(default_factory=Counter)
    tally: Tally = field(default_factory=Tally)
    shared: Sharing | None = None
    _slots: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = field(default_factory=WeakKeyDictionary)

    def __post_init__(self) -> None:
        if not isinstance(self.clock, Clock):
            self.clock = Clock(self.clock)

    def sources(self, session: str, settings: Settings, host: str) -> Sources:
        """What a request of a session may speak of; `host` is this server's name and port as the caller knows them."""
        now = self.clock(session)
        files = self.files.of(session, now)
        stores = local_urls.Stores(settings.urls, files, self.journal.pictures)
        find = partial(local_urls.find, host=host, stores=stores, now=now)
        return Sources(files, self.files.room(session), find)

    def slots(self) -> asyncio.Semaphore:
        """The places for work off the event loop; those of the loop that asks."""
        loop = asyncio.get_running_loop()
        return self._slots.setdefault(loop, asyncio.Semaphore(self.at_once))
