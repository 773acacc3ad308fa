"""The same call again, told apart from calls that run side by side."""

from mockserver.journal.repeats import RepeatTracker
from mockserver.limits import Limits


def never() -> bool:
    return False


def test_repetition() -> None:
    """The newest answered one is repeated; seconds count from its answer."""
    mine = RepeatTracker()
    assert mine.begin("s", "a", "e1", 0, never) == (None, None)
    mine.end("s", "a", "e1", 2)
    assert mine.begin("s", "a", "e2", 2.5, never) == ("e1", 0.5)
    mine.end("s", "a", "e2", 3)
    assert mine.begin("s", "a", "e3", 3, never) == ("e2", 0)


def test_others() -> None:
    mine = RepeatTracker()
    mine.begin("s", "a", "e1", 0, never)
    mine.end("s", "a", "e1", 1)
    assert mine.begin("s", "b", "e2", 2, never) == (None, None)
    assert mine.begin("t", "a", "e3", 2, never) == (None, None)


def test_side_by_side() -> None:
    """What came before the other's answer had left repeats nothing, also when it was understood later."""
    mine = RepeatTracker()
    mine.begin("s", "a", "e1", 0, never)
    assert mine.begin("s", "a", "e2", 1, never) == (None, None)
    mine.end("s", "a", "e1", 5)
    assert mine.begin("s", "a", "e3", 4, never) == (None, None)
    assert mine.begin("s", "a", "e4", 6, never) == ("e1", 1)


def test_hung_up() -> None:
    """A client that did not wait for the answer and sends again repeats its call."""
    mine = RepeatTracker()
    mine.begin("s", "a", "e1", 0, lambda: True)
    mine.begin("s", "a", "e2", 0, never)
    assert mine.begin("s", "a", "e3", 1, never) == ("e1", None)


def test_forget() -> None:
    mine = RepeatTracker()
    for session in "st":
        mine.begin(session, "a", f"e-{session}", 0, never)
        mine.end(session, "a", f"e-{session}", 1)
    mine.forget("s")
    assert mine.begin("s", "a", "e3", 2, never) == (None, None)
    assert mine.begin("t", "a", "e4", 2, never) == ("e-t", 1)
    mine.forget()
    mine.end("t", "a", "e4", 3)
    assert mine.begin("t", "a", "e5", 4, never) == (None, None)


def test_bounded() -> None:
    mine = RepeatTracker(Limits(tracked_calls=2))
    for number, digest in enumerate("abac"):
        mine.begin("s", digest, f"e{number}", number, never)
        mine.end("s", digest, f"e{number}", number)
    assert mine.begin("s", "a", "e9", 9, never) == ("e2", 7)
    assert mine.begin("s", "b", "e9", 9, never) == (None, None)
