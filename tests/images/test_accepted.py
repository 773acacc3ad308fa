"""The server treats each kind of image as contracts/pictures.yaml says."""

from collections.abc import Mapping
from typing import Any

import pytest

from mockserver.core import data_files
from mockserver.engine.understand import understand
from mockserver.engine.values import Settings
from mockserver.harness.conformance import recipes
from mockserver.scenario.lint import acceptable_names
from tests.engine.test_understand import file, form

ROWS = data_files.contract("pictures.yaml")["pictures"]
MODELS = {"gpt-image": ["gpt-image-1", "gpt-image-1.5", "gpt-image-2", "gpt-image-2.6-flare"], "dall-e-2": ["dall-e-2"]}


def verdict(row: Mapping[str, Any], model: str, *accept: str) -> str:
    """The result of an edit with a row's image: `accepted`, or the family of the error."""
    kind = row.get("type", recipes.media_type(row["recipe"]))
    request = form(file("image", recipes.make(row["recipe"]), kind), model=model, prompt="x")
    problem = understand(request, Settings(auth="open", accept=frozenset(accept))).problem
    return problem.family if problem else "accepted"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["kind"])
def test_kinds_of_images(row: Mapping[str, Any]) -> None:
    for group, models in MODELS.items():
        assert {verdict(row, model) for model in models} == {row[group]}


@pytest.mark.parametrize("row", [row for row in ROWS if "accept" in row], ids=lambda row: row["kind"])
def test_accepted_guesses(row: Mapping[str, Any]) -> None:
    assert row["accept"] in acceptable_names()
    also = ["images.extended_webp"] if "webp" in row["recipe"] else []
    assert verdict(row, "gpt-image-2", row["accept"], *also) == "accepted"
