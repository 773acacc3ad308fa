"""The documents: their code runs, and they name every option, fault and fixture."""

import re
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import click
import pytest

from mockserver import pytest_plugin
from mockserver.cli import main, tables
from mockserver.scenario import loader
from mockserver.scenario.faults.table import FAULTS
from tests.support import fidelity
from tests.support.documents import DOCS, FENCE, FIRST_CALLS, HOME, README, blocks, play

pytestmark = pytest.mark.usefixtures("unmeasured")

EXTENDING = HOME / "docs" / "guides" / "extending.md"
LINK = re.compile(r"\]\((?![a-z]+:)([^)\s]+)\)")
WRITTEN = [
    README,
    *DOCS,
    HOME / "CONTRIBUTING.md",
    HOME / "contracts" / "README.md",
    HOME / "SECURITY.md",
    HOME / "CHANGELOG.md",
]
RUN = [README, *sorted({*DOCS} - {EXTENDING, FIRST_CALLS}), HOME / "SECURITY.md"]
FIXTURES = (HOME / "docs" / "reference" / "fixtures.md").read_text("utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("document", RUN, ids=lambda document: str(document.relative_to(HOME)))
def test_every_block_is_run(document: Path, tmp_path: Path) -> None:
    """test_readme.py runs the first guide, and checks its output too."""
    assert len(play(document, tmp_path)) == len(blocks(document))


@pytest.mark.parametrize("document", [README, *DOCS], ids=lambda document: document.stem)
def test_every_fence_begins_a_block(document: Path) -> None:
    text = document.read_text("utf-8")
    assert text.count("```") == 2 * len(blocks(document))


def test_every_fixture_and_setting_is_documented() -> None:
    """Fixtures, marker arguments, options of pytest and of its ini file."""
    fixtures = [name for name in vars(pytest_plugin) if name.startswith("images_mock")]
    assert len(fixtures) > 5
    options, settings = list[str](), list[str]()
    group = SimpleNamespace(addoption=lambda name, **more: options.append(name))
    parser = SimpleNamespace(getgroup=lambda *words: group, addini=lambda name, about: settings.append(name))
    pytest_plugin.pytest_addoption(cast("pytest.Parser", parser))
    assert (len(options), len(settings)) == (5, 4)
    named = [*fixtures, *options, *settings, *pytest_plugin.settings.SETTINGS]
    assert [name for name in named if f"`{name}" not in FIXTURES] == []


def test_every_scenario_is_documented() -> None:
    text = (HOME / "docs" / "reference" / "scenarios-built-in.md").read_text("utf-8")
    assert [name for name in loader.built_in_names() if f"| `{name}` |" not in text] == []


def test_every_document_is_linked() -> None:
    index = HOME / "docs" / "index.md"
    linked = index.read_text("utf-8")
    assert [one.name for one in DOCS if one != index and f"]({one.relative_to(index.parent)})" not in linked] == []
    assert "](docs/index.md)" in README.read_text("utf-8")


@pytest.mark.parametrize("document", WRITTEN, ids=lambda document: str(document.relative_to(HOME)))
def test_every_link_resolves(document: Path) -> None:
    """The file exists, and so does the heading, if the link has one."""
    for link in LINK.findall(FENCE.sub("", document.read_text("utf-8"))):
        name, _, heading = link.partition("#")
        file = (document.parent / name).resolve() if name else document
        assert file.exists(), link
        assert not heading or heading in anchors(file), link


def anchors(document: Path) -> list[str]:
    """The anchors of the headings of a document."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", document.read_text("utf-8")), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


def test_every_fault_is_documented() -> None:
    """The tables match the table of faults, and state what a correct client does."""
    described = {row["fault"]: row for row in tables.faults()}
    rows = {
        line
        for line in (HOME / "docs" / "reference" / "faults.md").read_text("utf-8").splitlines()
        if line.startswith("| `")
    }
    assert len(rows) == len(FAULTS)
    for name, fault in FAULTS.items():
        shown = described[name] | {"fault": f"`{name}`", "what happens": fault.short or "", "then": fault.about}
        (line,) = [row for row in rows if row.startswith(f"| `{name}` |")]
        assert line.startswith(tables.format_markdown([shown]).splitlines()[2])
        assert len(line.split("|")[-2]) > 20


def test_every_command_and_option_is_documented() -> None:
    """Some document names each option; the command-line reference names each command."""
    text = "".join(document.read_text("utf-8") for document in [README, *DOCS])
    named = (HOME / "docs" / "reference" / "command-line.md").read_text("utf-8")
    assert [name for name in main.command.commands if f"`mockserver {name}" not in named] == []
    params = [param for one in (main.command, *main.command.commands.values()) for param in one.params]
    options = {name for one in params if isinstance(one, click.Option) for name in one.opts if name.startswith("--")}
    assert {"--scenario", "--together", "--budget"} <= options
    assert sorted(name for name in options if not re.search(rf"`{name}[` ]", text)) == []


def test_fidelity_tables_are_current(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The module docstring of tests/support/fidelity.py shows how to update the tables."""
    text = fidelity.DOCUMENT.read_text("utf-8")
    assert text.count("<!-- table: ") == len(fidelity.TABLES)
    assert fidelity.render_tables(text) == text
    document = tmp_path / "fidelity.md"
    document.write_text(text.replace("| high |", "| sure |"))
    monkeypatch.setattr(fidelity, "DOCUMENT", document)
    fidelity.update_tables()
    assert document.read_text("utf-8") == text


@pytest.mark.slow
def test_guide_to_extending_runs(tmp_path: Path) -> None:
    """Follow the steps in a copy of the repository, with its own package and contracts."""
    for name in ("mockserver", "contracts", "scenarios"):
        shutil.copytree(HOME / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    assert play(EXTENDING, tmp_path)
    assert "long_ago" in (tmp_path / "contracts" / "schemas" / "scenario.json").read_text("utf-8")
    assert "long_ago" not in FAULTS
