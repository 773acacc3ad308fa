"""One session for the duration of one request: the interface that the request handler works with."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from mockserver.core.plan import Plan
from mockserver.core.uploads import Upload, UploadStore
from mockserver.engine.values import Settings, Sources
from mockserver.journal.send_log import SendLog
from mockserver.scenario.machine import Scenario, Turn
from mockserver.scenario.matching import RequestFacts
from mockserver.state import local_urls
from mockserver.state.clock import Clock
from mockserver.state.sessions import SessionStore, Taken


@dataclass(slots=True)
class Record:
    """What one request leaves behind.

    `entry` is its journal entry, `images` are (xxh3 digest, bytes, media type), `upload` is a file to store and
    `removed` the id of one to delete. `arrived` is when the request arrived, by the session's watch; `has_gone` says
    whether the client has disconnected.
    """

    entry: dict[str, Any]
    plan: Plan
    log: SendLog
    images: tuple[tuple[str, bytes, str], ...]
    upload: Upload | None
    removed: str | None
    arrived: float
    has_gone: Callable[[], bool]

    @property
    def is_abandoned(self) -> bool:
        return self.has_gone() and not self.entry["answer"]["complete"]


class Session(ABC):
    """What a request may read of its session, and what it changes there.

    `scenario` is the one that the request itself names, None where it names none.
    """

    sessions: SessionStore
    clock: Clock
    uploads: UploadStore
    images: local_urls.ImageLookup

    def __init__(self, name: str, server_settings: Settings, scenario: Scenario | None) -> None:
        self.name = name
        self.scenario = scenario
        self._server_settings = server_settings

    @property
    def settings(self) -> Settings:
        return self.sessions.settings_for(self.name, self._server_settings, self.scenario)

    def now(self) -> float:
        return self.clock(self.name)

    def watch(self) -> float:
        """Seconds on a clock that always runs, advanced together with the session's time."""
        return self.clock.watch() + self.clock.advanced(self.name)

    def may_respond_early(self) -> bool:
        return self.sessions.may_respond_early(self.name, self.scenario)

    def peek(self, facts: RequestFacts) -> Turn:
        return self.sessions.peek(self.name, facts, self.scenario)

    def sources(self, host: str) -> Sources:
        """Return what a request may refer to; `host` is this server's name and port as the client knows them."""
        now = self.now()
        uploads = self.uploads.of(self.name, now)
        stores = local_urls.Stores(self.settings.urls, uploads, self.images)
        find = partial(local_urls.find, host=host, stores=stores, now=now)
        return Sources(uploads, self.uploads.room(self.name), find)

    @abstractmethod
    async def refresh(self) -> None:
        """Load the session again: it may have changed while the request body arrived."""

    @abstractmethod
    async def take(self, facts: RequestFacts) -> Taken:
        """Take the session's turn for one request."""

    @abstractmethod
    def entry_id(self) -> str:
        """The id of the journal entry of the turn that was taken."""

    @abstractmethod
    async def record(self, record: Record) -> None:
        """Store what the request leaves behind; sets `repeats` and `waited` of its entry."""

    @abstractmethod
    async def complete(self, record: Record) -> None:
        """Called before the last byte of the response is sent."""

    @abstractmethod
    async def finish(self, record: Record) -> None:
        """Called when the response has been sent, or cannot be."""
