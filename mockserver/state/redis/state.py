"""A server whose state is in Redis: brings copies up to date before a request, and makes its changes after it."""

import contextlib
import json
import time
import uuid
from collections.abc import Callable
from typing import TypeVar

from starlette.types import Message, Send

from mockserver.core.plan import Plan, as_single_chunk
from mockserver.engine.values import Settings
from mockserver.journal.send_log import SendLog
from mockserver.scenario.machine import Scenario
from mockserver.state.memory import MemoryState
from mockserver.state.redis import serialize
from mockserver.state.redis.client import Link
from mockserver.state.redis.journal import SharedJournal, SharedPictures, complete, opening
from mockserver.state.redis.sessions import Sessions
from mockserver.state.redis.unit_of_work import begin, current
from mockserver.state.redis.uploads import SharedClock, SharedFiles
from mockserver.state.server_state import ServerState, StateUnavailable

T = TypeVar("T")


def shared(
    url: str,
    settings: Settings,
    scenario: Scenario,
    seed: int | None,
    base: Callable[[], float],
    say: Callable[[str], object] = lambda line: None,
) -> ServerState:
    """A server whose state is in the Redis at a URL. Raises ValueError for a URL that is none."""
    link = Link(url, say)
    # Waits are measured by a clock that all machines have.
    server = MemoryState(
        settings, Sessions(scenario, seed, link), SharedJournal(link), SharedFiles(), SharedClock(base, time.time)
    )
    server.shared = Sharing(server, link)
    return server


class Sharing:
    """What happens around each request of a server."""

    def __init__(self, server: ServerState, link: Link) -> None:
        assert isinstance(server.sessions, Sessions)
        assert isinstance(server.journal, SharedJournal)
        assert isinstance(server.journal.pictures, SharedPictures)
        assert isinstance(server.uploads, SharedFiles)
        assert isinstance(server.clock, SharedClock)
        self.server, self.link = server, link
        self._state, self._journal, self._files, self._clock = (
            server.sessions,
            server.journal,
            server.uploads,
            server.clock,
        )
        self._pictures = server.journal.pictures
        self._state.meet = self.meet

    async def start(self, fresh: bool = True) -> None:
        """Play the server's scenario, unless an earlier server began with the same. Raises StateUnavailable.

        Without `fresh`, only where there is none at all: Redis has lost what it held.
        """
        text = serialize.pack(self._state.started)
        # Whoever begins is told by the error itself.
        self.link.quiet = fresh
        try:
            await self.link.run("start", serialize.label(text), text, uuid.uuid4().hex, int(fresh))
        finally:
            self.link.quiet = False

    async def meet(self, session: str) -> None:
        """Bring all up to date that an answer to a session depends on. Raises StateUnavailable."""
        while True:
            meta, own, *rest = await self.link.ask("meet", session)
            epoch, version, label, played, ahead, size = ((one or b"").decode() for one in meta)
            if not epoch:
                await self.start(fresh=False)
                continue
            general, mine, files, holders = rest
            queues = [[json.loads(one) for one in queue] for queue in (general, mine)]
            told = [one.decode() for one in own]
            try:
                self._state.learn(session, (version, label, played), told[:5], queues)
            except KeyError:
                await self._acquaint(session)
                continue
            self._clock.learn(session, float(ahead or 0), float(told[5] or 0))
            await self._fetch(session, files, (int(size or 0), holders))
            return

    async def _acquaint(self, session: str) -> None:
        """Learn the scenarios of the server and of a session."""
        for whose in ("", session):
            label, text = await self.link.ask("parcel", whose)
            if label:
                self._state.know(label.decode(), text)

    async def _fetch(self, session: str, files: list[bytes], totals: tuple[int, int]) -> None:
        """Learn the files of a session, with the bytes of those that are new."""
        numbered = sorted((int(number), json.loads(about)) for number, about in (one.split(b" ", 1) for one in files))
        told = [about for _, about in numbered]
        missing = self._files.missing(session, told)
        contents = await self.link.ask("contents", session, *missing) if missing else []
        held = dict(zip(missing, contents, strict=True))
        # What another has removed meanwhile is not there any more.
        there = [one for one in told if held.get(one["id"], b"") is not None]
        self._files.learn(session, there, {name: data for name, data in held.items() if data is not None}, totals)

    def begin(self) -> None:
        """Begin the visit of a request."""
        begin()

    async def pull(self) -> None:
        """Bring the journal up to date. Raises StateUnavailable."""
        self._journal.learn(
            *await self.link.ask("pull", self._journal.epoch, self._journal.revision, self._journal.limit)
        )

    async def push(self) -> None:
        """Make the changes of the visit under way, all or none. Raises StateUnavailable."""
        visit = current()
        changes, visit.changes = visit.changes, []
        if changes:
            await self.link.run_all(changes)

    async def keep(self, send: Send, plan: Plan, trail: SendLog, now: Callable[[], float]) -> Send:
        """Keep what the answer of this visit leaves behind, before its first byte leaves. Raises StateUnavailable.

        Returns the `send` for the answer: before the last byte leaves, the entry says that it has. Of an answer in one
        piece it says so at once, for all of it leaves then: two ways to Redis less.
        """
        visit, at_once = current(), as_single_chunk(plan)
        noted, visit.foreseen = visit.noted, trail.foreseen(at_once[1]) if at_once else None
        assert noted is not None
        pictures = await self._pictures.kept(visit)
        opening(visit, self._journal.limit)
        repeated = len(pictures) + len(visit.changes) - 1
        if visit.foreseen:
            complete(visit, now())
        changes, visit.changes = visit.changes, []
        answers = await self.link.run_all([*(short for short, _ in pictures), *changes])
        if len(answers) <= repeated:  # Redis does not hold what was left out
            answers = await self.link.run_all([*(whole for _, whole in pictures), *changes])
        self._pictures.learn(visit.digests)
        before, waited = answers[repeated]
        noted["repeats"] = before.decode() or None
        noted["waited"] = float(waited) if waited else None

        async def last(message: Message) -> None:
            if message["type"] == "http.response.body" and not message.get("more_body"):
                noted["answer"]["complete"] = True
                complete(visit, now())
                try:
                    await self.finish()
                finally:
                    noted["answer"]["complete"] = False
            await send(message)

        return send if visit.foreseen else last

    async def finish(self) -> None:
        """Make the changes of a visit whose answer is on its way: nobody can be told any more that they failed."""
        with contextlib.suppress(StateUnavailable):  # of which the link has told the user
            await self.push()

    async def close(self) -> None:
        """Hang up, as far as the running loop is concerned."""
        await self.link.close()

    async def visiting(self, work: Callable[[], T]) -> T:
        """Run a function from outside of any request: on a journal that is up to date, its changes made."""
        begin()
        await self.meet("")
        await self.pull()
        result = work()
        await self.push()
        return result
