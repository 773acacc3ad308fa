"""Sessions in Redis, behind SessionStore: a turn is decided on a copy, and taken there if all is as it was.

Plain methods work on the copy, which `learn` brought up to date; what they change is noted in the visit.
"""

import asyncio
import json
import uuid
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

from cachetools import FIFOCache, LRUCache

from mockserver.scenario import one_shot
from mockserver.scenario.machine import Scenario
from mockserver.scenario.matching import RequestFacts
from mockserver.scenario.one_shot import OneShot
from mockserver.state import sessions
from mockserver.state.redis import serialize
from mockserver.state.redis.client import Link
from mockserver.state.redis.unit_of_work import current
from mockserver.state.server_state import StateUnavailable
from mockserver.state.sessions import SessionState, SessionStore, Taken

# How often a turn is decided anew because somebody else was faster; each time somebody was served.
TRIES = 1_000
PARCELS = 100


@dataclass(slots=True)
class Copy(SessionState):
    """A session as Redis held it: `version` changes with it, `begun` is the server's scenario that its place is of."""

    version: str = ""
    begun: str = ""


class Sessions(SessionStore):
    """The state of all sessions in Redis. `meet` brings the copy of one up to date."""

    def __init__(self, scenario: Scenario, seed: int | None, link: Link) -> None:
        super().__init__(scenario, seed)
        self.started = scenario
        self.meet: Callable[[str], Coroutine[Any, Any, object]] | None = None
        self._link = link
        self._version = self._played = ""
        self._parcels = LRUCache[str, Scenario](PARCELS)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def learn(self, name: str, meta: Sequence[str], own: Sequence[str], queues: Sequence[list[OneShot]]) -> None:
        """What Redis holds of the server (version, scenario, when it began) and of a session.

        Of that: version, place, scenario, and the last job with the number of its attempts.
        Raises KeyError with the label of a scenario that has to be learned first.
        """
        version, label, played = meta
        scenario = self._parcels[label]
        told, data = own[0], json.loads(own[1] or "{}")
        mine = self._parcels[own[2]] if own[2] else None
        begun, places = data.get("begun", ""), data.get("places", {})
        if mine is None and begun != played:
            places.pop("", None)
        self._version, self._played = version, played
        self.scenario = self._seeded(scenario)
        self._waiting = queues[0]
        session = self._session(name)
        # Those of other jobs are only guessed here: Redis says whether the guess was right.
        attempts = session.attempts if told else FIFOCache[str, int](sessions.JOBS)
        if own[3]:
            attempts[own[3]] = int(own[4])
        copy = Copy(data.get("position", 0), mine, data.get("as_of"), attempts, places)
        copy.waiting, copy.version, copy.begun = queues[1], told, played
        self._sessions[name] = copy

    def know(self, label: str, text: str | bytes) -> None:
        """A scenario, by the label of its text."""
        self._parcels[label] = self._seeded(serialize.unpack(text))

    async def take(self, name: str, asked: RequestFacts, picked: Scenario | None = None) -> Taken:
        """As Memory does. The number of the journal's entry comes with the turn. Raises StateUnavailable."""
        lock = self._locks.setdefault(name, asyncio.Lock())
        async with lock:
            for _ in range(TRIES):
                copy = self._copy(name)
                taken, data, queues = self._decide(name, copy, asked, picked)
                if await self._taken(name, copy, asked.digest, data, queues):
                    return taken
        raise StateUnavailable(f"the session {name} is asked for by too many at once")

    def _copy(self, name: str) -> Copy:
        session = self._session(name)
        return session if isinstance(session, Copy) else Copy()

    def _decide(
        self, name: str, copy: Copy, asked: RequestFacts, picked: Scenario | None
    ) -> tuple[Taken, dict[str, Any], list[list[OneShot]]]:
        """A turn, and what there is to remember of it: nothing of the copy changes."""
        scenario = self._seeded(picked) if picked else copy.scenario or self.scenario
        attempt = copy.attempts.get(asked.digest, 0) + 1 if asked.digest is not None else 1
        place = picked.name if picked else ""
        asked = asked._replace(session=name, attempt=attempt)
        queues = (copy.waiting, self._waiting)
        turn, stored, after = one_shot.take_turn(scenario, copy.places.get(place, {}), queues, asked)
        places = {**copy.places, place: stored}
        data = {"position": copy.position + 1, "as_of": copy.as_of, "places": places, "begun": self._played}
        return Taken(turn, copy.position, attempt, scenario.seed), data, after

    async def _taken(
        self, name: str, copy: Copy, job: str | None, data: Mapping[str, Any], queues: list[list[OneShot]]
    ) -> bool:
        """Take a decided turn, unless something has changed; the copy is then what Redis holds."""
        own, general = queues
        token = uuid.uuid4().hex
        lists = [
            _texts(after) if after != before else None
            for after, before in ((general, self._waiting), (own, copy.waiting))
        ]
        words: list[str | int] = [name, token, 0, self._version, copy.version, json.dumps(data), job or ""]
        words += [copy.attempts.get(job or "", 0), sessions.SESSIONS, sessions.JOBS]
        words += [-1 if one is None else len(one) for one in lists]
        words += [text for one in lists if one is not None for text in one]
        try:
            answer = await self._link.run("take", *words)
        except StateUnavailable:
            # It may have been taken; the token says so, and keeps it from being taken twice.
            words[2] = 1
            answer = await self._link.run("take", *words)
        if not answer[0]:
            if not answer[2]:
                assert self.meet is not None
                await self.meet(name)
                copy = self._copy(name)
            copy.attempts.update({job: int(answer[1])} if job is not None else {})
            return False
        visit = current()
        visit.entry, visit.generation = answer[1], answer[2]
        attempts = copy.attempts if job is None else sessions.counted(copy.attempts, job)
        after = Copy(data["position"], copy.scenario, copy.as_of, attempts, data["places"], own, token, self._played)
        self._sessions[name] = after
        self._version, self._waiting = (token, general) if lists[0] is not None else (self._version, self._waiting)
        return True

    def play(self, name: str | None, scenario: Scenario | None = None, as_of: str | None = None) -> None:
        """As Memory does, for all workers."""
        super().play(name, scenario, as_of)
        played = scenario if name is not None else self.scenario
        text = serialize.pack(played) if played else ""
        label = serialize.label(text) if played else ""
        nonce = uuid.uuid4().hex
        if name is not None:
            data = json.dumps({"as_of": self._sessions[name].as_of, "begun": self._played})
            current().note("play", name, nonce, label, text, data, sessions.SESSIONS)
        else:
            current().note("play", "", nonce, label, text)

    def add_step(self, name: str | None, step: Mapping[str, Any]) -> None:
        """As Memory does, for all workers. What several give at once may go a little beyond the bound."""
        super().add_step(name, step)
        text = json.dumps(one_shot.new_one_shot(step))
        current().note("give", name or "", uuid.uuid4().hex, text, sessions.SESSIONS)

    def reset(self, name: str | None = None) -> None:
        """As Memory does, for all workers."""
        super().reset(name)
        current().note("reset", name or "", uuid.uuid4().hex)


def _texts(queue: Sequence[OneShot]) -> list[str]:
    return [json.dumps(one) for one in queue]
