"""What there is to choose from."""

import pytest

from mockserver.contract.capabilities import table
from mockserver.scenario.loader import built_in_names, parse
from tests.support.client import MockClient


def test_scenarios() -> None:
    found = MockClient().get("choices")["scenarios"]
    assert [one["name"] for one in found] == built_in_names()
    for one in found:
        scenario = parse(one["yaml"].encode(), one["name"])
        assert (scenario.name, scenario.about) == (one["name"], one["about"])


@pytest.mark.parametrize(
    ("day", "there", "gone"), [("any", "dall-e-2", ""), ("2026-01-15", "gpt-image-1.5", "gpt-image-2")]
)
def test_models(day: str, there: str, gone: str) -> None:
    found = {one["model"]: one for one in MockClient(day=day).get("choices")["models"]}
    assert there in found
    assert gone not in found
    assert "dall-e-3" not in found
    assert list(found) == [name for name in table() if name in found]


def test_values() -> None:
    found = {one["model"]: one for one in MockClient().get("choices")["models"]}
    assert found["dall-e-2"]["sizes"] == ["256x256", "512x512", "1024x1024"]
    assert found["gpt-image-2"]["sizes"] == []
    assert found["gpt-image-2"]["qualities"] == ["low", "medium", "high", "auto"]
