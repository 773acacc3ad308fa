"""What README.md tells people to paste is pasted here, and its tables are held against what they speak of."""

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

import mockserver
from mockserver import cli, resources, tables
from mockserver.contract.asof import as_of
from mockserver.scenario.asked import Asked
from mockserver.scenario.files import load, parse
from mockserver.scenario.machine import Stored
from tests.pictures import opened
from tests.test_cli import serving

HOME = Path(__file__).parents[1]
TEXT = (HOME / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def table(heading: str) -> list[list[str]]:
    """The rows of the first table below a heading, as cells, code marks taken off."""
    rows = TEXT.partition(f"\n## {heading}\n")[2].partition("\n| ")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip().strip("`") for cell in row.split("|")[1:-1]] for row in rows]


def test_fixture(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    tests = [code for language, code in BLOCKS if language == "python" and "def test_" in code]
    assert len(tests) == 1
    monkeypatch.setenv("PYTHONPATH", str(Path(mockserver.__file__).parents[1]))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(tests[0])
    result = pytester.runpytest_subprocess("-p", "mockserver.pytest_plugin", "-W", "error")
    result.assert_outcomes(passed=1)


def steps() -> list[tuple[list[str], list[tuple[str, str]]]]:
    """Each server that is started in the text, by its options, and what is then to be pasted."""
    started: list[tuple[list[str], list[tuple[str, str]]]] = []
    for language, code in BLOCKS:
        if language == "sh" and code.startswith("mockserver"):
            started.append((code.split()[1:], []))
        elif started and language in ("sh", "python"):
            started[-1][1].append((language, code))
    return started


def test_pasted(tmp_path: Path) -> None:
    said = []
    command = tmp_path / "bin" / "mockserver"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mockserver "$@"\n')
    command.chmod(0o755)
    env = os.environ | {"PATH": f"{command.parent}:{os.environ['PATH']}", "PYTHONPATH": str(HOME)}
    for options, pasted in steps():
        with serving(*options, "--paint", "receipt") as server:
            for language, code in pasted:
                program = ["bash", "-ec"] if language == "sh" else [sys.executable, "-W", "error", "-c"]
                code = code.replace("http://127.0.0.1:4010", server.root)
                done = subprocess.run(
                    [*program, code], cwd=tmp_path, env=env, capture_output=True, text=True, check=True
                )
                assert done.stderr == ""
                said.append(done.stdout)
    sample, edit, stream, retry, wrong, journal, conform = said
    assert "0 differ" in conform
    assert sample == ""
    assert edit.startswith("Usage(input_tokens=")
    assert stream.splitlines() == ["image_edit.partial_image", "image_edit.partial_image", "image_edit.completed"]
    assert retry.splitlines() == ["2 retries: 500", "3 retries: a picture"]
    code, hint, entry = wrong.splitlines()
    assert code == "unsupported_file_mimetype"
    assert "application/octet-stream" in hint
    assert f'"id":"{entry}"' in journal
    assert opened((tmp_path / "out.png").read_bytes()).size[0] > 256


def test_every_python_block_is_tried() -> None:
    blocks = [code for language, code in BLOCKS if language == "python"]
    tried = [code for _, pasted in steps() for language, code in pasted if language == "python"]
    assert [code for code in blocks if "def test_" not in code] == tried


def test_every_local_link_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", TEXT)
    assert links
    assert [link for link in links if not (HOME / link).exists()] == []


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
    told = [tables.models(day), tables.limits(), tables.pictures(), tables.errors(day), tables.rules(), tables.faults()]
    assert [rows for rows in told if tables.markdown(rows) not in TEXT] == []
