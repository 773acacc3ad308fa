"""Sessions: the position of each in its scenario, its attempts and its one-shot steps."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from operator import is_
from typing import Any, NamedTuple

from cachetools import FIFOCache

from mockserver.engine.overlay import apply_scenario
from mockserver.engine.values import Settings
from mockserver.limits import DEFAULT_LIMITS, Limits
from mockserver.scenario import one_shot
from mockserver.scenario.machine import Scenario, Stored, Turn
from mockserver.scenario.matching import RequestFacts
from mockserver.scenario.one_shot import OneShot


@dataclass(slots=True)
class SessionState:
    """One isolated user. `scenario` and `as_of` are its own, or None where the server's apply.

    `places` are its positions in scenarios, by the name that a request asked for ("" for the session's own), and
    `waiting` are its one-shot steps. Both are plain data.
    """

    position: int = 0
    scenario: Scenario | None = None
    as_of: str | None = None
    attempts: FIFOCache[str, int] = field(default_factory=lambda: FIFOCache(DEFAULT_LIMITS.session_jobs))
    places: dict[str, Stored] = field(default_factory=dict)
    waiting: list[OneShot] = field(default_factory=list)


class Taken(NamedTuple):
    """A turn that was taken: the session's position before it, and the attempt (from 1) at the same job."""

    turn: Turn
    position: int
    attempt: int
    seed: int


class SessionStore:
    """The state of all sessions; the session that was idle longest is evicted if there are too many.

    `seed` replaces that of each scenario.
    """

    def __init__(self, scenario: Scenario, seed: int | None = None, limits: Limits = DEFAULT_LIMITS) -> None:
        self._seed, self.limits = seed, limits
        self.scenario = self._seeded(scenario)
        self._sessions = FIFOCache[str, SessionState](limits.sessions)
        self.waiting: list[OneShot] = []
        self._overlaid: tuple[tuple[Settings, Scenario, str | None], Settings] | None = None

    def take(self, name: str, asked: RequestFacts, picked: Scenario | None = None) -> Taken:
        """Take a session's turn for one request.

        `picked` is the scenario that the request itself names: it has its own position in each session.
        """
        session = self.session(name)
        scenario = self._seeded(picked) if picked else self.scenario_of(name)
        attempt = _attempt(session.attempts, asked.digest)
        asked = asked._replace(session=name, attempt=attempt)
        place = picked.name if picked else ""
        stored = session.places.get(place, {})
        turn, session.places[place], after = one_shot.take_turn(
            scenario, stored, (session.waiting, self.waiting), asked
        )
        session.waiting, self.waiting = after
        taken = Taken(turn, session.position, attempt, scenario.seed)
        session.position += 1
        return taken

    def may_respond_early(self, name: str, picked: Scenario | None = None) -> bool:
        scenario = picked or self.scenario_of(name)
        given = self.session(name).waiting or self.waiting
        return scenario.may_respond_early or (
            bool(given) and any(one["may_respond_early"] for one in (*self.session(name).waiting, *self.waiting))
        )

    def peek(self, name: str, asked: RequestFacts, picked: Scenario | None = None) -> Turn:
        session = self.session(name)
        scenario = self._seeded(picked) if picked else self.scenario_of(name)
        stored = session.places.get(picked.name if picked else "", {})
        asked = asked._replace(session=name)
        return one_shot.take_turn(scenario, stored, (session.waiting, self.waiting), asked)[0]

    def play(self, name: str | None, scenario: Scenario | None = None, as_of: str | None = None) -> None:
        """Start a scenario in a session, as of a date; None leaves the session's own.

        Without a name it becomes the server's scenario, and all sessions without one of their own start it again.
        """
        if scenario:
            scenario = self._seeded(scenario)
        if name is None:
            self.scenario = scenario or self.scenario
            for session in self._sessions.values():
                if session.scenario is None:
                    session.places.pop("", None)
            return
        old = self.session(name)
        session = self._new_session()
        session.scenario, session.as_of = scenario or old.scenario, as_of or old.as_of
        self._sessions[name] = session

    def scenario_of(self, name: str | None = None) -> Scenario:
        session = self._sessions.get(name) if name is not None else None
        return (session and session.scenario) or self.scenario

    def add_step(self, name: str | None, step: Mapping[str, Any]) -> None:
        """Add a step, as data, for the next matching request of one session, or of any.

        Raises ValueError if too many are queued.
        """
        queue = self.waiting if name is None else self.session(name).waiting
        if len(queue) >= self.limits.waiting_steps:
            raise too_many_steps(self.limits)
        queue.append(one_shot.new_one_shot(step))

    def settings_for(self, name: str, settings: Settings, picked: Scenario | None = None) -> Settings:
        session = self.session(name)
        scenario = picked or session.scenario or self.scenario
        wanted = settings, scenario, session.as_of or scenario.as_of
        # The same as for the request before, nearly always.
        if self._overlaid is None or not all(map(is_, wanted, self._overlaid[0])):
            self._overlaid = wanted, apply_scenario(*wanted)
        return self._overlaid[1]

    def reset(self, name: str | None = None) -> None:
        if name is None:
            self._sessions.clear()
            self.waiting.clear()
        else:
            self._sessions.pop(name, None)

    def count(self) -> int:
        return len(self._sessions)

    def restore(self, name: str, session: SessionState, waiting: list[OneShot]) -> None:
        self._sessions[name], self.waiting = session, waiting

    def _seeded(self, scenario: Scenario) -> Scenario:
        return scenario if self._seed is None else replace(scenario, seed=self._seed)

    def session(self, name: str) -> SessionState:
        self._sessions[name] = session = self._sessions.get(name) or self._new_session()
        return session

    def _new_session(self) -> SessionState:
        return SessionState(attempts=FIFOCache(self.limits.session_jobs))


def too_many_steps(limits: Limits) -> ValueError:
    return ValueError(f"{limits.waiting_steps} steps are waiting already; expected requests to take them")


def _attempt(attempts: FIFOCache[str, int], digest: str | None) -> int:
    if digest is None:
        return 1
    attempts[digest] = attempts.get(digest, 0) + 1
    return attempts[digest]
