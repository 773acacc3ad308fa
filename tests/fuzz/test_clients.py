"""Fuzzing finds each classic bug by its property, and finds nothing on correct clients."""

import sys
from collections.abc import Iterator

import pytest

from mockserver.harness import client_properties
from mockserver.harness.fuzz.client import build_client
from mockserver.harness.fuzz.engine import Limits, Run
from mockserver.harness.fuzz.executor import Executor
from mockserver.harness.fuzz.properties import PROPERTIES as TABLE
from tests.fuzz.clients.broken import FIRST, PROPERTIES

pytestmark = pytest.mark.usefixtures("unmeasured")

test_correct = client_properties("tests.fuzz.clients.base:edit", max_examples=10)
# Other clients serialize names, retry and parse streams differently, which is also correct.
test_async = client_properties("tests.fuzz.clients.other:edit", max_examples=3, only="response")
test_command = client_properties([sys.executable, "-m", "tests.fuzz.clients.lines"], max_examples=3, only="request")

test_documents = client_properties("tests.fuzz.clients.documents:edit", max_examples=3, only="request")


@pytest.fixture
def contracted() -> None:
    """Turned off: these responses are broken on purpose."""


@pytest.fixture
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    executor = Executor(build_client(f"tests.fuzz.clients.broken:edit_{request.param}"), "gpt-image-1.5", "any")
    try:
        run = Run(executor, Limits(15, findings=1))
        run.prepare()
        yield run
    finally:
        executor.close()


@pytest.mark.parametrize(("run", "name"), [(kind.__name__, name) for kind, name in FIRST.items()], indirect=["run"])
def test_broken(run: Run, name: str) -> None:
    (finding,) = run.examine(TABLE[name])
    assert finding.identity.startswith(f"{name}/")
    assert finding.failure.expected != finding.failure.got


def test_every_violated_property_is_tested() -> None:
    assert set(FIRST.values()) == set(PROPERTIES.values())
