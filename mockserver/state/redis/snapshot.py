"""What Redis holds of one session, and how to decide on it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from cachetools import FIFOCache

from mockserver.core.uploads import Upload, UploadStore
from mockserver.limits import Limits
from mockserver.scenario.machine import Scenario
from mockserver.scenario.one_shot import OneShot
from mockserver.state.sessions import SessionState


@dataclass(slots=True)
class Snapshot:
    """`version` changes with what all sessions share, `session_version` with the session.

    `begun` is when the server's scenario began: a session that played it earlier begins again. `attempts` holds how
    often the newest job of the session came, and others where Redis has reported them. `advanced` is how far the clock
    of all sessions was moved on, and that of this one.
    """

    scenario: Scenario
    version: str
    begun: str
    session_version: str
    own_scenario: Scenario | None
    data: Mapping[str, Any]
    attempts: dict[str, int]
    waiting: list[OneShot]
    own_waiting: list[OneShot]
    advanced: tuple[float, float]
    uploads: list[Mapping[str, Any]] = field(default_factory=list)
    upload_bytes: int = 0
    upload_sessions: int = 0

    def session(self, limits: Limits) -> SessionState:
        places = dict(self.data.get("places", {}))
        if self.own_scenario is None and self.data.get("begun", "") != self.begun:
            places.pop("", None)
        attempts = FIFOCache[str, int](limits.session_jobs)
        attempts.update(self.attempts)
        position, as_of = self.data.get("position", 0), self.data.get("as_of")
        return SessionState(position, self.own_scenario, as_of, attempts, places, list(self.own_waiting))

    def serialize_session(self, session: SessionState) -> str:
        data = {"position": session.position, "as_of": session.as_of, "places": session.places, "begun": self.begun}
        return json.dumps(data)


class SessionUploads(UploadStore):
    """The uploads of one session, with limits that count those of all sessions."""

    def __init__(self, limits: Limits, total: int, sessions: int) -> None:
        super().__init__(limits)
        self._total, self._sessions = total, sessions
        self.expired: set[str] = set()

    def of(self, session: str, now: float) -> Mapping[str, Upload]:
        held = set(self._held.get(session, {}))
        left = super().of(session, now)
        self.expired |= held - left.keys()
        return left

    def room(self, session: str) -> int:
        held = self._held.get(session, {})
        if len(held) >= self.limits.session_uploads or (
            not held and self._sessions >= self.limits.sessions_with_uploads
        ):
            return 0
        own = sum(len(upload.data) for upload in held.values())
        return max(0, min(self.limits.session_upload_bytes - own, self.limits.total_upload_bytes - self._total))


def serialize_upload(upload: Upload) -> str:
    return json.dumps({name: value for name, value in asdict(upload).items() if name != "data"})
