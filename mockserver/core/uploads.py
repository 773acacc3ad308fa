"""Uploaded files: what `/v1/files` keeps, for each session, in memory and bounded. Knows no HTTP and no clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mockserver.limits import DEFAULT_LIMITS, Limits


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was uploaded. Times are in seconds since 1970; `digest` is the xxh3 of `data`."""

    id: str
    name: str
    purpose: str
    data: bytes
    digest: str
    created_at: int
    expires_at: int | None = None

    def described(self) -> dict[str, Any]:
        """Return the API's file object. Source: SDK types; the order of the keys is our guess."""
        return {
            "object": "file",
            "id": self.id,
            "purpose": self.purpose,
            "filename": self.name,
            "bytes": len(self.data),
            "created_at": self.created_at,
            "expires_at": self.expires_at,
            "status": "processed",
            "status_details": None,
        }


@dataclass(slots=True)
class UploadStore:
    """The files of every session, oldest first. An upload beyond a limit is rejected; no file is evicted."""

    limits: Limits = DEFAULT_LIMITS
    _held: dict[str, dict[str, Upload]] = field(default_factory=dict)

    def of(self, session: str, now: float) -> Mapping[str, Upload]:
        held = self._held.get(session, {})
        for file in list(held.values()):
            if file.expires_at is not None and file.expires_at <= now:
                del held[file.id]
        return dict(held)

    def room(self, session: str) -> int:
        """Return how many bytes a session may upload in its next file; 0 if it may not upload any file."""
        held = self._held.get(session, {})
        if len(held) >= self.limits.session_uploads or (
            not held and len(self._held) >= self.limits.sessions_with_uploads
        ):
            return 0
        weights = {name: sum(len(file.data) for file in files.values()) for name, files in self._held.items()}
        left = self.limits.session_upload_bytes - weights.get(session, 0)
        return max(0, min(left, self.limits.total_upload_bytes - sum(weights.values())))

    def held(self) -> tuple[int, int]:
        files = [file for one in self._held.values() for file in one.values()]
        return len(files), sum(len(file.data) for file in files)

    def put(self, session: str, file: Upload) -> None:
        self._held.setdefault(session, {})[file.id] = file

    def remove(self, session: str, file_id: str) -> None:
        held = self._held.get(session, {})
        held.pop(file_id, None)
        if not held:
            self._held.pop(session, None)

    def clear(self, session: str | None = None) -> None:
        if session is None:
            self._held.clear()
        else:
            self._held.pop(session, None)
