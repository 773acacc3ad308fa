"""Sessions: isolated, bounded, and one turn for each wire request."""

import asyncio
import time
from typing import Any

import pytest

from mockserver.contract.asof import as_of
from mockserver.engine.values import Settings
from mockserver.limits import DEFAULT_LIMITS, Limits
from mockserver.scenario.loader import load
from mockserver.scenario.matching import RequestFacts
from mockserver.state.memory import MemoryState
from mockserver.state.sessions import SessionStore, Taken
from tests.support.redis import Make, Store, scenario

TWO = scenario("two", {"error": "server-error"}, {"ok": {}}, then="repeat", seed=5)


def numbers(taken: list[Taken]) -> list[int | None]:
    return [one.turn.step and one.turn.step.number for one in taken]


def test_isolated(store: Make) -> None:
    taken = store(TWO).take("a", "b", "a", "b", "b", "a")
    assert numbers(taken) == [1, 1, 2, 2, 1, 1]
    assert [one.position for one in taken] == [0, 0, 1, 1, 2, 2]
    assert {(one.seed, one.turn.scenario) for one in taken} == {(5, "two")}


def test_refused_requests_take_turns(store: Make) -> None:
    """What was no job takes a turn and counts as no attempt."""
    memory = store(TWO)
    (first,), (none,), (second,) = memory.take("a", job="j"), memory.take("a"), memory.take("a", job="j")
    assert [one.position for one in (first, none, second)] == [0, 1, 2]
    assert [one.attempt for one in (first, none, second)] == [1, 1, 2]


def test_attempts(store: Make) -> None:
    memory = store(TWO)
    seen = [(name, job, memory.take(name, job=job)[0].attempt) for name, job in ["aj", "aj", "ak", "bj", "aj", "ak"]]
    assert seen == [("a", "j", 1), ("a", "j", 2), ("a", "k", 1), ("b", "j", 1), ("a", "j", 3), ("a", "k", 2)]


def test_at_once(store: Make) -> None:
    """Requests in parallel take one turn each."""
    taken = store(TWO).rush("a", 50)
    assert sorted(one.position for one in taken) == list(range(50))
    assert sorted(one.attempt for one in taken) == list(range(1, 51))


def test_play(store: Make) -> None:
    """A session's own scenario begins at its first step and leaves the others alone."""
    memory = store(TWO)
    memory.take("a", "b", job="j")
    memory.play("a", scenario("own", OK, OK, OK, then="ok", seed=9))
    taken = memory.take("a", "a", "b", "a", "a", job="j")
    assert [one.turn.scenario for one in taken] == ["own", "own", "two", "own", "own"]
    assert numbers(taken) == [1, 2, 2, 3, None]
    assert [one.attempt for one in taken] == [1, 2, 2, 3, 4]
    assert [one.seed for one in taken] == [9, 9, 5, 9, 9]


def test_all_play_anew(store: Make) -> None:
    """Sessions without a scenario of their own begin again; the others stay where they are."""
    memory = store(TWO)
    memory.play("b", TWO)
    memory.take("a", "b")
    memory.play(None)
    assert numbers(memory.take("a", "b")) == [1, 2]


def test_one_shot_steps(store: Make) -> None:
    """Those of a session come before everybody's; no more wait than a bound."""
    memory = store(TWO)
    memory.add_step(None, {"error": "overloaded"})
    memory.add_step("a", {"error": "org-verify", "times": 2})
    assert [one.turn.step and one.turn.step.error for one in memory.take("a", "a", "a", "a")] == [
        "org-verify",
        "org-verify",
        "overloaded",
        "server-error",
    ]
    for _ in range(DEFAULT_LIMITS.waiting_steps):
        memory.add_step("b", {"error": "overloaded"})
    with pytest.raises(ValueError, match="100 steps are waiting already"):
        memory.add_step("b", {"error": "overloaded"})


def test_play_anew(store: Make) -> None:
    memory = store(TWO)
    memory.play("a", TWO)
    memory.take("a")
    memory.play("a", TWO)
    assert numbers(memory.take("a")) == [1]


OK: dict[str, Any] = {"ok": {}}
OTHER = scenario("other", OK, as_of="2026-04-21", accept=["size-ratio"])


def test_settings_of_a_session(store: Make) -> None:
    """The session's day over its scenario's over the server's; what is not to be enforced adds up."""
    base = Settings(as_of("latest"), "open", accept=frozenset({"images.modes"}))
    memory = store(TWO, base)
    assert memory.settings_for("a") is base
    memory.play("a", OTHER)
    both = frozenset({"images.modes", "size-ratio"})
    assert memory.settings_for("a") == Settings(as_of("2026-04-21"), "open", accept=both)
    memory.play("a", as_of="2025-05-01")
    assert memory.settings_for("a") == Settings(as_of("2025-05-01"), "open", accept=both)
    assert memory.settings_for("b") is base
    memory.play("b", as_of="2025-05-01")
    assert memory.settings_for("b") == Settings(as_of("2025-05-01"), "open", accept=base.accept)
    memory.play("b", scenario("more", OK, accept=["size-ratio"]))
    assert memory.settings_for("b") == Settings(as_of("2025-05-01"), "open", accept=both)
    memory.reset("b")
    assert memory.settings_for("b") is base
    only = store(scenario("more", OK, accept=["size-ratio"]), base)
    assert only.settings_for("c") == Settings(as_of("latest"), "open", accept=both)


@pytest.mark.parametrize(("name", "after"), [(None, [1, 1]), ("a", [1, 2]), ("nobody", [2, 2])])
def test_reset(store: Make, name: str | None, after: list[int]) -> None:
    memory = store(TWO)
    memory.take("a", "b", job="j")
    memory.reset(name)
    taken = memory.take("a", "b", job="j")
    assert numbers(taken) == after
    assert [one.attempt for one in taken] == after


def test_reset_of_an_own_scenario(store: Make) -> None:
    memory = store(TWO)
    memory.play("a", load("ok"))
    memory.reset("a")
    assert memory.take("a")[0].turn.scenario == "two"


def test_idle_longest_goes(store: Make) -> None:
    memory = store(TWO, limits=Limits(sessions=2))
    taken = memory.take("a", "b", "a", "c", "a", "b")
    assert [one.position for one in taken] == [0, 0, 1, 0, 2, 0]


def test_oldest_job_goes(store: Make) -> None:
    memory = store(TWO, limits=Limits(session_jobs=2))
    assert [memory.take("a", job=job)[0].attempt for job in "jkjljk"] == [1, 1, 2, 1, 3, 1]


def test_many_sessions() -> None:
    memory = Store(lambda: MemoryState(sessions=SessionStore(TWO)), 1)
    names = [f"s{number}" for number in range(DEFAULT_LIMITS.sessions + 1)]

    async def all_of_them() -> list[Taken]:
        return [memory.servers[0].sessions.take(name, RequestFacts()) for name in names]

    assert len(asyncio.run(all_of_them())) == 10_001
    assert [one.position for one in memory.take("s1", "s0", "s10000")] == [1, 0, 1]


def test_server() -> None:
    """Two servers share nothing; without settings all is well, at the machine's time."""
    one, other = MemoryState(), MemoryState()
    assert one.settings == Settings()
    assert one.sessions is not other.sessions
    assert one.journal is not other.journal
    assert (one.clock.base, one.sleep) == (time.time, asyncio.sleep)
    assert one.limits.upload_bytes > 17 * 50 * 1024 * 1024
    taken = one.sessions.take("a", RequestFacts())
    step: Any = taken.turn.step
    assert (taken.turn.scenario, step.error) == ("ok", None)


def test_result_of_an_entry_that_is_gone(store: Make) -> None:
    memory = store(TWO)
    memory.report_result("e000009", "success")
    assert memory.read_journal().entries() == []
