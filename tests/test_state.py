"""Sessions: isolated, bounded, and one turn for each wire request."""

import asyncio
import time
from typing import Any

import pytest

from mockserver import state
from mockserver.contract.asof import as_of
from mockserver.engine.values import Settings
from mockserver.scenario.asked import Asked
from mockserver.scenario.files import load
from mockserver.scenario.machine import Scenario, Step
from mockserver.state import Memory, Server, Taken

TWO = Scenario("two", (Step(1, "server-error"), Step(2)), "repeat", seed=5)


def take(memory: Memory, *names: str, job: str | None = None) -> list[Taken]:
    async def all_of_them() -> list[Taken]:
        return [await memory.take(name, Asked(digest=job)) for name in names]

    return asyncio.run(all_of_them())


def numbers(taken: list[Taken]) -> list[int | None]:
    return [one.turn.step and one.turn.step.number for one in taken]


def test_isolated() -> None:
    taken = take(Memory(TWO), "a", "b", "a", "b", "b", "a")
    assert numbers(taken) == [1, 1, 2, 2, 1, 1]
    assert [one.position for one in taken] == [0, 0, 1, 1, 2, 2]
    assert {(one.seed, one.turn.scenario) for one in taken} == {(5, "two")}


def test_refused_requests_take_turns() -> None:
    """What was no job takes a turn and counts as no attempt."""
    memory = Memory(TWO)
    (first,), (none,), (second,) = take(memory, "a", job="j"), take(memory, "a"), take(memory, "a", job="j")
    assert [one.position for one in (first, none, second)] == [0, 1, 2]
    assert [one.attempt for one in (first, none, second)] == [1, 1, 2]


def test_attempts() -> None:
    memory = Memory(TWO)
    seen = [(name, job, take(memory, name, job=job)[0].attempt) for name, job in ["aj", "aj", "ak", "bj", "aj", "ak"]]
    assert seen == [("a", "j", 1), ("a", "j", 2), ("a", "k", 1), ("b", "j", 1), ("a", "j", 3), ("a", "k", 2)]


def test_at_once() -> None:
    """Requests in parallel take one turn each."""

    async def rush() -> list[Taken]:
        memory = Memory(TWO)
        return await asyncio.gather(*(memory.take("a", Asked(digest="j")) for _ in range(50)))

    taken = asyncio.run(rush())
    assert sorted(one.position for one in taken) == list(range(50))
    assert sorted(one.attempt for one in taken) == list(range(1, 51))


def test_play() -> None:
    """A session's own scenario begins at its first step and leaves the others alone."""
    memory = Memory(TWO)
    take(memory, "a", "b", job="j")
    memory.play("a", Scenario("own", (Step(1), Step(2), Step(3)), "ok", seed=9))
    taken = take(memory, "a", "a", "b", "a", "a", job="j")
    assert [one.turn.scenario for one in taken] == ["own", "own", "two", "own", "own"]
    assert numbers(taken) == [1, 2, 2, 3, None]
    assert [one.attempt for one in taken] == [1, 2, 2, 3, 4]
    assert [one.seed for one in taken] == [9, 9, 5, 9, 9]


def test_play_anew() -> None:
    memory = Memory(TWO)
    memory.play("a", TWO)
    take(memory, "a")
    memory.play("a", TWO)
    assert numbers(take(memory, "a")) == [1]


OTHER = Scenario("other", (Step(1),), as_of="2026-04-21", accept=frozenset({"size-ratio"}))


def test_settings_of_a_session() -> None:
    """The session's day over its scenario's over the server's; what is not to be enforced adds up."""
    base = Settings(as_of("latest"), "open", accept=frozenset({"images.modes"}))
    memory = Memory(TWO)
    assert memory.over("a", base) is base
    memory.play("a", OTHER)
    both = frozenset({"images.modes", "size-ratio"})
    assert memory.over("a", base) == Settings(as_of("2026-04-21"), "open", accept=both)
    memory.play("a", as_of="2025-05-01")
    assert memory.over("a", base) == Settings(as_of("2025-05-01"), "open", accept=both)
    assert memory.over("b", base) is base
    memory.play("b", as_of="2025-05-01")
    assert memory.over("b", base) == Settings(as_of("2025-05-01"), "open", accept=base.accept)
    memory.play("b", Scenario("more", (Step(1),), accept=frozenset({"size-ratio"})))
    assert memory.over("b", base) == Settings(as_of("2025-05-01"), "open", accept=both)
    memory.reset("b")
    assert memory.over("b", base) is base
    only = Memory(Scenario("more", (Step(1),), accept=frozenset({"size-ratio"})))
    assert only.over("a", base) == Settings(as_of("latest"), "open", accept=both)


@pytest.mark.parametrize(("name", "after"), [(None, [1, 1]), ("a", [1, 2]), ("nobody", [2, 2])])
def test_reset(name: str | None, after: list[int]) -> None:
    memory = Memory(TWO)
    take(memory, "a", "b", job="j")
    memory.reset(name)
    taken = take(memory, "a", "b", job="j")
    assert numbers(taken) == after
    assert [one.attempt for one in taken] == after


def test_reset_of_an_own_scenario() -> None:
    memory = Memory(TWO)
    memory.play("a", load("ok"))
    memory.reset("a")
    assert take(memory, "a")[0].turn.scenario == "two"


def test_idle_longest_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "SESSIONS", 2)
    memory = Memory(TWO)
    taken = take(memory, "a", "b", "a", "c", "a", "b")
    assert [one.position for one in taken] == [0, 0, 1, 0, 2, 0]


def test_oldest_job_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "JOBS", 2)
    memory = Memory(TWO)
    assert [take(memory, "a", job=job)[0].attempt for job in "jkjljk"] == [1, 1, 2, 1, 3, 1]


def test_many_sessions() -> None:
    memory = Memory(TWO)
    names = [f"s{number}" for number in range(state.SESSIONS + 1)]
    assert len(take(memory, *names)) == 10_001
    assert [one.position for one in take(memory, "s1", "s0", "s10000")] == [1, 0, 1]


def test_server() -> None:
    """Two servers share nothing; without settings all is well, at the machine's time."""
    one, other = Server(), Server()
    assert one.settings == Settings()
    assert one.state is not other.state
    assert one.journal is not other.journal
    assert (one.clock.base, one.sleep) == (time.time, asyncio.sleep)
    assert one.upload_bytes > 17 * 50 * 1024 * 1024
    (taken,) = take(one.state, "a")
    step: Any = taken.turn.step
    assert (taken.turn.scenario, step.error) == ("ok", None)
