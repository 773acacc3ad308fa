"""The page about the architecture, compared with the package."""

import re
import tomllib

import pytest

from tests.support.documents import HOME

PAGE = (HOME / "docs" / "explanation" / "architecture.md").read_text("utf-8")
LAYERS = tomllib.loads((HOME / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"][0]["layers"]
NAMES = sorted(set(re.findall(r"`([a-z_]+(?:/[a-z_]+)*/(?:[a-z_]+\.(?:py|yaml|json))?)`", PAGE)))


def test_diagram_shows_the_layers() -> None:
    diagram = re.search("```text\n(.*?)```", PAGE, re.DOTALL)
    assert diagram is not None
    assert diagram[1].splitlines() == LAYERS


def test_table_describes_every_room() -> None:
    rooms = {room for layer in LAYERS for room in layer.split(" | ")} - {"__main__"}
    first_cells = " ".join(re.findall(r"^\| (`[^|]*)\|", PAGE, re.MULTILINE))
    assert rooms - set(re.findall("`([a-z_]+)`", first_cells)) == set()


@pytest.mark.parametrize("name", NAMES)
def test_paths_exist(name: str) -> None:
    assert any((folder / name).exists() for folder in (HOME, HOME / "mockserver"))


def test_family_of_the_example_is_in_the_catalogue() -> None:
    source = (HOME / "mockserver" / "engine" / "input_images.py").read_text("utf-8")
    assert 'Problem("mask-size")' in source
    assert "family: mask-size\n" in (HOME / "contracts" / "errors.yaml").read_text("utf-8")
