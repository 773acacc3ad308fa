"""The properties as tests of pytest, and what docs/guides/fuzzing.md says."""

import json
import re
from pathlib import Path

import pytest
from click import Option
from jsonschema import Draft202012Validator

import mockserver
from mockserver.cli import commands
from mockserver.core import data_files
from mockserver.harness import client_properties
from mockserver.harness.fuzz import edge_cases
from mockserver.harness.fuzz.client import client, judged
from mockserver.harness.fuzz.client_profile import Ground
from mockserver.harness.fuzz.engine import Limits, Run
from mockserver.harness.fuzz.executor import Stage
from mockserver.harness.fuzz.properties import PROPERTIES, ROWS
from mockserver.harness.fuzz.worker import find, run
from tests.fuzz.clients import base, broken

HOME = Path(mockserver.__file__).parents[1]
TEXT = (HOME / "docs" / "guides" / "fuzzing.md").read_text("utf-8")
THEIRS = """
from mockserver.harness import client_properties

test_client = client_properties(
    "tests.fuzz.clients.broken:edit_KeyInUrl", only="request", max_examples=1, model="gpt-image-2", as_of="latest"
)
test_known = client_properties(
    "tests.fuzz.clients.broken:edit_KeyInUrl", only="request", max_examples=1, known=["request-key/the-URL"]
)
"""


@pytest.fixture
def contracted() -> None:
    """Some of these answers are broken on purpose."""


@pytest.fixture
def home(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Another project, in which our tests' clients can be found."""
    monkeypatch.setenv("PYTHONPATH", str(HOME))
    return pytester


@pytest.mark.slow
@pytest.mark.usefixtures("unmeasured")
def test_client_properties(home: pytest.Pytester) -> None:
    """A case for each property, in JUnit too; what is known does not fail."""
    home.makepyfile(test_theirs=THEIRS)
    done = home.runpytest_subprocess("-p", "no:images_mock", "--junitxml", "report.xml")
    done.assert_outcomes(passed=15, failed=1)
    done.stdout.fnmatch_lines(["*test_client?request-key?*", "*The key stands in its header and nowhere else.*"])
    assert 'name="test_client[request-key]"' in Path(home.path, "report.xml").read_text()


def test_callable() -> None:
    """A function of a module does as well as its name; one that no other process finds does not."""
    assert client_properties(base.edit, only="faults").pytestmark[0].args[1] == [
        row for row in ROWS if row.side == "faults"
    ]
    with pytest.raises(ValueError, match="cannot be imported by another process: expected a function of a module"):
        client_properties(broken.edit_LosesN)


def test_documented() -> None:
    """The page names every property with its sentence, every option, and every field of calls and results."""
    for row in ROWS:
        assert f"| `{row.id}` | {row.sentence} |\n" in TEXT
    for option in commands.fuzz.params:
        if isinstance(option, Option):
            assert f"| `{option.opts[0]}" in TEXT
    for name in ("call", "result"):
        for field in data_files.contract(f"schemas/fuzz-{name}.json")["properties"]:
            assert f"`{field}`" in TEXT
    for link in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert (HOME / "docs" / "guides" / link).exists()


def test_call() -> None:
    """What a client gets is what the schema of calls promises."""
    calls = []

    class Client:
        def ask(self, call: dict[str, object], limit: float) -> object:
            calls.append(call)
            line = {"images": [], "events": [], "usage": None, "error": {"kind": "timeout"}}
            return judged(json.dumps(line).encode(), str(call["id"]), 0)

        def close(self) -> None:
            pass

    stage = Stage(Client(), "gpt-image-1.5", "any")  # type: ignore[arg-type]
    try:
        for case in edge_cases.calls(Ground()):
            stage.observe(case)
    finally:
        stage.close()
    validator = Draft202012Validator(data_files.contract("schemas/fuzz-call.json"))
    assert [error.message for call in calls for error in validator.iter_errors(call)] == []
    assert len(calls) > 20


@pytest.mark.parametrize("module", ["openai_sync", "openai_async"])
def test_official_clients(module: str) -> None:
    """The adapters that come along do their work: what they are asked for arrives, and what they get they tell."""
    stage = Stage(client(f"mockserver.harness.fuzz.clients.{module}:edit"), "gpt-image-1.5", "any")
    try:
        tried = Run(stage, Limits(2))
        tried.prepare()
        for name in ("request-mask", "request-contract", "response-plain", "faults-error-event", "faults-retry-after"):
            assert tried.sweep(PROPERTIES[name]) == []
    finally:
        stage.close()


def test_template() -> None:
    """The template is a client already, of a server that is not there."""
    call = dict.fromkeys(("base_url", "api_key", "deadline_s", "model", "prompt", "images", "mask", "stream"))
    result = run(find("mockserver.harness.fuzz.clients.template:edit"), {**call, "id": "1", "options": {}})
    assert result["error"]["kind"] == "connection"
    assert judged(json.dumps(result).encode(), "1", 0).how == "answered"
