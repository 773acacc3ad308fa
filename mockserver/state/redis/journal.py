"""A copy of the journal in Redis, which each read brings up to date."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mockserver.journal.store import Journal
from mockserver.limits import Limits

# A stored entry also holds the SHA-256 of each of its images, by xxh3 digest.
SHA256 = "sha256"
# Redis holds up to so many entries more than are shown, and removes all of them at once.
MORE = 64


class JournalCopy(Journal):
    """The entries of all workers."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits.journal_entries)
        self.epoch, self.revision = "", 0
        self._copies: dict[bytes, dict[str, Any]] = {}

    def update(
        self, meta: Sequence[bytes | None], numbers: Sequence[bytes], changed: Sequence[Sequence[bytes]]
    ) -> None:
        epoch, revision, dropped = ((value or b"").decode() for value in meta)
        if epoch != self.epoch:
            self._copies.clear()
        self.epoch, self.revision, self.dropped = epoch, int(revision or 0), int(dropped or 0)
        for number, text, repeats, result in changed:
            self._copies[number] = _parse_entry(text, repeats.decode(), result.decode())
        self._copies = {number: self._copies[number] for number in numbers if number in self._copies}
        self._entries.clear()
        self._entries.extend(self._copies.values())

    def read(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        digests = entry.get(SHA256, {})
        return self.spelled({name: value for name, value in entry.items() if name != SHA256}, digests.get)


def _parse_entry(text: bytes, repeats: str, result: str) -> dict[str, Any]:
    entry: dict[str, Any] = json.loads(text)
    before, waited = repeats.split(" ")
    return entry | {"repeats": before or None, "waited": float(waited) if waited else None, "told": result or None}
