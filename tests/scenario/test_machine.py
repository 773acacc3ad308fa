"""Which step responds to the n-th request."""

import json
from itertools import chain, islice, repeat
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.scenario.loader import load
from mockserver.scenario.machine import Scenario, Step, Turn, build
from mockserver.scenario.matching import RequestFacts


def play(scenario: Scenario, *requests: RequestFacts) -> list[Turn]:
    """The turns of a session that makes these requests."""
    turns, stored = [], dict[str, Any]()
    for asked in requests:
        turn, after = scenario.take_turn(stored, asked)
        turns.append(turn)
        stored = json.loads(json.dumps(after))  # plain data: another store can hold it
    return turns


THREE = (Step(1, "server-error", 2), Step(2), Step(3, "org-verify", 3))


@pytest.mark.parametrize(
    ("then", "numbers"),
    [
        ("repeat", [1, 1, 2, 3, 3, 3, 1, 1, 2, 3, 3, 3, 1]),
        ("hold", [1, 1, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3]),
        ("ok", [1, 1, 2, 3, 3, 3, None, None, None, None, None, None, None]),
    ],
)
def test_then(then: str, numbers: list[int | None]) -> None:
    scenario = Scenario("mine", THREE, then)
    turns = play(scenario, *[RequestFacts()] * 13)
    assert [turn.step and turn.step.number for turn in turns] == numbers
    assert {turn.scenario for turn in turns} == {"mine"}


def expanded(scenario: Scenario) -> "chain[Step | None]":
    """The same with one step per request."""
    once: list[Step | None] = [step for step in scenario.steps for _ in range(step.times)]
    after: dict[str, list[Step | None]] = {"repeat": once, "hold": once[-1:], "ok": [None]}
    return chain(once, chain.from_iterable(repeat(after[scenario.then])))


STEPS = st.lists(st.integers(1, 5), min_size=1, max_size=6).map(
    lambda times: tuple(Step(number, times=each) for number, each in enumerate(times, 1))
)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(STEPS, st.sampled_from(["repeat", "hold", "ok"]))
def test_times_equals_repeated_steps(steps: tuple[Step, ...], then: str) -> None:
    scenario = Scenario("mine", steps, then)
    assert play(scenario, *[RequestFacts()] * 80) == [Turn("mine", step) for step in islice(expanded(scenario), 80)]


def test_build() -> None:
    data = {
        "scenario": "mine",
        "about": "words",
        "seed": 9.0,
        "steps": [{"error": "server-error", "times": 2.0, "retry_after": 1.5}, {"ok": {}}],
        "then": "ok",
    }
    steps = (Step(1, "server-error", 2, 1.5), Step(2, None, 1, None))
    assert build(data) == Scenario("mine", steps, "ok", "words", 9)
    assert repr(build(data).seed) == "9"
    assert build({"scenario": "a", "steps": [{"ok": {}}]}) == Scenario("a", (Step(1),), "repeat", "", 0)


TOLD = {
    "scenario": "mine",
    "step": None,
    "unmatched": False,
    "one_shot": False,
    "limited": None,
    "faults": [],
    "hostile": False,
}


def test_turn_to_json() -> None:
    assert Turn("mine", Step(4)).to_json() == TOLD | {"step": 4}
    assert Turn("mine", None).to_json() == TOLD


def test_flaky() -> None:
    scenario = load("flaky")
    found = [turn.step.error for turn in play(scenario, *[RequestFacts()] * 5) if turn.step]
    assert found == ["rate-input-images", "rate-input-images", "server-error", None, "rate-input-images"]
