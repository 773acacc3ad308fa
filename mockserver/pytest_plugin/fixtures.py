"""The fixtures."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from mockserver.pytest_plugin.reporting import (
    RECORDING,
    CrashLog,
    fail_if_unexpected,
    record_calls,
    warn_about_shutdowns,
)
from mockserver.pytest_plugin.settings import read_settings

if TYPE_CHECKING:
    import openai

    from mockserver.server.uvicorn_server import BackgroundServer
    from mockserver.testing.images_mock import ImagesMock

REAL_HOSTS = ("api.openai.com", ".openai.azure.com")
KEY = "sk-mockserver"


@pytest.fixture(scope="session")
def images_mock_settings() -> dict[str, Any]:
    """Settings of the server, those of mockserver.serve(): override this fixture to change them."""
    return {}


@pytest.fixture(scope="session")
def images_mock_server(images_mock_settings: dict[str, Any]) -> Iterator[BackgroundServer]:
    """The server that all tests of a run share, in a thread, on a free port."""
    from mockserver.server.uvicorn_server import serve_in_thread
    from mockserver.testing.serve import build_server

    with serve_in_thread(build_server(**images_mock_settings)) as server:
        yield server


@pytest.fixture
def images_mock(images_mock_server: BackgroundServer, request: pytest.FixtureRequest) -> Iterator[ImagesMock]:
    """The mocked Images API, in its initial state and for this test alone."""
    node = request.node
    settings = read_settings(request)
    mock = _open_session(images_mock_server, node.nodeid, settings)
    artifacts = request.config.getoption("images_mock_artifacts")
    node.stash[RECORDING] = lambda: record_calls(mock, artifacts)
    crash_log = CrashLog()
    logging.getLogger("uvicorn.error").addHandler(crash_log)
    yield mock
    # These calls run on the server's thread, which has logged a crash by then.
    recording = record_calls(mock, artifacts)
    unreached = mock.unreached() if settings["strict"] else []
    logging.getLogger("uvicorn.error").removeHandler(crash_log)
    # A failure from here on is reported after the session's end, and possibly after the server's.
    node.stash[RECORDING] = lambda: recording
    mock.reset()
    journal = [call.entry for call in recording.calls]
    fail_if_unexpected(journal, unreached, crash_log.tracebacks, strict=settings["strict"])
    warn_about_shutdowns(node, journal)


def _open_session(server: BackgroundServer, nodeid: str, settings: dict[str, Any]) -> ImagesMock:
    from mockserver.scenario.loader import ScenarioError
    from mockserver.testing.images_mock import ImagesMock

    name = hashlib.blake2b(nodeid.encode(), digest_size=8).hexdigest()
    mock = ImagesMock(server, f"test-{name}")
    mock.reset()
    scenario, seed = settings["scenario"], settings["seed"]
    try:
        if scenario is not None or seed is not None:
            mock.scenario(server.call(server.server.scenario).name if scenario is None else scenario, seed)
        if settings["as_of"] is not None:
            mock.as_of(settings["as_of"])
    except (ScenarioError, ValueError) as error:
        raise pytest.UsageError(f"{nodeid}: {error}") from None
    return mock


@pytest.fixture
def images_mock_env(images_mock: ImagesMock, monkeypatch: pytest.MonkeyPatch) -> Iterator[ImagesMock]:
    """images_mock with OPENAI_BASE_URL and OPENAI_API_KEY set; a test that looks up the real API's host fails."""
    import socket

    attempts: list[str] = []
    getaddrinfo = socket.getaddrinfo

    def guarded_getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
        if name.lower().rstrip(".").endswith(REAL_HOSTS):
            attempts.append(name)
            raise socket.gaierror(socket.EAI_NONAME, f"images_mock keeps this test from reaching {name}")
        return getaddrinfo(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
    monkeypatch.setenv("OPENAI_BASE_URL", images_mock.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    yield images_mock
    if attempts:
        hosts = ", ".join(sorted(set(attempts)))
        fix = "read OPENAI_BASE_URL, or pass images_mock.base_url to the client"
        pytest.fail(f"the code under test looked up {hosts}: {fix}", pytrace=False)


@pytest.fixture
def images_mock_client(images_mock: ImagesMock) -> Iterator[openai.OpenAI]:
    """The official client, connected to the mock, without retries. Skips the test if openai is not installed."""
    sdk = pytest.importorskip("openai")
    # Loading the machine's certificates takes longer than most tests, and the mock does not speak TLS.
    http_client = sdk.DefaultHttpxClient(verify=False)
    with sdk.OpenAI(base_url=images_mock.base_url, api_key=KEY, max_retries=0, http_client=http_client) as client:
        yield client


@pytest.fixture
def images_mock_async_client(images_mock: ImagesMock) -> openai.AsyncOpenAI:
    """The official asynchronous client, connected to the mock, without retries.

    It belongs to the event loop of the test, which closes it: `async with images_mock_async_client as client`.
    """
    sdk: Any = pytest.importorskip("openai")
    http_client = sdk.DefaultAsyncHttpxClient(verify=False)
    client: openai.AsyncOpenAI = sdk.AsyncOpenAI(
        base_url=images_mock.base_url, api_key=KEY, max_retries=0, http_client=http_client
    )
    return client
