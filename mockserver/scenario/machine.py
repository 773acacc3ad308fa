"""The state machine of a scenario: which step answers a wire request of a session. Pure; sends nothing.

What it remembers of a session is plain data (`Stored`), which it is given and gives back.
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
# A session's place in a scenario: `position` counts its turns, `state` is the named one, `counts` says how often each
# step (by number) has answered since the beginning, `levels` what is left of the limits. Only what differs is there.
Stored: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of a scenario, for `times` wire requests (None: for ever).

    It answers with `error`, a family of the catalogue, or with `reply`, or (both None) as the API would, with what `ok`
    fixes; `pictures` are the bytes of the files that `ok` names. `retry_after` is in seconds. It answers only requests
    that meet `when`, in one of the states of `state` (empty: in any), and only with `chance`; then the session is in
    the state `then_state`, if there is one. `faults` are done to the answer, whatever it is.
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
        """May it answer before the body of a request has been read?"""
        return any(fault.name == "early" for fault in self.faults)

    def fits(self, asked: RequestFacts, state: str, chance: Callable[[int], float]) -> bool:
        """Could this step answer, were it not used up?"""
        there = not self.state or state in self.state
        return there and matches(self.when, asked) and (self.chance >= 1 or chance(self.number) < self.chance)

    def left(self, counts: Mapping[str, int]) -> bool:
        """Is it not used up?"""
        return self.times is None or counts.get(str(self.number), 0) < self.times


class Turn(NamedTuple):
    """What a scenario says to one wire request. `step` is None where the scenario has nothing to say.

    It is `unmatched` where it should have had: no step fits, also from the beginning. `one_shot` says that the step is
    none of the scenario's, but was given for this request. `limited` is the limit that the request runs into.
    """

    scenario: str
    step: Step | None
    unmatched: bool = False
    one_shot: bool = False
    limited: LimitExceeded | None = None

    @property
    def faults(self) -> tuple[RequestedFault, ...]:
        """What the step does to its answer."""
        return self.step.faults if self.step else ()

    def described(self) -> dict[str, Any]:
        """The turn as the journal shows it; steps count from 1."""
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
    """A scenario that has been read and found good. `then` is `repeat`, `hold` or `ok`.

    `as_of`, `auth` (with `keys`), `latency` (`none`, `realistic` or seconds), `paint`, `validate` and `dialect`
    override the server's where they are given, and `accept` names guesses of ours that are not to be enforced.
    `limits` are per minute, `urls` holds what stands at URLs that requests may name. `data` is all of it as a file
    would say it; `folder` is where its file lies. It is `hasty` where a step may answer before the
    body of a request has been read.
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

    def turn(self, stored: Stored, asked: RequestFacts) -> tuple[Turn, Stored]:
        """The turn of a session that asks for this, and what there is to remember of it afterwards.

        The first step answers that is not used up and fits. When there is none, `repeat` begins again if a step then
        fits, `hold` stays with the last one that fits, and `ok` has nothing more to say.
        """
        position, counts, state = stored.get("position", 0), stored.get("counts", {}), stored.get("state", START)

        def chance(number: int) -> float:
            return draw_int(self.seed, asked.session, position, f"chance/{number}") / 2**64

        def first(steps: Iterable[Step], counts: Mapping[str, int]) -> Step | None:
            for step in steps:
                if step.left(counts) and step.fits(asked, state, chance):
                    return step
            return None

        step = first(self.steps, counts)
        if step is None and self.then == "repeat":
            step = first(self.steps, {})
            counts = {} if step else counts
        if step is None and self.then == "hold":
            step = first(reversed(self.steps), {})
        limited, levels = None, stored.get("levels", {})
        if self.limits and asked.needs and (step is None or not (step.error or step.reply is not None)):
            limited, levels = rate_limits.consume(self.limits, levels, asked.needs, asked.now)
        if step:
            counts = {**counts, str(step.number): counts.get(str(step.number), 0) + 1}
            state = step.then_state or state
        after = {"position": position + 1, "counts": counts, "state": state, "levels": levels}
        return Turn(self.name, step, step is None and self.then != "ok", limited=limited), after


def build(data: Mapping[str, Any], pictures: Mapping[str, bytes] | None = None, folder: Path | None = None) -> Scenario:
    """A Scenario from the data of a file that satisfies its schema, errors given as families.

    `pictures` holds the bytes of the files that it names.
    """
    steps = tuple(build_step(step, number, pictures) for number, step in enumerate(data["steps"], 1))
    names = ("then", "about", "as_of", "latency", "paint", "validate", "dialect")
    settings = {key: data[key] for key in names if key in data}
    auth = data.get("auth")
    if isinstance(auth, Mapping):
        settings |= {"auth": "exact", "keys": frozenset(auth["exact"])}
    elif auth:
        settings["auth"] = auth
    # JSON Schema takes 7.0 for an integer too; the seed must draw the same.
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
    """A Step from its data."""
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
    """The states that a step's data asks for; none where any will do."""
    state = step.get("state", ())
    return (state,) if isinstance(state, str) else tuple(state)
