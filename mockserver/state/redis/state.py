"""The state of several servers in one Redis.

Rules. Every operation is one Lua script, so it happens completely or not at all, and scripts of different workers never
interleave. A worker keeps nothing that another could change: it loads a session before it responds, decides on that
snapshot with the same code as in memory, and stores the outcome.

Turns. `take` stores a decided turn only if neither the session nor what all sessions share has changed since the
snapshot; otherwise the turn is decided again on a new one. A response of Redis may be lost: a turn has a token, and
asked again with the same token `take` returns the turn instead of taking another. Nothing else is retried that may have
run.

Journal. A turn comes with the number of its entry, so numbers rise over all workers. `record` stores the entry before
the first byte of the response is sent, `complete` before the last byte, so a client that has a response finds it in the
journal of every worker. A response of one piece is stored as complete at once, which saves a round trip, and is
corrected if its client has gone.

Restarts. `epoch` names a Redis that was never emptied; without one, the scenario that the server was started with
begins again. `generation` names a journal: an entry numbered before a reset is not added after it.

Cached are only values that never change under their key: scenarios by the digest of their text, the bytes of uploads,
and which images Redis is believed to hold. `record` says so when that belief is wrong.
"""

import asyncio
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from weakref import WeakValueDictionary

from cachetools import FIFOCache, LRUCache

from mockserver.core.uploads import Upload
from mockserver.engine.values import Settings
from mockserver.journal.repeats import RepeatTracker
from mockserver.journal.store import Journal
from mockserver.limits import DEFAULT_LIMITS, Limits
from mockserver.scenario import one_shot
from mockserver.scenario.loader import find_scenario
from mockserver.scenario.machine import Scenario
from mockserver.state.clock import Clock
from mockserver.state.redis import serialize
from mockserver.state.redis.client import Client
from mockserver.state.redis.images import RedisImages
from mockserver.state.redis.journal import JournalCopy
from mockserver.state.redis.session import RedisSession
from mockserver.state.redis.snapshot import SessionUploads, Snapshot
from mockserver.state.server_state import ServerState, Sizes, Time
from mockserver.state.session import Session
from mockserver.state.sessions import too_many_steps

SCENARIOS = 100
# A worker remembers so many images that Redis holds.
IMAGES = 10_000


class RedisState(ServerState):
    """A server whose state is at a URL. Raises ValueError for an invalid one.

    `scenario` is what the server was started with; `seed` replaces that of every scenario.
    """

    def __init__(
        self,
        settings: Settings,
        client: Client,
        scenario: Scenario,
        seed: int | None,
        clock: Clock,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        super().__init__(settings, clock=clock, limits=limits)
        self.client, self.seed = client, seed
        self.journal, self.repeats = JournalCopy(limits), RepeatTracker(limits)
        self.images, self.image_bytes = RedisImages(client), limits.journal_image_bytes
        self.known_images = FIFOCache[str, str](IMAGES)
        self._start_scenario = scenario
        self._scenarios = FIFOCache[str, Scenario](SCENARIOS)
        self._contents = LRUCache[tuple[str, str], bytes](limits.session_upload_bytes, len)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def start(self) -> None:
        self.client.quiet = True  # the caller reports the error
        try:
            await self._start(is_new=True)
        finally:
            self.client.quiet = False

    async def _start(self, is_new: bool) -> None:
        """Play the server's scenario. If it is not new, only if Redis lost its data and has no scenario."""
        text = serialize.pack(self._start_scenario)
        await self.client.run("start", serialize.label(text), text, uuid.uuid4().hex, int(is_new))

    async def close(self) -> None:
        await self.client.close()

    def lock(self, session: str) -> asyncio.Lock:
        return self._locks.setdefault(session, asyncio.Lock())

    async def open_session(self, name: str, scenario: str | None = None) -> Session:
        snapshot = await self.load(name)
        named = find_scenario(scenario, snapshot.scenario.folder) if scenario is not None else None
        return RedisSession(self, name, named, snapshot, await self.load_uploads(name, snapshot))

    async def load(self, name: str) -> Snapshot:
        while True:
            shared, own, *rest = await self.client.read("meet", name)
            epoch, version, label, begun, ahead, upload_bytes = ((value or b"").decode() for value in shared)
            if not epoch:
                await self._start(is_new=False)
                continue
            session_version, data, own_label, job, attempt, own_ahead = (value.decode() for value in own)
            if not {label, own_label} - {""} <= self._scenarios.keys():
                await self._load_scenarios(name)
                continue
            waiting, own_waiting, uploads, upload_sessions = rest
            return Snapshot(
                scenario=self._scenarios[label],
                version=version,
                begun=begun,
                session_version=session_version,
                own_scenario=self._scenarios[own_label] if own_label else None,
                data=json.loads(data or "{}"),
                attempts={job: int(attempt)} if job else {},
                waiting=[json.loads(step) for step in waiting],
                own_waiting=[json.loads(step) for step in own_waiting],
                advanced=(float(ahead or 0), float(own_ahead or 0)),
                uploads=_parse_uploads(uploads),
                upload_bytes=int(upload_bytes or 0),
                upload_sessions=int(upload_sessions),
            )

    async def _load_scenarios(self, name: str) -> None:
        for owner in ("", name):
            label, text = await self.client.read("parcel", owner)
            if label:
                scenario = serialize.unpack(text)
                seeded = scenario if self.seed is None else replace(scenario, seed=self.seed)
                self._scenarios[label.decode()] = seeded

    async def load_uploads(self, name: str, snapshot: Snapshot) -> SessionUploads:
        keys = {about["id"]: (about["id"], about["digest"]) for about in snapshot.uploads}
        contents = {id: self._contents.get(key) for id, key in keys.items()}
        missing = [id for id, data in contents.items() if data is None]
        if missing:
            contents |= dict(zip(missing, await self.client.read("contents", name, *missing), strict=True))
        uploads = SessionUploads(self.limits, snapshot.upload_bytes, snapshot.upload_sessions)
        for about in snapshot.uploads:
            data = contents[about["id"]]
            if data is not None:  # else another request has deleted it
                self._contents[keys[about["id"]]] = data
                uploads.put(name, Upload(**about, data=data))
        return uploads

    def held_image(self, digest: str) -> bytes | None:
        return None

    async def scenario(self, session: str | None = None) -> Scenario:
        snapshot = await self.load(session or "")
        return (session is not None and snapshot.own_scenario) or snapshot.scenario

    async def play(self, session: str | None, scenario: Scenario | None = None, as_of: str | None = None) -> None:
        snapshot = await self.load(session or "")
        played = scenario or (snapshot.scenario if session is None else None)
        text = serialize.pack(played) if played else ""
        label = serialize.label(text) if played else ""
        data = json.dumps({"as_of": as_of or snapshot.data.get("as_of"), "begun": snapshot.begun})
        await self.client.run("play", session or "", uuid.uuid4().hex, label, text, data, self.limits.sessions)

    async def add_step(self, session: str | None, step: Mapping[str, Any]) -> None:
        text, limits = json.dumps(one_shot.new_one_shot(step)), (self.limits.sessions, self.limits.waiting_steps)
        if not await self.client.run("give", session or "", uuid.uuid4().hex, text, *limits):
            raise too_many_steps(self.limits)

    async def reset(self, session: str | None = None) -> None:
        await self.client.run("reset", session or "", uuid.uuid4().hex, self.journal.limit)

    async def time(self, session: str | None = None) -> Time:
        clock = self.session_clock(session or "", await self.load(session or ""))
        return Time(clock(session), clock.advanced(session))

    def session_clock(self, name: str, snapshot: Snapshot) -> Clock:
        clock = Clock(self.clock.base, self.clock.watch, self.limits)
        clock.restore(*snapshot.advanced, name)
        return clock

    async def advance(self, seconds: float, session: str | None = None) -> Time:
        clock = self.session_clock(session or "", await self.load(session or ""))
        clock.advance(seconds, session)
        await self.client.run("advance", session or "", repr(seconds), self.limits.sessions)
        return Time(clock(session), clock.advanced(session))

    async def read_journal(self) -> Journal:
        journal = self.journal
        meta, numbers, changed = await self.client.read("pull", journal.epoch, journal.revision, journal.limit)
        journal.update(meta, numbers, changed)
        return journal

    async def clear_journal(self, session: str | None = None) -> None:
        await self.client.run("clear", session or "", self.journal.limit)

    async def report_result(self, entry_id: str, result: str) -> None:
        await self.client.run("tell", int(entry_id[1:]), result)

    async def find_image(self, sha256: str) -> tuple[bytes, str] | None:
        return await asyncio.to_thread(self.images.find, sha256)

    async def was_image_dropped(self, sha256: str) -> bool:
        return bool((await self.client.read("find", "sha256", sha256))[0])

    async def find_image_by_name(self, start: str) -> tuple[bytes, str] | None:
        return await asyncio.to_thread(self.images.named, start)

    async def sizes(self) -> Sizes:
        return Sizes(*await self.client.read("sizes", self.journal.limit))


def connect(
    url: str,
    settings: Settings,
    scenario: Scenario,
    seed: int | None,
    clock: Clock,
    say: Callable[[str], object] = lambda line: None,
    limits: Limits = DEFAULT_LIMITS,
) -> RedisState:
    return RedisState(settings, Client(url, say), scenario, seed, clock, limits)


def _parse_uploads(rows: list[bytes]) -> list[Mapping[str, Any]]:
    numbered = sorted((int(number), json.loads(about)) for number, about in (row.split(b" ", 1) for row in rows))
    return [about for _, about in numbered]
