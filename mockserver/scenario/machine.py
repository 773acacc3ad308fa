"""The state machine of a scenario: which step answers the n-th wire request of a session. Pure; sends nothing."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from mockserver.scenario.faults import table
from mockserver.scenario.faults.fault import Ordered


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of a scenario, for `times` wire requests in a row.

    `error` is a family of the catalogue, or None where the answer is what the API would say.
    `retry_after` is in seconds. `faults` are done to the answer, whatever it is.
    """

    number: int
    error: str | None = None
    times: int = 1
    retry_after: float | None = None
    faults: tuple[Ordered, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """What a scenario says to one wire request. `step` is None where the scenario has nothing more to say."""

    scenario: str
    step: Step | None

    @property
    def faults(self) -> tuple[Ordered, ...]:
        """What the step does to its answer."""
        return self.step.faults if self.step else ()

    def described(self) -> dict[str, Any]:
        """The turn as the journal shows it; steps count from 1."""
        return {"scenario": self.scenario, "step": self.step and self.step.number, "faults": []}


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario that has been read and found good. `then` is `repeat`, `hold` or `ok`.

    `as_of` overrides the server's, and `accept` names guesses of ours that are not to be enforced.
    """

    name: str
    steps: tuple[Step, ...]
    then: str = "repeat"
    about: str = ""
    seed: int = 0
    as_of: str | None = None
    accept: frozenset[str] = frozenset()
    _ends: tuple[int, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_ends", tuple(accumulate(step.times for step in self.steps)))

    def turn(self, position: int) -> Turn:
        """The turn of a session that has taken `position` turns before."""
        total = self._ends[-1]
        if position >= total and self.then == "ok":
            return Turn(self.name, None)
        place = position % total if self.then == "repeat" else min(position, total - 1)
        return Turn(self.name, self.steps[bisect_right(self._ends, place)])


def build(data: Mapping[str, Any]) -> Scenario:
    """A Scenario from the data of a file that satisfies its schema, errors given as families."""
    steps = tuple(
        Step(
            number,
            step.get("error"),
            int(step.get("times", 1)),
            step.get("retry_after"),
            table.ordered(step.get("faults", ())),
        )
        for number, step in enumerate(data["steps"], 1)
    )
    settings = {key: data[key] for key in ("then", "about", "as_of") if key in data}
    # JSON Schema takes 7.0 for an integer too; the seed must draw the same.
    seed = int(data.get("seed", 0))
    return Scenario(data["scenario"], steps, seed=seed, accept=frozenset(data.get("accept", ())), **settings)
