"""Large requests are truncated in the journal; their entries keep the shape of an entry."""

import json
from typing import Any

import pytest

from mockserver.engine.truncate import ROOM, TEXT, shrink
from tests.support.client import FORM, MockClient
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
def test_large_value_is_truncated(value: Any) -> None:
    text = json.dumps(shrink(value))
    assert len(text) < 1.5 * ROOM
    assert text != json.dumps(value)


def test_small_value_stays_equal() -> None:
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
def test_entry_of_a_large_request_is_truncated(changed: dict[str, Any]) -> None:
    talk = MockClient()
    talk.request("POST", **{**FORM, **changed})
    assert len(json.dumps(talk.get("journal"))) < 4 * ROOM


def test_hints_and_parameter_names_are_truncated() -> None:
    talk = MockClient()
    talk.edit(data={"x" * 4_000: "y"})
    entry = talk.get("journal")["entries"][0]
    assert entry["answer"]["status"] == 400
    assert max(map(len, [entry["answer"]["param"], *entry["hints"]])) <= 2_000
