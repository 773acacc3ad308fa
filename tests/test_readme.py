"""What README.md tells people to paste is pasted here, and its tables are held against what they speak of."""

import subprocess
from pathlib import Path

import click
import pytest

from mockserver import cli, resources, tables
from mockserver.contract.asof import as_of
from mockserver.scenario.asked import Asked
from mockserver.scenario.files import load, parse
from mockserver.scenario.machine import Stored
from tests.documents import HOME, README, blocks, play
from tests.pictures import opened
from tests.stores import Redis

TEXT = README.read_text("utf-8")
BLOCKS = [(block.language, block.code) for block in blocks(README)]


def table(heading: str) -> list[list[str]]:
    """The rows of the first table below a heading, as cells, code marks taken off."""
    rows = TEXT.partition(f"\n## {heading}\n")[2].partition("\n| ")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip().strip("`") for cell in row.split("|")[1:-1]] for row in rows]


@pytest.mark.slow
@pytest.mark.usefixtures("unmeasured")
def test_pasted(tmp_path: Path, redis: Redis) -> None:
    """All that is to be pasted, in its order."""
    played = play(README, tmp_path, {"redis://127.0.0.1:6379/0": redis.url})
    said = [text for block, text in played if block.language in ("sh", "python") and text]
    fixture, edit, stream, retry, wrong, journal, conform = said
    assert "1 passed" in fixture
    assert edit.startswith("Usage(input_tokens=")
    assert stream.splitlines() == ["image_edit.partial_image", "image_edit.partial_image", "image_edit.completed"]
    assert retry.splitlines() == ["2 retries: 500", "3 retries: a picture"]
    code, hint, entry = wrong.splitlines()
    assert code == "unsupported_file_mimetype"
    assert "application/octet-stream" in hint
    assert f'"id":"{entry}"' in journal
    assert "0 differ" in conform
    assert opened((tmp_path / "out.png").read_bytes()).size[0] > 256


def test_options() -> None:
    options = cli.command.get_params(click.Context(cli.command))
    known = {max(option.opts, key=len): option for option in options if isinstance(option, click.Option)}
    defaults = {name: str(option.default) if option.show_default else "" for name, option in known.items()}
    assert {option: default for option, default, _ in table("Options")} == defaults


def test_scenarios() -> None:
    assert [tuple(cells) for cells in table("Scenarios")] == [
        (name, load(name).about) for name in resources.names("scenarios", ".yaml")
    ]


def test_scenario_of_your_own() -> None:
    example, faulty = [code for language, code in BLOCKS if language == "yaml"]
    assert len(parse(faulty.encode(), "README.md").steps) == 5
    scenario = parse(example.encode(), "README.md")
    stored: Stored = {}
    answered = []
    for _ in range(5):
        turn, stored = scenario.turn(stored, Asked())
        answered.append(turn.step is not None)
    assert answered == [True] * 4 + [False]


def test_ci_runs_the_command_of_the_readme() -> None:
    (command,) = [code for language, code in BLOCKS if "coverage run" in code]
    assert command.count("\n") == 1
    found = subprocess.run([str(HOME / ".ci" / "run"), "--print"], capture_output=True, text=True, check=True)
    assert found.stdout == command


def test_tables() -> None:
    """What the README says of models, limits and errors is what the data says."""
    day = as_of("any")
    told = [tables.models(day), tables.limits(), tables.pictures(), tables.errors(day), tables.rules()]
    assert [rows for rows in told if tables.markdown(rows) not in TEXT] == []
