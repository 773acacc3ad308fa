"""Things kept at hand change nothing but the time that it takes."""

from typing import Any

import pytest

from mockserver.engine.answer import answer
from mockserver.engine.values import Settings
from mockserver.render import gallery
from mockserver.scenario.machine import Turn
from mockserver.shelf import Shelf
from tests.test_engine import MOMENT, edit


def test_made_once() -> None:
    made: list[str] = []

    def make(name: str) -> str:
        made.append(name)
        return name

    shelf = Shelf[str](5, len)
    for name in ["ab", "cd", "ab", "ef", "ab", "cd", "too long", "too long"]:
        assert shelf.get(name, lambda name=name: make(name)) == name  # type: ignore[misc]
    # "cd" was asked for longest ago when "ef" came; what is heavier than the limit is never kept.
    assert made == ["ab", "cd", "ef", "cd", "too long", "too long"]


def test_made_twice_at_once() -> None:
    """A thing that another thread has put there meanwhile counts once."""
    shelf = Shelf[str](5, len)

    def slow() -> str:
        shelf.get("k", lambda: "one")
        return "one"

    assert shelf.get("k", slow) == "one"
    assert shelf.get("l", lambda: "two") == "two"
    assert shelf.get("k", lambda: "new") == "new"


CALLS: list[dict[str, Any]] = [
    {"n": 2},
    {"n": 2, "size": "1536x1024"},
    {"prompt": "y"},
    {"output_format": "jpeg", "output_compression": 50},
    {"stream": "true", "partial_images": 2},
    {"stream": "true", "partial_images": 1},
    {"user": "somebody"},
]


@pytest.mark.parametrize("paint", ["receipt", "flat", "noise"])
def test_same_answers(monkeypatch: pytest.MonkeyPatch, paint: str) -> None:
    """With and without what is kept, the same bytes."""

    def answers() -> list[Any]:
        settings = Settings(auth="open", paint=paint)
        return [answer(edit(**call), Turn("ok", None), MOMENT, settings, "http://x").plan for call in CALLS]

    kept = [answers(), answers()]
    monkeypatch.setattr(gallery.KEPT, "limit", 0)
    monkeypatch.setattr(gallery.KEPT, "_held", {})
    monkeypatch.setattr(gallery.KEPT, "_weight", 0)
    assert kept == [answers()] * 2
