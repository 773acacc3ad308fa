"""The state machine of a scenario: which step responds to a request of a session.

A scenario is a list of steps. For each request, the first step responds that

- is not used up: it has responded fewer than `times` times since the beginning, and
- matches: the session is in one of its states, its `when` holds, and the draw for its `chance` succeeds.

If there is none, `then` decides. `repeat` forgets the counts and starts from the first step, if any step matches then;
`hold` stays with the last step that matches, used up or not; `ok` lets the API respond as it would. With `repeat` and
`hold`, a request that no step matches is reported as unmatched. Each request of a session takes exactly one turn, also
a request that the API rejects. Limits per minute are checked only where the API itself would respond.

Everything here is pure. A session's position is plain data (`Stored`), passed in and returned, so that Redis can store
it as JSON. Chances are drawn by hashing seed, session and position: neither the order of sessions nor the worker
that serves a request may change a draw. A step is identified by its number, which must not change while a session
is under way.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from mockserver.core.rng import draw_int
from mockserver.scenario import rate_limits
from mockserver.scenario.faults import table
from mockserver.scenario.faults.fault import RequestedFault
from mockserver.scenario.matching import RequestFacts
from mockserver.scenario.rate_limits import LimitExceeded
from mockserver.scenario.when import matches

# The state in which every session begins.
START = "start"
# A session's place in a scenario: `position` counts its turns, `state` is the named state, `counts` how often each step
# (by number) has responded since the beginning, `levels` what is left of the limits. Defaults may be missing.
Stored: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of a scenario, for `times` requests (None: without a limit).

    It responds with `error`, a family of the catalogue, or with `reply`, or (if both are None) as the API would, with
    what `ok` fixes; `pictures` are the bytes of the files that `ok` names. `retry_after` is in seconds. An empty
    `state` matches any state. After the step the session is in `then_state`, if there is one. `faults` are applied to
    the response, whatever it is.
    """

    number: int
    error: str | None = None
    times: int | None = 1
    retry_after: float | None = None
    when: Mapping[str, Any] = field(default_factory=dict)
    chance: float = 1
    state: tuple[str, ...] = ()
    then_state: str | None = None
    ok: Mapping[str, Any] = field(default_factory=dict)
    pictures: tuple[bytes, ...] = field(default=(), repr=False)
    reply: Mapping[str, Any] | None = None
    faults: tuple[RequestedFault, ...] = ()

    @property
    def may_respond_early(self) -> bool:
        return any(fault.name == "early" for fault in self.faults)

    def matches(self, request: RequestFacts, state: str, draw_chance: Callable[[int], float]) -> bool:
        """True if the step could respond, used up or not."""
        in_state = not self.state or state in self.state
        return in_state and matches(self.when, request) and (self.chance >= 1 or draw_chance(self.number) < self.chance)

    def is_left(self, counts: Mapping[str, int]) -> bool:
        return self.times is None or counts.get(str(self.number), 0) < self.times


class Turn(NamedTuple):
    """What a scenario decides for one request. `step` is None where the API responds as it would.

    `unmatched` means that no step matched, though one should have. `one_shot` means that the step was queued for this
    request and is not the scenario's. `limited` is the limit that the request exceeds.
    """

    scenario: str
    step: Step | None
    unmatched: bool = False
    one_shot: bool = False
    limited: LimitExceeded | None = None

    @property
    def faults(self) -> tuple[RequestedFault, ...]:
        return self.step.faults if self.step else ()

    def to_json(self) -> dict[str, Any]:
        return {
            "scenario": self.scenario,
            "step": None if self.one_shot else self.step and self.step.number,
            "unmatched": self.unmatched,
            "one_shot": self.one_shot,
            "limited": self.limited and self.limited.name,
            "faults": [],
            "hostile": False,
        }


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario that has been read and checked. `then` is `repeat`, `hold` or `ok`.

    `as_of`, `auth` (with `keys`), `latency` (`none`, `realistic` or seconds), `paint`, `validate` and `dialect`
    override the server's settings, and `accept` names guesses that are not enforced. `limits` are per minute, `urls`
    are the bytes of the images at URLs that requests may name. `data` is the whole scenario as a file would state it;
    `folder` is the folder of its file. It `may_respond_early` if any of its steps may.
    """

    name: str
    steps: tuple[Step, ...]
    then: str = "repeat"
    about: str = ""
    seed: int = 0
    as_of: str | None = None
    accept: frozenset[str] = frozenset()
    auth: str | None = None
    keys: frozenset[str] = frozenset()
    latency: str | float | None = None
    paint: str | None = None
    validate: str | None = None
    dialect: str | None = None
    urls: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    limits: Mapping[str, int] = field(default_factory=dict)
    moderation: tuple[Mapping[str, Any], ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    folder: Path | None = field(default=None, compare=False)
    may_respond_early: bool = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "may_respond_early", any(step.may_respond_early for step in self.steps))

    def take_turn(self, stored: Stored, request: RequestFacts) -> tuple[Turn, Stored]:
        step, counts, state = self._choose_step(stored, request)
        limited, levels = None, stored.get("levels", {})
        if self.limits and request.needs and (step is None or not (step.error or step.reply is not None)):
            limited, levels = rate_limits.consume(self.limits, levels, request.needs, request.now)
        if step:
            counts = {**counts, str(step.number): counts.get(str(step.number), 0) + 1}
            state = step.then_state or state
        after = {"position": stored.get("position", 0) + 1, "counts": counts, "state": state, "levels": levels}
        return Turn(self.name, step, step is None and self.then != "ok", limited=limited), after

    def _choose_step(self, stored: Stored, request: RequestFacts) -> tuple[Step | None, Mapping[str, int], str]:
        position, counts, state = stored.get("position", 0), stored.get("counts", {}), stored.get("state", START)

        def draw_chance(number: int) -> float:
            return draw_int(self.seed, request.session, position, f"chance/{number}") / 2**64

        def first(steps: Iterable[Step], counts: Mapping[str, int]) -> Step | None:
            for step in steps:
                if step.is_left(counts) and step.matches(request, state, draw_chance):
                    return step
            return None

        step = first(self.steps, counts)
        if step is None and self.then == "repeat":
            step = first(self.steps, {})
            counts = {} if step else counts
        if step is None and self.then == "hold":
            step = first(reversed(self.steps), {})
        return step, counts, state


def build(data: Mapping[str, Any], pictures: Mapping[str, bytes] | None = None, folder: Path | None = None) -> Scenario:
    """A Scenario from data that satisfies the schema and names errors by family.

    `pictures` are the bytes of the files that the data names.
    """
    steps = tuple(build_step(step, number, pictures) for number, step in enumerate(data["steps"], 1))
    names = ("then", "about", "as_of", "latency", "paint", "validate", "dialect")
    settings = {key: data[key] for key in names if key in data}
    auth = data.get("auth")
    if isinstance(auth, Mapping):
        settings |= {"auth": "exact", "keys": frozenset(auth["exact"])}
    elif auth:
        settings["auth"] = auth
    # JSON Schema accepts 7.0 as an integer; it must draw the same as 7.
    return Scenario(
        data["scenario"],
        steps,
        seed=int(data.get("seed", 0)),
        accept=frozenset(data.get("accept", ())),
        limits={name: int(limit) for name, limit in data.get("limits", {}).items()},
        moderation=tuple(data.get("moderation", ())),
        urls={url: (pictures or {})[name] for url, name in data.get("urls", {}).items()},
        data=data,
        folder=folder,
        **settings,
    )


def build_step(data: Mapping[str, Any], number: int, pictures: Mapping[str, bytes] | None = None) -> Step:
    times, fixed = data.get("times", 1), data.get("ok", {})
    return Step(
        number,
        data.get("error"),
        None if times == "forever" else int(times),
        data.get("retry_after"),
        when=data.get("when", {}),
        chance=data.get("chance", 1),
        state=required_states(data),
        then_state=data.get("then_state"),
        ok=fixed,
        pictures=tuple((pictures or {})[name] for name in fixed.get("pictures", ())),
        reply=data.get("reply"),
        faults=table.parse_faults(data.get("faults", ())),
    )


def required_states(step: Mapping[str, Any]) -> tuple[str, ...]:
    state = step.get("state", ())
    return (state,) if isinstance(state, str) else tuple(state)
