import os

import pytest

pytest_plugins = ("pytester", "tests.support.contracted", "tests.support.redis")


def pytest_configure() -> None:
    """No test speaks TLS: clients find no certificates, which each of them would take 25 ms to read."""
    os.environ.pop("SSL_CERT_FILE", None)
    os.environ["SSL_CERT_DIR"] = os.devnull


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow ones first: one that came last would leave all processes but its own with nothing to do."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that the test starts run without coverage, whose start takes longer than many of them: what they do is
    measured in other tests."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
