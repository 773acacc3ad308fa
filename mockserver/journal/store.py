"""What arrived, what was understood, what was sent, why: bounded, without secrets and without image bytes.

It also keeps the pictures themselves, up to a bound, under their digests. It knows nothing of how they came about.
"""

import hashlib
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cachetools import FIFOCache

from mockserver.journal import send_log
from mockserver.journal.filters import Filter
from mockserver.journal.repeats import RepeatTracker
from mockserver.limits import DEFAULT_LIMITS, Limits


class _Data(FIFOCache[str, tuple[bytes, str]]):
    """Bytes and media types by xxh3 digest. `evict` is called with the digest and the bytes of each that must go."""

    def __init__(self, limit: int, evict: Callable[[str, bytes], object]) -> None:
        super().__init__(limit, getsizeof=lambda held: len(held[0]))
        self._evict = evict

    def popitem(self) -> tuple[str, tuple[bytes, str]]:
        """Evict the oldest."""
        digest, held = super().popitem()
        self._evict(digest, held[0])
        return digest, held


class Pictures:
    """Pictures received and sent, by xxh3 digest; the oldest go when there are more than `limit` bytes.

    The SHA-256 of one is computed when somebody asks, or at the last moment before it is dropped.
    """

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self.limit = limits.journal_image_bytes
        self._data = _Data(self.limit, self._sum)
        self._sha256 = FIFOCache[str, str](limits.remembered_digests)
        # Responses are made in threads, and look for pictures there.
        self._lock = threading.RLock()

    @property
    def weight(self) -> float:
        """How many bytes they have."""
        return self._data.currsize

    def put(self, digest: str, data: bytes, media_type: str) -> None:
        """Keep a picture; one that is known is kept for longer."""
        with self._lock:
            try:
                self._data[digest] = (data, media_type)
            except ValueError:  # larger than the limit
                self._sum(digest, data)

    def held(self, digest: str) -> bytes | None:
        """The bytes of an xxh3 digest, if they are in this process."""
        with self._lock:
            known = self._data.get(digest)
        return known and known[0]

    def sha256(self, digest: str) -> str | None:
        """The SHA-256 of a picture, in hexadecimal; None when it was dropped so long ago that it is forgotten."""
        with self._lock:
            known = self._data.get(digest)
            return self._sum(digest, known[0]) if known else self._sha256.get(digest)

    def find(self, sha256: str) -> tuple[bytes, str] | None:
        """A picture and its media type by SHA-256, or None."""
        return next((held for digest, held in self._all() if self.sha256(digest) == sha256), None)

    def named(self, start: str) -> tuple[bytes, str] | None:
        """A picture and its media type by the beginning of its digest, or None."""
        return next((held for digest, held in self._all() if start and digest.startswith(start)), None)

    def dropped(self, sha256: str) -> bool:
        """Was there a picture of that SHA-256, which is held no more?"""
        with self._lock:
            return sha256 in self._sha256.values()

    def _all(self) -> list[tuple[str, tuple[bytes, str]]]:
        with self._lock:
            return list(self._data.items())

    def _sum(self, digest: str, data: bytes) -> str:
        if digest not in self._sha256:
            self._sha256[digest] = hashlib.sha256(data).hexdigest()
        return self._sha256[digest]


@dataclass(slots=True)
class Journal:
    """The entries of all sessions, oldest first; the oldest go when there are more than `limit`."""

    limit: int = DEFAULT_LIMITS.journal_entries
    dropped: int = 0
    pictures: Pictures = field(default_factory=Pictures)
    repeats: RepeatTracker = field(default_factory=RepeatTracker)
    _entries: deque[dict[str, Any]] = field(default_factory=deque)
    _count: int = 0

    @classmethod
    def limited(cls, limits: Limits) -> "Journal":
        return cls(limits.journal_entries, pictures=Pictures(limits), repeats=RepeatTracker(limits))

    def next_id(self) -> str:
        """The id of the next entry: a number that only a full reset sets back."""
        self._count += 1
        return f"e{self._count:06d}"

    def add(self, entry: dict[str, Any]) -> None:
        """Take an entry in. It stays the caller's to complete."""
        self._entries.append(entry)
        if len(self._entries) > self.limit:
            self._entries.popleft()
            self.dropped += 1

    def entries(self, session: str | None = None) -> list[dict[str, Any]]:
        """The entries of one session, or of all, as they are read."""
        return [self.read(entry) for entry in self.noted(session)]

    def chosen(self, wanted: Filter) -> list[dict[str, Any]]:
        """The entries that a filter chooses, as they are read."""
        return [self.read(entry) for entry in wanted.choose(list(self._entries))]

    def noted(self, session: str | None = None) -> list[dict[str, Any]]:
        """The entries of one session, or of all, as they were noted: files are named by other digests."""
        return [entry for entry in list(self._entries) if session in (None, entry["session"])]

    def find(self, entry_id: str) -> dict[str, Any] | None:
        """The entry of that id as it was noted, for the caller to complete, or None."""
        return next((entry for entry in self._entries if entry["id"] == entry_id), None)

    def clear(self, session: str | None = None) -> None:
        """Forget the entries of one session, or of all."""
        kept = [entry for entry in self._entries if session not in (None, entry["session"])]
        self._entries.clear()
        self._entries.extend(kept)
        self.repeats.forget(session)
        if session is None:
            self.dropped = 0

    def restart(self) -> None:
        """Forget all and number entries from the start again."""
        self.clear()
        self._count = 0

    def tell(self, entry: dict[str, Any], said: str) -> None:
        """Note what a client made of an answer, `success` or `error`."""
        entry["told"] = said

    def read(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """An entry as it is read: with the SHA-256 of each picture in the place of its other digest."""
        return self.spelled(entry, self.pictures.sha256)

    @staticmethod
    def spelled(entry: Mapping[str, Any], sha256: Callable[[str], str | None]) -> dict[str, Any]:
        """An entry as it is read, with the SHA-256 of each picture, as a function gives it for the other digest."""
        request, job = entry["request"], entry["job"]
        files = [_with_sha256(file, sha256) for file in request["files"]]
        if job:
            mask = job["mask"] and sha256(job["mask"])
            job = {**job, "images": [sha256(digest) for digest in job["images"]], "mask": mask}
        headers = [list(pair) for pair in request["headers"]]
        answer = entry["answer"]
        sent = {"pictures": [sha256(digest) for digest in answer["pictures"]], "sent": send_log.spelled(answer["sent"])}
        told = {**request, "headers": headers, "files": files}
        return {**entry, "request": told, "job": job, "answer": {**answer, **sent}}


def _with_sha256(file: Mapping[str, Any], sha256: Callable[[str], str | None]) -> dict[str, Any]:
    """A file of an entry with its SHA-256 in place of the digest that it is stored under."""
    return {
        ("sha256" if name == "digest" else name): (sha256(value) if name == "digest" else value)
        for name, value in file.items()
    }
