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
    """A session's time in seconds since 1970, and the seconds by which it was advanced."""

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
    `/__mock` requires, None if it requires none. `dated` counts the calls of each model that has a shutdown date.
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
            self.clock = Clock(self.clock, limits=self.limits)

    def slots(self) -> asyncio.Semaphore:
        """Limits the number of requests that are processed in threads at once."""
        loop = asyncio.get_running_loop()
        return self._slots.setdefault(loop, asyncio.Semaphore(self.limits.image_threads))

    @abstractmethod
    async def start(self) -> None:
        """Play the server's scenario, unless an earlier server that shares the state started with the same one."""

    @abstractmethod
    async def close(self) -> None:
        """Close the connections of the running event loop."""

    @abstractmethod
    async def open_session(self, name: str, scenario: str | None = None) -> Session:
        """Open a session for one request, which may name a scenario. Raises ScenarioError for an unknown one."""

    @abstractmethod
    def held_image(self, digest: str) -> bytes | None:
        """Return the bytes with an xxh3 digest if this process has them in memory."""

    @abstractmethod
    async def scenario(self, session: str | None = None) -> Scenario:
        """The scenario that a session plays, or the server's."""

    @abstractmethod
    async def play(self, session: str | None, scenario: Scenario | None = None, as_of: str | None = None) -> None:
        """Start a scenario in a session, as of a date; None leaves the session's own.

        Without a session it becomes the server's scenario, and all sessions without one of their own start it again.
        """

    @abstractmethod
    async def add_step(self, session: str | None, step: Mapping[str, Any]) -> None:
        """Add a step for the next matching request of one session, or of any. Raises ValueError for too many."""

    @abstractmethod
    async def reset(self, session: str | None = None) -> None:
        """Reset scenario position, clock, uploads and journal of one session, or of all."""

    @abstractmethod
    async def time(self, session: str | None = None) -> Time:
        """Return the time of a session, or of all sessions whose clock was not advanced separately."""

    @abstractmethod
    async def advance(self, seconds: float, session: str | None = None) -> Time:
        """Advance the clock of a session, or of all. Raises ValueError and OverflowError as Clock does."""

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
        """True if an image with that SHA-256 was stored and has been evicted."""

    @abstractmethod
    async def find_image_by_name(self, start: str) -> tuple[bytes, str] | None:
        """An image and its media type by the beginning of its xxh3 digest."""

    @abstractmethod
    async def sizes(self) -> Sizes:
        """How much the state holds."""
