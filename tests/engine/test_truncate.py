"""What the journal keeps of large requests: hardly more than its room, in the shape of a whole entry."""

import json
from typing import Any

import pytest

from mockserver.engine.truncate import ROOM, TEXT, shrink
from tests.support.client import FORM, Talk
from tests.support.images import png


@pytest.mark.parametrize(
    "value",
    [
        "x" * 3 * TEXT,
        ["x" * TEXT] * 9,
        list(range(ROOM)),
        {str(number): number for number in range(ROOM)},
        {"a": ["x" * TEXT, {"b": "y" * TEXT}]},
        {"k" * 2 * TEXT: 1},
    ],
    ids=["text", "texts", "list", "object", "both", "key"],
)
def test_there_is_so_much_room(value: Any) -> None:
    kept = json.dumps(shrink(value))
    assert len(kept) < 1.5 * ROOM
    assert kept != json.dumps(value)


def test_small_values_stay_as_they_are() -> None:
    value = {"a": [1, None, True, "x", {"b": []}]}
    assert shrink(value) == value


@pytest.mark.parametrize(
    "changed",
    [
        {"json": {"model": "x", "prompt": "y" * 500_000, "values": list(range(50_000))}, "data": None, "files": None},
        {"data": {f"field{number}": "x" * 20_000 for number in range(100)}},
        {"files": [("image[]", ("a" * 2_000, png(), "image/png"))] * 300},
        {"data": {"model": "gpt-image-2", "prompt": "x" * 20_000}},
    ],
    ids=["json", "fields", "files", "prompt"],
)
def test_entries_of_large_requests(changed: dict[str, Any]) -> None:
    talk = Talk()
    talk.ask("POST", **{**FORM, **changed})
    told = talk.get("journal")
    assert len(json.dumps(told)) < 4 * ROOM


def test_hints_and_names_have_an_end() -> None:
    talk = Talk()
    talk.edit(data={"x" * 4_000: "y"})
    entry = talk.get("journal")["entries"][0]
    assert entry["answer"]["status"] == 400
    assert max(map(len, [entry["answer"]["param"], *entry["hints"]])) <= 2_000
