"""The journal in Redis behind the methods of Journal: a copy of the entries, and what there is to note of one visit."""

import asyncio
import hashlib
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cachetools import FIFOCache

from mockserver.journal.repeats import CALLS, Call, RepeatTracker
from mockserver.journal.store import REMEMBERED, Journal, Pictures
from mockserver.state.redis.client import Link
from mockserver.state.redis.pipeline import Command
from mockserver.state.redis.unit_of_work import Visit, current

# What an entry carries along besides itself: the SHA-256 of each of its pictures, by the other digest.
SHA256 = "sha256"
# A worker remembers so many pictures that Redis holds.
KNOWN = 10_000
SHORT = 65_536
# Redis holds so many entries more than are shown, and lets go of all of them at once.
MORE = 64


class SharedPictures(Pictures):
    """The pictures of all workers. They are looked for in Redis, from a thread that may wait."""

    def __init__(self, link: Link) -> None:
        super().__init__()
        self._link = link
        self._known = FIFOCache[str, str](KNOWN)

    def put(self, digest: str, data: bytes, media_type: str) -> None:
        """Keep a picture, when the visit's changes are made."""
        current().pictures.append((digest, data, media_type))

    async def kept(self, visit: Visit) -> list[tuple[Command, Command]]:
        """What keeps each picture of a visit: without its bytes where Redis should hold them, and with them.

        The visit learns their SHA-256.
        """
        commands: list[tuple[Command, Command]] = []
        for digest, data, kind in visit.pictures:
            known = self._known.get(digest) or await _summed(data)
            visit.digests[digest] = known
            words = (digest, known, kind, self.limit, REMEMBERED)
            whole = ("picture", (*words, data))
            commands.append((("picture", words) if digest in self._known else whole, whole))
        return commands

    def learn(self, digests: Mapping[str, str]) -> None:
        """Pictures that Redis holds now: their SHA-256 by their other digest."""
        self._known.update(digests)

    def find(self, sha256: str) -> tuple[bytes, str] | None:
        """As Pictures does. Raises Unreachable."""
        return self._held("sha256", sha256)

    def named(self, start: str) -> tuple[bytes, str] | None:
        """As Pictures does. Raises Unreachable."""
        return self._held("digest", start)

    def dropped(self, sha256: str) -> bool:
        """As Pictures does. Raises Unreachable."""
        return bool(self._asked("sha256", sha256)[0])

    def _held(self, by: str, value: str) -> tuple[bytes, str] | None:
        _, *found = self._asked(by, value)
        return (found[1], found[0].decode()) if found else None

    def _asked(self, by: str, value: str) -> list[Any]:
        answer: list[Any] = asyncio.run_coroutine_threadsafe(self._link.ask("find", by, value), current().loop).result()
        return answer


async def _summed(data: bytes) -> str:
    sum_up = hashlib.sha256
    return (sum_up(data) if len(data) < SHORT else await asyncio.to_thread(sum_up, data)).hexdigest()


class SharedCalls(RepeatTracker):
    """The calls of all workers: Redis says what one repeats, unless it is seen here that a client has hung up."""

    def begin(
        self, session: str, digest: str, entry: str, at: float, gone: Callable[[], bool]
    ) -> tuple[str | None, float | None]:
        """As Calls does, for those of this worker; the rest is known when the entry is kept."""
        before, _ = super().begin(session, digest, entry, at, gone)
        current().call = (session, digest, at, before)
        return before, None

    def end(self, session: str, digest: str, entry: str, at: float | None) -> None:
        """As Calls does, for all workers."""
        call = self._calls.get((session, digest)) or Call()
        call.under_way.pop(entry, None)
        visit = current()
        if at is None or not _came_true(visit):
            visit.foreseen = None
            complete(visit, at)


class SharedJournal(Journal):
    """The entries of all workers."""

    def __init__(self, link: Link) -> None:
        super().__init__(pictures=SharedPictures(link), repeats=SharedCalls())
        self.epoch, self.revision = "", 0
        self._copies: dict[bytes, dict[str, Any]] = {}

    def next_id(self) -> str:
        """The id that came with the turn."""
        return f"e{current().entry:06d}"

    def add(self, entry: dict[str, Any]) -> None:
        """Keep an entry, when the visit's changes are made."""
        current().noted = entry

    def tell(self, entry: dict[str, Any], said: str) -> None:
        """As Journal does, for all workers."""
        super().tell(entry, said)
        current().note("tell", int(entry["id"][1:]), said)

    def clear(self, session: str | None = None) -> None:
        """As Journal does, for all workers."""
        super().clear(session)
        current().note("clear", session or "", "", self.limit)

    def restart(self) -> None:
        """As Journal does, for all workers."""
        super().clear()
        current().note("clear", "", uuid.uuid4().hex, self.limit)

    def learn(self, meta: Sequence[bytes | None], numbers: Sequence[bytes], changed: Sequence[Sequence[bytes]]) -> None:
        """What Redis holds: all numbers, and the entries that have changed since this was last told."""
        epoch, revision, dropped = ((one or b"").decode() for one in meta)
        if epoch != self.epoch:
            self._copies.clear()
        self.epoch, self.revision, self.dropped = epoch, int(revision or 0), int(dropped or 0)
        for number, text, repeats, told in changed:
            self._copies[number] = _entry(text, repeats.decode(), told.decode())
        self._copies = {number: self._copies[number] for number in numbers if number in self._copies}
        self._entries.clear()
        self._entries.extend(self._copies.values())

    def read(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """As Journal does, with the digests that the entry brought along."""
        digests = entry.get(SHA256, {})
        return self.spelled({name: value for name, value in entry.items() if name != SHA256}, digests.get)


def _entry(text: bytes, repeats: str, told: str) -> dict[str, Any]:
    entry: dict[str, Any] = json.loads(text)
    before, waited = repeats.split(" ")
    return entry | {"repeats": before or None, "waited": float(waited) if waited else None, "told": told or None}


def _came_true(visit: Visit) -> bool:
    """Has an answer left as its entry says already?"""
    assert visit.noted is not None
    answer, foreseen = visit.noted["answer"], visit.foreseen
    return foreseen is not None and all(answer[name] == foreseen[name] for name in ("complete", "sent_bytes"))


def opening(visit: Visit, limit: int) -> None:
    """Note that the entry of a visit is to be kept, with its answer as it is foreseen."""
    assert visit.noted is not None
    assert visit.call is not None
    session, digest, at, before = visit.call
    text = _text(visit)
    visit.note("add", visit.entry, visit.generation, session, digest, at, before or "", text, limit, MORE)


def complete(visit: Visit, at: float | None) -> None:
    """Note that the answer of a visit has left in second `at`, or that its client did not wait for it (None).

    The text of an entry that foresaw as much says so already.
    """
    assert visit.noted is not None
    assert visit.call is not None
    session, digest, _, _ = visit.call
    left, text = "-" if at is None else repr(at), b"" if visit.foreseen else _text(visit)
    visit.note("complete", visit.entry, visit.generation, session, digest, left, visit.noted["id"], text, CALLS)


def _text(visit: Visit) -> bytes:
    assert visit.noted is not None
    answer = visit.foreseen or visit.noted["answer"]
    return json.dumps({**visit.noted, "answer": answer, SHA256: visit.digests}).encode()
