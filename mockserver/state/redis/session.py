"""One session of several workers for the duration of one request: decides on a snapshot, and stores the outcome."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import uuid
from typing import TYPE_CHECKING, Any

from mockserver.core.plan import as_single_chunk
from mockserver.scenario.machine import Scenario
from mockserver.scenario.matching import RequestFacts
from mockserver.scenario.one_shot import OneShot
from mockserver.state.redis.client import Argument
from mockserver.state.redis.journal import MORE, SHA256
from mockserver.state.redis.snapshot import SessionUploads, Snapshot, serialize_upload
from mockserver.state.server_state import StateUnavailable
from mockserver.state.session import Record, Session
from mockserver.state.sessions import SessionStore, Taken

if TYPE_CHECKING:
    from mockserver.state.redis.state import RedisState

# How often a turn is decided again because another request of the session was faster.
TRIES = 1_000
# Bytes of an image whose SHA-256 is computed on the event loop.
SHORT = 65_536


class RedisSession(Session):
    """Requests at the same time each have their own snapshot; only one of them can take the next turn."""

    def __init__(
        self, state: RedisState, name: str, scenario: Scenario | None, snapshot: Snapshot, uploads: SessionUploads
    ) -> None:
        super().__init__(name, state.settings, scenario)
        self.images = state.images
        self._state = state
        self._number, self._generation = 0, b""
        self._digests: dict[str, str] = {}
        self._repeats: str | None = None
        # The answer of the entry as it was stored before the response was sent, if that was stored as complete.
        self._predicted: dict[str, Any] | None = None
        self._use(snapshot, uploads)

    def _use(self, snapshot: Snapshot, uploads: SessionUploads) -> None:
        self.uploads = self._uploads = uploads
        self._snapshot = snapshot
        self.clock = self._state.session_clock(self.name, snapshot)
        self._restore()

    def _restore(self) -> None:
        self.sessions = SessionStore(self._snapshot.scenario, self._state.seed, self._state.limits)
        self.sessions.restore(self.name, self._snapshot.session(self._state.limits), self._snapshot.waiting)

    async def refresh(self) -> None:
        snapshot = await self._state.load(self.name)
        self._use(snapshot, await self._state.load_uploads(self.name, snapshot))

    async def take(self, facts: RequestFacts) -> Taken:
        async with self._state.lock(self.name):
            for _ in range(TRIES):
                taken = self.sessions.take(self.name, facts, self.scenario)
                if await self._store_turn(facts.digest):
                    return taken
                self._restore()
        raise StateUnavailable(f"too many requests at once in session {self.name}")

    async def _store_turn(self, job: str | None) -> bool:
        """Store the turn that was decided. False if the session has changed: the snapshot is then up to date."""
        before, session = self._snapshot, self.sessions.session(self.name)
        queues = [
            _serialize_steps(after) if after != earlier else None
            for after, earlier in ((self.sessions.waiting, before.waiting), (session.waiting, before.own_waiting))
        ]
        attempt = before.attempts.get(job, 0) if job is not None else 0
        arguments: list[Argument] = [before.version, before.session_version, before.serialize_session(session)]
        limits = self._state.limits
        arguments += [job or "", attempt, limits.sessions, limits.session_jobs]
        arguments += [-1 if steps is None else len(steps) for steps in queues]
        arguments += [step for steps in queues if steps is not None for step in steps]
        is_taken, number, more = await self._take_once(arguments)
        if is_taken:
            self._number, self._generation = number, more
            return True
        if not more:
            await self.refresh()
        if job is not None:
            self._snapshot.attempts[job] = int(number)
        return False

    async def _take_once(self, arguments: list[Argument]) -> list[Any]:
        token, client = uuid.uuid4().hex, self._state.client
        try:
            result: list[Any] = await client.run("take", self.name, token, 0, *arguments)
        except StateUnavailable:
            # The turn may have been taken. Then the token returns it.
            result = await client.run("take", self.name, token, 1, *arguments)
        return result

    def entry_id(self) -> str:
        return f"e{self._number:06d}"

    async def record(self, record: Record) -> None:
        entry, single = record.entry, as_single_chunk(record.plan)
        self._repeats, _ = self._state.repeats.begin(
            self.name, entry["call"], entry["id"], record.arrived, record.has_gone
        )
        self._digests = {digest: await self._sha256(digest, data) for digest, data, _ in record.images}
        self._predicted = record.log.predict(single[1]) if single else None
        result = await self._store(record, self._state.known_images.keys())
        if result is None:  # Redis no longer holds an image that this worker knows
            result = await self._store(record, ())
        self._state.known_images.update(self._digests)
        before, waited = result
        entry["repeats"], entry["waited"] = before.decode() or None, float(waited) if waited else None

    async def _store(self, record: Record, known: Any) -> Any:
        entry, upload, state = record.entry, record.upload, self._state
        arguments: list[Argument] = [self._number, self._generation, self.name, entry["call"], record.arrived]
        arguments += [self._repeats or "", self._serialize(entry, self._predicted), state.journal.limit, MORE]
        arguments += [repr(self.watch()) if self._predicted else "", entry["id"], state.limits.tracked_calls]
        arguments += [upload.id, serialize_upload(upload), upload.data] if upload else ["", "", ""]
        removed = [*self._uploads.expired, *filter(None, [record.removed])]
        arguments += [state.image_bytes, state.limits.remembered_digests, len(removed), *removed]
        for digest, data, media_type in record.images:
            arguments += [digest, self._digests[digest], media_type, b"" if digest in known else data]
        return await state.client.run("record", *arguments)

    async def _sha256(self, digest: str, data: bytes) -> str:
        known = self._state.known_images.get(digest)
        if known:
            return known
        if len(data) < SHORT:
            return hashlib.sha256(data).hexdigest()
        return (await asyncio.to_thread(hashlib.sha256, data)).hexdigest()

    async def complete(self, record: Record) -> None:
        if not self._predicted:
            await self._store_answer(record, {**record.entry["answer"], "complete": True}, self.watch())

    async def finish(self, record: Record) -> None:
        entry = record.entry
        self._state.repeats.discard(self.name, entry["call"], entry["id"])
        if self._is_as_predicted(entry["answer"]):
            return
        await self._store_answer(record, entry["answer"], None if record.is_abandoned else self.watch())

    def _is_as_predicted(self, answer: dict[str, Any]) -> bool:
        predicted = self._predicted
        return predicted is not None and all(answer[name] == predicted[name] for name in ("complete", "sent_bytes"))

    async def _store_answer(self, record: Record, answer: dict[str, Any], left: float | None) -> None:
        entry, when = record.entry, "-" if left is None else repr(left)
        place = (self._number, self._generation, self.name, entry["call"], when, entry["id"])
        # The response has begun, so the client cannot be notified; the server's user is.
        with contextlib.suppress(StateUnavailable):
            calls = self._state.limits.tracked_calls
            await self._state.client.run("complete", *place, self._serialize(entry, answer), calls)

    def _serialize(self, entry: dict[str, Any], answer: dict[str, Any] | None) -> bytes:
        return json.dumps({**entry, "answer": answer or entry["answer"], SHA256: self._digests}).encode()


def _serialize_steps(steps: list[OneShot]) -> list[str]:
    return [json.dumps(step) for step in steps]
