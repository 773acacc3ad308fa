"""The output of the first guide, and the tables of the reference compared with their data."""

import subprocess
from pathlib import Path

import click
import pytest

from mockserver.cli import main, tables
from mockserver.contract.asof import as_of
from mockserver.core import data_files
from mockserver.scenario.loader import load, parse
from mockserver.scenario.machine import Stored
from mockserver.scenario.matching import RequestFacts
from tests.support.documents import FIRST_CALLS, HOME, README, blocks, play
from tests.support.images import decode_image

REFERENCE = HOME / "docs" / "reference"


def table(page: str, heading: str) -> list[list[str]]:
    """The rows of the tables below a page's heading whose first cell is code, as cells without code marks."""
    text = (REFERENCE / page).read_text("utf-8").partition(f"# {heading}\n")[2].partition("\n## ")[0]
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip().strip("`") for cell in row.split("|")[1:-1]] for row in rows]


@pytest.mark.slow
@pytest.mark.usefixtures("unmeasured")
def test_first_guide_prints_its_results(tmp_path: Path) -> None:
    played = play(FIRST_CALLS, tmp_path)
    said = [text for block, text in played if block.language in ("sh", "python") and text]
    edit, stream, retry, wrong, journal = said
    assert edit.startswith("Usage(input_tokens=")
    assert stream.splitlines() == ["image_edit.partial_image", "image_edit.partial_image", "image_edit.completed"]
    assert retry.splitlines() == ["2 retries: 500", "3 retries: a picture"]
    code, hint, entry = wrong.splitlines()
    assert code == "unsupported_file_mimetype"
    assert "application/octet-stream" in hint
    assert f'"id":"{entry}"' in journal
    assert decode_image((tmp_path / "out.png").read_bytes()).size[0] > 256


def test_options_are_documented() -> None:
    options = main.command.get_params(click.Context(main.command))
    known = {max(option.opts, key=len): option for option in options if isinstance(option, click.Option)}
    defaults = {name: str(option.default) if option.show_default else "" for name, option in known.items()}
    assert {option: default for option, default, _ in table("command-line.md", "Serve")} == defaults


def test_scenarios_are_documented() -> None:
    assert [tuple(cells) for cells in table("scenarios-built-in.md", "Built-in scenarios")] == [
        (name, load(name).about) for name in data_files.names("scenarios", ".yaml")
    ]


def test_scenario_of_your_own() -> None:
    example = next(
        block.code for block in blocks(HOME / "docs" / "guides" / "scenarios.md") if block.language == "yaml"
    )
    scenario = parse(example.encode(), "scenarios.md")
    stored: Stored = {}
    responds = []
    for _ in range(5):
        turn, stored = scenario.take_turn(stored, RequestFacts())
        responds.append(turn.step is not None)
    assert responds == [True] * 4 + [False]


def test_ci_runs_the_command_of_the_readme() -> None:
    (command,) = [block.code for block in blocks(README) if "coverage run" in block.code]
    assert command.count("\n") == 1
    found = subprocess.run([str(HOME / ".ci" / "run"), "--print"], capture_output=True, text=True, check=True)
    assert found.stdout == command


def test_tables_of_the_reference_match_the_data() -> None:
    day = as_of("any")
    pages = {
        "models.md": [tables.models(day)],
        "uploads.md": [tables.limits(), tables.pictures()],
        "errors.md": [tables.errors(day)],
        "verdict.md": [tables.rules()],
    }
    texts = {page: (REFERENCE / page).read_text("utf-8") for page in pages}
    assert [
        page
        for page, tables_of_page in pages.items()
        for rows in tables_of_page
        if tables.format_markdown(rows) not in texts[page]
    ] == []
