"""The properties as pytest tests, and what docs/guides/fuzzing.md documents."""

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
from mockserver.harness.fuzz.client import build_client, parse_reply
from mockserver.harness.fuzz.client_profile import ClientProfile
from mockserver.harness.fuzz.engine import Limits, Run
from mockserver.harness.fuzz.executor import Executor
from mockserver.harness.fuzz.properties import PROPERTIES, ROWS
from mockserver.harness.fuzz.worker import call_client, load_callable
from tests.fuzz.clients import base, broken

HOME = Path(mockserver.__file__).parents[1]
TEXT = (HOME / "docs" / "guides" / "fuzzing.md").read_text("utf-8")
PROJECT = """
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
    """Turned off: some of these responses are broken on purpose."""


@pytest.fixture
def home(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Another project, which can import the clients of these tests."""
    monkeypatch.setenv("PYTHONPATH", str(HOME))
    return pytester


@pytest.mark.slow
@pytest.mark.usefixtures("unmeasured")
def test_client_properties(home: pytest.Pytester) -> None:
    """One case per property, in JUnit too; known findings do not fail."""
    home.makepyfile(test_project=PROJECT)
    done = home.runpytest_subprocess("-p", "no:images_mock", "--junitxml", "report.xml")
    done.assert_outcomes(passed=15, failed=1)
    done.stdout.fnmatch_lines(["*test_client?request-key?*", "*The key is sent in the Authorization header only.*"])
    assert 'name="test_client[request-key]"' in Path(home.path, "report.xml").read_text()


def test_callable() -> None:
    """A function can be passed in place of its name if another process can import it."""
    assert client_properties(base.edit, only="faults").pytestmark[0].args[1] == [
        row for row in ROWS if row.side == "faults"
    ]
    with pytest.raises(
        ValueError, match="cannot be imported by another process: expected a function at the top level of a module"
    ):
        client_properties(broken.edit_LosesN)


def test_documented() -> None:
    """The guide lists every property with its sentence, every option, and every field of calls and results."""
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
    """Calls match their schema."""
    calls = []

    class Client:
        def send(self, call: dict[str, object], timeout: float) -> object:
            calls.append(call)
            line = {"images": [], "events": [], "usage": None, "error": {"kind": "timeout"}}
            return parse_reply(json.dumps(line).encode(), str(call["id"]), 0)

        def close(self) -> None:
            pass

    executor = Executor(Client(), "gpt-image-1.5", "any")  # type: ignore[arg-type]
    try:
        for case in edge_cases.generate_calls(ClientProfile()):
            executor.observe(case)
    finally:
        executor.close()
    validator = Draft202012Validator(data_files.contract("schemas/fuzz-call.json"))
    assert [error.message for call in calls for error in validator.iter_errors(call)] == []
    assert len(calls) > 20


@pytest.mark.parametrize("module", ["openai_sync", "openai_async"])
def test_official_clients(module: str) -> None:
    """The built-in adapters have these properties."""
    executor = Executor(build_client(f"mockserver.harness.fuzz.clients.{module}:edit"), "gpt-image-1.5", "any")
    try:
        run = Run(executor, Limits(2))
        run.prepare()
        for name in ("request-mask", "request-contract", "response-plain", "faults-error-event", "faults-retry-after"):
            assert run.sweep(PROPERTIES[name]) == []
    finally:
        executor.close()


def test_template() -> None:
    """The unchanged template reports a connection error."""
    call = dict.fromkeys(("base_url", "api_key", "deadline_s", "model", "prompt", "images", "mask", "stream"))
    result = call_client(
        load_callable("mockserver.harness.fuzz.clients.template:edit"), {**call, "id": "1", "options": {}}
    )
    assert result["error"]["kind"] == "connection"
    assert parse_reply(json.dumps(result).encode(), "1", 0).how == "answered"
