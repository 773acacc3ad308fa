"""The state of a server in the memory of its process."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mockserver.core.uploads import UploadStore
from mockserver.journal.store import Journal
from mockserver.scenario.loader import find_scenario, load
from mockserver.scenario.machine import Scenario
from mockserver.scenario.matching import RequestFacts
from mockserver.state.server_state import ServerState, Sizes, Time
from mockserver.state.session import Record, Session
from mockserver.state.sessions import SessionStore, Taken


@dataclass(eq=False)
class MemoryState(ServerState):
    """Sessions, journal and uploads that no other process shares."""

    # Those that are not passed are made with the limits of the server.
    sessions: SessionStore = None  # type: ignore[assignment]
    journal: Journal = field(init=False)
    uploads: UploadStore = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sessions is None:
            self.sessions = SessionStore(load("ok"), limits=self.limits)
        self.journal = Journal.limited(self.limits)
        if self.uploads is None:
            self.uploads = UploadStore(self.limits)

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def open_session(self, name: str, scenario: str | None = None) -> Session:
        self.look()
        named = find_scenario(scenario, self.sessions.scenario.folder) if scenario is not None else None
        return MemorySession(self, name, named)

    def held_image(self, digest: str) -> bytes | None:
        return self.journal.pictures.held(digest)

    async def scenario(self, session: str | None = None) -> Scenario:
        return self.sessions.scenario_of(session)

    async def play(self, session: str | None, scenario: Scenario | None = None, as_of: str | None = None) -> None:
        self.sessions.play(session, scenario, as_of)

    async def add_step(self, session: str | None, step: Mapping[str, Any]) -> None:
        self.sessions.add_step(session, step)

    async def reset(self, session: str | None = None) -> None:
        self.sessions.reset(session)
        self.clock.reset(session)
        self.uploads.clear(session)
        if session is None:
            self.journal.restart()
        else:
            self.journal.clear(session)

    async def time(self, session: str | None = None) -> Time:
        return Time(self.clock(session), self.clock.advanced(session))

    async def advance(self, seconds: float, session: str | None = None) -> Time:
        self.clock.advance(seconds, session)
        return await self.time(session)

    async def read_journal(self) -> Journal:
        return self.journal

    async def clear_journal(self, session: str | None = None) -> None:
        self.journal.clear(session)

    async def report_result(self, entry_id: str, result: str) -> None:
        entry = self.journal.find(entry_id)
        if entry:
            self.journal.tell(entry, result)

    async def find_image(self, sha256: str) -> tuple[bytes, str] | None:
        return await asyncio.to_thread(self.journal.pictures.find, sha256)

    async def was_image_dropped(self, sha256: str) -> bool:
        return self.journal.pictures.dropped(sha256)

    async def find_image_by_name(self, start: str) -> tuple[bytes, str] | None:
        return self.journal.pictures.named(start)

    async def sizes(self) -> Sizes:
        uploads, upload_bytes = self.uploads.held()
        entries, dropped = len(self.journal.noted()), self.journal.dropped
        return Sizes(entries, dropped, self.sessions.count(), uploads, upload_bytes, self.journal.pictures.weight)


class MemorySession(Session):
    """A session that requests at the same time change together: it is never out of date."""

    def __init__(self, state: MemoryState, name: str, scenario: Scenario | None) -> None:
        super().__init__(name, state.settings, scenario)
        self.sessions, self.clock, self.uploads = state.sessions, state.clock, state.uploads
        self.images, self._journal = state.journal.pictures, state.journal

    async def refresh(self) -> None: ...

    async def take(self, facts: RequestFacts) -> Taken:
        return self.sessions.take(self.name, facts, self.scenario)

    def entry_id(self) -> str:
        return self._journal.next_id()

    async def record(self, record: Record) -> None:
        entry = record.entry
        place = (self.name, entry["call"], entry["id"])
        entry["repeats"], entry["waited"] = self._journal.repeats.begin(*place, record.arrived, record.has_gone)
        self._journal.add(entry)
        for image in record.images:
            self._journal.pictures.put(*image)
        if record.upload:
            self.uploads.put(self.name, record.upload)
        if record.removed:
            self.uploads.remove(self.name, record.removed)

    async def complete(self, record: Record) -> None: ...

    async def finish(self, record: Record) -> None:
        entry, left = record.entry, None if record.is_abandoned else self.watch()
        self._journal.repeats.end(self.name, entry["call"], entry["id"], left)
