"""Uploaded files and clocks in Redis, behind the methods of Files and Clock: copies of what one session may see."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from mockserver.core.uploads import SESSIONS, Upload, UploadStore
from mockserver.state import sessions
from mockserver.state.clock import Clock
from mockserver.state.redis.unit_of_work import current

Told = Mapping[str, Any]


class SharedFiles(UploadStore):
    """The files of all workers."""

    def __init__(self) -> None:
        super().__init__()
        self._bytes, self._others = 0, 0

    def missing(self, session: str, told: Sequence[Told]) -> list[str]:
        """The ids of those files of a session whose bytes are not at hand."""
        held = self._held.get(session, {})
        return [one["id"] for one in told if one["id"] not in held or held[one["id"]].digest != one["digest"]]

    def learn(self, session: str, told: Sequence[Told], contents: Mapping[str, bytes], totals: tuple[int, int]) -> None:
        """What Redis holds of a session, with the bytes that were missing; `totals` are all bytes and sessions."""
        held = self._held.pop(session, {})
        files = {one["id"]: Upload(**one, data=contents.get(one["id"]) or held[one["id"]].data) for one in told}
        self._bytes, self._others = totals
        if files:
            self._held[session] = files
        # A copy that others want less is let go.
        while len(self._held) > 1 and self._weight() > self.session_bytes:
            del self._held[next(iter(self._held))]

    def _weight(self) -> int:
        return sum(len(file.data) for one in self._held.values() for file in one.values())

    def of(self, session: str, now: float) -> Mapping[str, Upload]:
        """As Files does; what has expired is forgotten by all."""
        before = dict(self._held.get(session, {}))
        after = super().of(session, now)
        for gone in before.keys() - after.keys():
            current().note("unfile", session, gone)
        return after

    def room(self, session: str) -> int:
        """As Files does, counting the files of all workers."""
        held = self._held.get(session, {})
        if len(held) >= self.session_files or (not held and self._others >= SESSIONS):
            return 0
        own = sum(len(file.data) for file in held.values())
        return max(0, min(self.session_bytes - own, self.total_bytes - self._bytes))

    def put(self, session: str, file: Upload) -> None:
        """As Files does, for all workers."""
        super().put(session, file)
        about = {name: value for name, value in asdict(file).items() if name != "data"}
        current().note("file", session, file.id, json.dumps(about), file.data)

    def remove(self, session: str, file_id: str) -> None:
        """As Files does, for all workers."""
        super().remove(session, file_id)
        current().note("unfile", session, file_id)

    def clear(self, session: str | None = None) -> None:
        """As Files does, for all workers."""
        super().clear(session)
        current().note("unfile", session or "")


class SharedClock(Clock):
    """The clocks of all workers."""

    def __init__(self, base: Callable[[], float], watch: Callable[[], float]) -> None:
        super().__init__(base, watch)

    def learn(self, session: str, everybody: float, own: float) -> None:
        """How far Redis says that the clocks were moved on."""
        self._all = everybody
        self._own.pop(session, None)
        if own:
            self._own[session] = own

    def advance(self, seconds: float, session: str | None = None) -> None:
        """As Clock does, for all workers."""
        super().advance(seconds, session)
        current().note("advance", session or "", repr(seconds), sessions.SESSIONS)

    def reset(self, session: str | None = None) -> None:
        """As Clock does, for all workers."""
        super().reset(session)
        current().note("unwind", session or "")
