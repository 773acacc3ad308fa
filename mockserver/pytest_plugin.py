"""The pytest fixtures. Imports everything else only when a fixture is used, so that it costs other suites nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mockserver.server import Running


class ImagesMock:
    """One test's own view of the server: a session that no other test shares.

    `url` is the server's root; `base_url` ends in `/v1` and is what a client takes.
    """

    def __init__(self, running: Running, session: str) -> None:
        self._running = running
        self.session = session
        self.url = running.url
        self.base_url = f"{running.url}/__mock/s/{session}/v1"

    def scenario(self, name: str) -> None:
        """Play a scenario from its first step: a built-in one's name, or a file's path.

        Raises mockserver.scenario.files.ScenarioError for one that is unknown or wrong.
        """
        from mockserver.scenario.files import load

        scenario = load(name)
        self._running.call(lambda: self._running.server.state.play(self.session, scenario))

    def as_of(self, day: str) -> None:
        """Be the API of that day: `any`, `latest` or a date. Raises ValueError for anything else."""
        from mockserver.contract.asof import as_of

        label = as_of(day).label
        self._running.call(lambda: self._running.server.state.play(self.session, as_of=label))

    @property
    def journal(self) -> list[dict[str, Any]]:
        """What this test's calls sent, what was understood and what was answered, oldest first."""
        return self._running.call(lambda: self._running.server.journal.entries(self.session))

    @property
    def ledger(self) -> dict[str, Any]:
        """What this test's calls would have cost, as `GET /__mock/ledger` tells it."""
        from mockserver.ledger import ledger

        return self._running.call(lambda: ledger(self._running.server.journal.noted(self.session)))

    @property
    def verdict(self) -> dict[str, Any]:
        """What this test's client did wrong, and left undone, as `GET /__mock/verdict?end=true` tells it."""
        from mockserver.verdict import verdict

        return self._running.call(lambda: verdict(self._running.server.journal.noted(self.session), end=True))

    def advance(self, seconds: float) -> None:
        """Move this test's clock on: minutes pass at once. Raises ValueError for what is no way forward."""
        self._running.call(lambda: self._running.server.clock.advance(seconds, self.session))

    def reset(self) -> None:
        """Back to the start: the server's own scenario, the clock's own time, an empty journal."""

        def reset() -> None:
            self._running.server.state.reset(self.session)
            self._running.server.clock.reset(self.session)
            self._running.server.journal.clear(self.session)

        self._running.call(reset)


@pytest.fixture(scope="session")
def images_mock_server() -> Iterator[Running]:
    """The server that all tests of a run share, in a thread, on a free port of its own."""
    from mockserver.server import running

    with running() as started:
        yield started


@pytest.fixture
def images_mock(images_mock_server: Running, request: pytest.FixtureRequest) -> Iterator[ImagesMock]:
    """The mocked Images API, at its start and for this test alone."""
    name = hashlib.blake2b(request.node.nodeid.encode(), digest_size=8).hexdigest()
    mock = ImagesMock(images_mock_server, f"test-{name}")
    mock.reset()
    yield mock
    mock.reset()
