"""The interface of a server's state, the same in memory and in Redis.

Nothing outside this package knows which of the two a server has.
"""

import asyncio
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from mockserver.core.plan import Plan
from mockserver.core.request import Request
from mockserver.engine.values import Settings
from mockserver.journal.stats import RequestStats
from mockserver.journal.store import Journal
from mockserver.limits import Limits
from mockserver.scenario.machine import Scenario
from mockserver.state.clock import Clock
from mockserver.state.session import Session


class StateUnavailable(Exception):
    """The state cannot be read or changed at the moment. The message says where it is and what went wrong."""


class Time(NamedTuple):
    """A session's time in seconds since 1970, and how far it was moved on."""

    now: float
    advanced: float


class Sizes(NamedTuple):
    """How much the state holds, in items and bytes."""

    entries: int
    dropped: int
    sessions: int
    uploads: int
    upload_bytes: int
    image_bytes: float


@dataclass(eq=False)
class ServerState(ABC):
    """Everything that an application works with. Its coroutines raise StateUnavailable.

    `clock` may be any function that returns seconds since 1970. `look` is called before each turn, to load a changed
    scenario. `witness` is called with each entry, its request, the intended plan and the plan with faults, before
    anything is sent. `hosts` are the names that a listening socket was bound to, None without one. `token` is what
    `/__mock` asks for, None if nothing. `dated` counts the calls of each model that has a shutdown date.
    """

    settings: Settings = field(default_factory=Settings)
    _: KW_ONLY
    clock: Clock = field(default_factory=Clock)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    look: Callable[[], object] = lambda: None
    witness: Callable[[dict[str, Any], Request, Plan, Plan], object] = lambda entry, request, meant, sent: None
    hosts: frozenset[str] | None = None
    token: str | None = None
    dated: Counter[str] = field(default_factory=Counter)
    stats: RequestStats = field(default_factory=RequestStats)
    limits: Limits = field(default_factory=Limits)
    _slots: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = field(default_factory=WeakKeyDictionary)

    def __post_init__(self) -> None:
        if not isinstance(self.clock, Clock):
            self.clock = Clock(self.clock)

    def slots(self) -> asyncio.Semaphore:
        """The places for work off the running event loop."""
        loop = asyncio.get_running_loop()
        return self._slots.setdefault(loop, asyncio.Semaphore(self.limits.image_threads))

    @abstractmethod
    async def start(self) -> None:
        """Play the server's scenario, unless an earlier server that shares the state began with the same."""

    @abstractmethod
    async def close(self) -> None:
        """Close what the running event loop has open."""

    @abstractmethod
    async def open_session(self, name: str, scenario: str | None = None) -> Session:
        """A session for one request, which may name a scenario. Raises ScenarioError for one that is unknown."""

    @abstractmethod
    def held_image(self, digest: str) -> bytes | None:
        """The bytes of an xxh3 digest, if this process holds them."""

    @abstractmethod
    async def scenario(self, session: str | None = None) -> Scenario:
        """The scenario that a session plays, or the server's."""

    @abstractmethod
    async def play(self, session: str | None, scenario: Scenario | None = None, as_of: str | None = None) -> None:
        """Begin a scenario in a session, as of a date; None keeps what the session has.

        Without a session it is the server's scenario, which all sessions without one of their own begin again.
        """

    @abstractmethod
    async def add_step(self, session: str | None, step: Mapping[str, Any]) -> None:
        """Add a step for the next request that it fits: of one session, or of any. Raises ValueError for too many."""

    @abstractmethod
    async def reset(self, session: str | None = None) -> None:
        """Reset scenario position, clock, uploads and journal of one session, or of all."""

    @abstractmethod
    async def time(self, session: str | None = None) -> Time:
        """The time of a session, or that of all which were not moved on by themselves."""

    @abstractmethod
    async def advance(self, seconds: float, session: str | None = None) -> Time:
        """Move the clock of a session, or of all, on. Raises ValueError and OverflowError as Clock does."""

    @abstractmethod
    async def read_journal(self) -> Journal:
        """The journal as it is now, for reading."""

    @abstractmethod
    async def clear_journal(self, session: str | None = None) -> None:
        """Forget the entries of one session, or of all."""

    @abstractmethod
    async def report_result(self, entry_id: str, result: str) -> None:
        """Note in an entry how the client interpreted the response, `success` or `error`."""

    @abstractmethod
    async def find_image(self, sha256: str) -> tuple[bytes, str] | None:
        """An image and its media type by SHA-256."""

    @abstractmethod
    async def was_image_dropped(self, sha256: str) -> bool:
        """Was there an image of that SHA-256 which is no longer held?"""

    @abstractmethod
    async def find_image_by_name(self, start: str) -> tuple[bytes, str] | None:
        """An image and its media type by the beginning of its xxh3 digest."""

    @abstractmethod
    async def sizes(self) -> Sizes:
        """How much the state holds."""
