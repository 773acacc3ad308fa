"""The clock: a base that runs or stands, and how far each session was moved on."""

import math
import time

import pytest

from mockserver.limits import Limits
from mockserver.state import clock
from mockserver.state.clock import Clock
from mockserver.state.memory import MemoryState


def test_default() -> None:
    mine = Clock()
    assert (mine.base, mine.watch) == (time.time, time.monotonic)
    assert (mine.advanced(), mine.advanced("a")) == (0, 0)


def test_advance() -> None:
    """A session is moved on by itself and with all others."""
    mine = Clock(lambda: 1000.0)
    mine.advance(10, "a")
    mine.advance(5)
    mine.advance(0.5, "a")
    assert [mine(), mine("a"), mine("b")] == [1005, 1015.5, 1005]
    assert [mine.advanced(name) for name in (None, "a", "b")] == [5, 15.5, 5]


def test_reset() -> None:
    mine = Clock(lambda: 1000.0)
    for _ in range(2):
        mine.advance(10, "a")
        mine.advance(5)
        mine.reset("a")
        mine.reset("nobody")
        assert [mine(), mine("a")] == [1005, 1005]
        mine.reset()
        assert [mine(), mine("a")] == [1000, 1000]


@pytest.mark.parametrize("seconds", [-1, math.nan, math.inf, 10**10])
def test_no_way_forward(seconds: float) -> None:
    mine = Clock(lambda: 1000.0)
    with pytest.raises(ValueError, match="the clock moves on by 0 to 1000000000 seconds"):
        mine.advance(seconds)
    assert mine() == 1000


def test_no_further() -> None:
    mine = Clock(lambda: 1000.0)
    mine.advance(clock.FURTHEST)
    with pytest.raises(OverflowError, match="1 more are too many"):
        mine.advance(1, "a")
    late = Clock(lambda: clock.LAST - 1)
    late.advance(1)
    with pytest.raises(OverflowError, match="moves on"):
        late.advance(1)


def test_bounded() -> None:
    mine = Clock(lambda: 0.0, limits=Limits(sessions=2))
    for name in "abac":
        mine.advance(1, name)
    assert [mine(name) for name in "abc"] == [2, 0, 1]


def test_any_function_does() -> None:
    """A server takes whatever tells the time."""

    def noon() -> float:
        return 43_200.0

    server = MemoryState(clock=noon)  # type: ignore[arg-type]
    server.clock.advance(1)
    assert server.clock() == 43_201
