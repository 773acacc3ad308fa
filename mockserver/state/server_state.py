"""What an application works with: settings, sessions, journal, uploads and the clock."""

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar
from weakref import WeakKeyDictionary

from starlette.types import Send

from mockserver.core.plan import Plan
from mockserver.core.request import Request
from mockserver.core.uploads import UploadStore
from mockserver.engine.values import Settings, Sources
from mockserver.journal.send_log import SendLog
from mockserver.journal.stats import RequestStats
from mockserver.journal.store import Journal
from mockserver.scenario.loader import load
from mockserver.state import local_urls
from mockserver.state.clock import Clock
from mockserver.state.sessions import SessionStore

T = TypeVar("T")
# Sixteen images and a mask of 50 MB each, and room for the rest of the form.
UPLOAD_BYTES = 17 * 50 * 1024 * 1024 + 1024 * 1024


class StateUnavailable(Exception):
    """The shared state cannot be asked or changed just now. Says where it is and what was wrong."""


class Sharing(Protocol):
    """What a server does around its requests whose state several workers share. All but close raise
    StateUnavailable.
    """

    async def start(self) -> None:
        """Play the server's scenario, unless an earlier server began with the same."""

    async def meet(self, session: str) -> None:
        """Bring all up to date that an answer to a session depends on."""

    async def keep(self, send: Send, plan: Plan, trail: SendLog, now: Callable[[], float]) -> Send:
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
class ServerState:
    """What an application works with: settings, state, journal, files, and the clock in seconds since 1970.

    Any function that tells the time does for a clock; it becomes a Clock. `look` is called before each turn: the place
    to read a changed scenario. `witness` is told of each entry with its request, the plan that was meant and the one
    that faults made of it, before it is carried out. `hosts` are the names that a listening socket was bound to, None
    where there is none. `token` is what `/__mock` asks for, None where it asks for nothing.
    `at_once` bounds how many pictures are decoded and painted at once, off the event loop. `dated` counts the calls
    of each model that has a day of shutdown, `stats` the requests. `shared` stands for the workers that share the
    state, if there are any.
    """

    settings: Settings = field(default_factory=Settings)
    sessions: SessionStore = field(default_factory=lambda: SessionStore(load("ok")))
    journal: Journal = field(default_factory=Journal)
    uploads: UploadStore = field(default_factory=UploadStore)
    clock: Clock = field(default_factory=Clock)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    look: Callable[[], object] = lambda: None
    witness: Callable[[dict[str, Any], Request, Plan, Plan], object] = lambda entry, request, meant, sent: None
    hosts: frozenset[str] | None = None
    token: str | None = None
    upload_bytes: int = UPLOAD_BYTES
    at_once: int = field(default_factory=lambda: 2 * (os.cpu_count() or 1))
    dated: Counter[str] = field(default_factory=Counter)
    stats: RequestStats = field(default_factory=RequestStats)
    shared: Sharing | None = None
    _slots: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = field(default_factory=WeakKeyDictionary)

    def __post_init__(self) -> None:
        if not isinstance(self.clock, Clock):
            self.clock = Clock(self.clock)

    def sources(self, session: str, settings: Settings, host: str) -> Sources:
        """What a request of a session may speak of; `host` is this server's name and port as the caller knows them."""
        now = self.clock(session)
        files = self.uploads.of(session, now)
        stores = local_urls.Stores(settings.urls, files, self.journal.pictures)
        find = partial(local_urls.find, host=host, stores=stores, now=now)
        return Sources(files, self.uploads.room(session), find)

    def slots(self) -> asyncio.Semaphore:
        """The places for work off the event loop; those of the loop that asks."""
        loop = asyncio.get_running_loop()
        return self._slots.setdefault(loop, asyncio.Semaphore(self.at_once))
