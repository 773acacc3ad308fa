import os

import pytest

pytest_plugins = ("pytester", "tests.support.contracted", "tests.support.redis")


def pytest_configure() -> None:
    """Hide the certificates: no test uses TLS, and each client would spend 25 ms on reading them."""
    os.environ.pop("SSL_CERT_FILE", None)
    os.environ["SSL_CERT_DIR"] = os.devnull


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run slow tests first: a slow test at the end would leave the other processes idle."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start subprocesses without coverage, which is slow to start; other tests measure the same code."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
