"""The harness finds each classic bug, by its property, and nothing on a client that is right."""

import sys
from collections.abc import Iterator

import pytest

from mockserver.harness import client_properties
from mockserver.harness.fuzz.client import client
from mockserver.harness.fuzz.engine import Limits, Run
from mockserver.harness.fuzz.executor import Stage
from mockserver.harness.fuzz.properties import PROPERTIES as TABLE
from tests.fuzz.clients.broken import FIRST, PROPERTIES

pytestmark = pytest.mark.usefixtures("unmeasured")

test_correct = client_properties("tests.fuzz.clients.base:edit", max_examples=10)
# Others write names, retries and streams in another way, which is right as well.
test_async = client_properties("tests.fuzz.clients.other:edit", max_examples=3, only="response")
test_command = client_properties([sys.executable, "-m", "tests.fuzz.clients.lines"], max_examples=3, only="request")

test_documents = client_properties("tests.fuzz.clients.documents:edit", max_examples=3, only="request")


@pytest.fixture
def contracted() -> None:
    """These answers are broken on purpose."""


@pytest.fixture
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    stage = Stage(client(f"tests.fuzz.clients.broken:edit_{request.param}"), "gpt-image-1.5", "any")
    try:
        made = Run(stage, Limits(15, findings=1))
        made.prepare()
        yield made
    finally:
        stage.close()


@pytest.mark.parametrize(("run", "name"), [(kind.__name__, name) for kind, name in FIRST.items()], indirect=["run"])
def test_broken(run: Run, name: str) -> None:
    (found,) = run.examine(TABLE[name])
    assert found.identity.startswith(f"{name}/")
    assert found.failure.expected != found.failure.got


def test_none_is_left_out() -> None:
    """Whatever property any broken client fails of, a client of those above does."""
    assert set(FIRST.values()) == set(PROPERTIES.values())
