"""The pytest fixtures. Imports everything else only when a fixture is used, so that it costs other suites nothing.

PYTEST_DONT_REWRITE: a filter that names its warning imports it before pytest does, which pytest would warn of.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    import openai
    from PIL import Image

    from mockserver.server.uvicorn_server import Running
    from mockserver.testing.images_mock import Call, ImagesMock

# What a marker, the command line and an ini file may say, in this order of precedence; the closest marker comes first.
WORDS = {
    "scenario": "the scenario that each test plays: a built-in one's name, or a file",
    "as_of": "the day of the API: any, latest, or a date",
    "seed": "decides all that a scenario leaves to chance",
    "strict": "fail a test on refusals that nobody ordered, and on steps that were never reached",
}
TRUTH = dict.fromkeys(("true", "1", "yes", "on"), True) | dict.fromkeys(("false", "0", "no", "off", "none"), False)
REAL = ("api.openai.com", ".openai.azure.com")
KEY = "sk-mockserver"


class _Seen(NamedTuple):
    """What a mock saw: its calls, and the pictures that are still held, by their SHA-256."""

    calls: list[Call]
    pictures: dict[str, Image.Image]


# How a test's item tells what its mock saw.
SEEN = pytest.StashKey[Callable[[], _Seen]]()


class ShutdownWarning(UserWarning):
    """A test used a model whose day of shutdown is known."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the command line and of the ini file."""
    group = parser.getgroup("images_mock", "the mocked OpenAI Images API")
    for name, about in WORDS.items():
        action = {"action": "store_const", "const": "true"} if name == "strict" else {}
        group.addoption(f"--images-mock-{name.replace('_', '-')}", default=None, help=about, **action)
        parser.addini(f"images_mock_{name}", about)
    group.addoption("--images-mock-artifacts", metavar="DIR", help="where the pictures of failed tests are saved")


def pytest_configure(config: pytest.Config) -> None:
    """The marker."""
    config.addinivalue_line("markers", f"images_mock({', '.join(f'{word}=...' for word in WORDS)}): see images_mock")


def _asked(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What counts for a test: the closest marker's word, else the command line's, else the ini file's."""
    found: dict[str, Any] = {}
    for word in WORDS:
        option = request.config.getoption(f"images_mock_{word}")
        found[word] = (request.config.getini(f"images_mock_{word}") or None) if option is None else option
    for marker in reversed(list(request.node.iter_markers("images_mock"))):
        unknown = [name for name in marker.kwargs if name not in WORDS]
        if unknown or marker.args:
            words = f"the marker images_mock takes {', '.join(WORDS)} by name, not {', '.join(unknown) or marker.args}"
            raise pytest.UsageError(f"{request.node.nodeid}: {words}")
        found |= marker.kwargs
    strict = str(found["strict"]).lower()
    if strict not in TRUTH:
        raise pytest.UsageError(f"{request.node.nodeid}: strict is true or false, not {found['strict']!r}")
    return found | {"strict": TRUTH[strict], "seed": _seed(request.node.nodeid, found["seed"])}


def _seed(test: str, seed: Any) -> int | None:
    """The seed as a number; None where there is none to count."""
    from mockserver.core.number import is_plain_number

    try:
        if seed is not None and (isinstance(seed, bool | float) or not is_plain_number(str(seed))):
            raise ValueError
        return None if seed is None else int(seed)
    except (ValueError, TypeError):
        raise pytest.UsageError(f"{test}: seed is a whole number, not {seed!r}") from None


class _Crashes(logging.Handler):
    """Keeps what the server says of its own crashes."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it, with its traceback."""
        self.seen.append(self.format(record))


@pytest.fixture(scope="session")
def images_mock_settings() -> dict[str, Any]:
    """The settings of the server, as mockserver.serve takes them: override this fixture to change them."""
    return {}


@pytest.fixture(scope="session")
def images_mock_server(images_mock_settings: dict[str, Any]) -> Iterator[Running]:
    """The server that all tests of a run share, in a thread, on a free port of its own."""
    from mockserver.server.uvicorn_server import running
    from mockserver.testing.serve import furnished

    with running(furnished(**images_mock_settings)) as started:
        yield started


@pytest.fixture
def images_mock(images_mock_server: Running, request: pytest.FixtureRequest) -> Iterator[ImagesMock]:
    """The mocked Images API, at its start and for this test alone."""
    from mockserver.scenario.loader import ScenarioError
    from mockserver.testing.images_mock import ImagesMock

    asked = _asked(request)
    name = hashlib.blake2b(request.node.nodeid.encode(), digest_size=8).hexdigest()
    mock = ImagesMock(images_mock_server, f"test-{name}")
    mock.reset()
    try:
        if asked["scenario"] is not None or asked["seed"] is not None:
            own = images_mock_server.server.state.scenario.name
            mock.scenario(own if asked["scenario"] is None else asked["scenario"], asked["seed"])
        if asked["as_of"] is not None:
            mock.as_of(asked["as_of"])
    except (ScenarioError, ValueError) as error:
        raise pytest.UsageError(f"{request.node.nodeid}: {error}") from None
    artifacts = request.config.getoption("images_mock_artifacts")
    request.node.stash[SEEN] = lambda: _seen(mock, artifacts)
    crashes = _Crashes()
    logging.getLogger("uvicorn.error").addHandler(crashes)
    yield mock
    # Asked of the server's own thread, which has told of a crash by then.
    seen, left = _seen(mock, artifacts), mock.unreached() if asked["strict"] else []
    logging.getLogger("uvicorn.error").removeHandler(crashes)
    # What fails from here on is reported when the session is over, and perhaps the server too.
    request.node.stash[SEEN] = lambda: seen
    mock.reset()
    journal = [one.entry for one in seen.calls]
    _judge(journal, left, crashes.seen, strict=asked["strict"])
    _warn(request.node, journal)


def _judge(journal: list[Mapping[str, Any]], left: list[int], crashes: list[str], *, strict: bool) -> None:
    """Fail on crashes, and where it is strict on what nobody wanted."""
    if crashes:
        pytest.fail("the server crashed:\n" + "\n".join(crashes), pytrace=False)
    unwanted = [
        f"{entry['id']} was refused with {entry['answer']['status']} {entry['answer']['code']}: {entry['hints'][0]}"
        for entry in journal
        if entry["answer"]["outcome"] == "refused" and not any("Ordered by scenario" in hint for hint in entry["hints"])
    ]
    if strict and (unwanted or left):
        never = [f"steps that were never reached: {', '.join(map(str, left))}"] if left else []
        pytest.fail("images_mock is strict:\n" + "\n".join([*unwanted, *never]), pytrace=False)


def _warn(item: pytest.Item, journal: list[Mapping[str, Any]]) -> None:
    """Warn of models that will be gone, at the test that used them; fail where a warning is an error."""
    from mockserver.contract.capabilities import table

    for model in sorted({entry["job"]["model"] for entry in journal if entry["job"]}):
        day = table()[model].shutdown
        try:
            if day:
                item.warn(ShutdownWarning(f"{model} is shut down from {day} on"))
        except ShutdownWarning as warning:
            raise pytest.fail.Exception(f"ShutdownWarning: {warning}", pytrace=False) from None


@pytest.fixture
def images_mock_env(images_mock: ImagesMock, monkeypatch: pytest.MonkeyPatch) -> Iterator[ImagesMock]:
    """OPENAI_BASE_URL and OPENAI_API_KEY lead to the mock; who asks for the real API all the same fails the test."""
    import socket

    tried: list[str] = []
    ask = socket.getaddrinfo

    def watched(host: Any, *arguments: Any, **more: Any) -> Any:
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
        if name.lower().rstrip(".").endswith(REAL):
            tried.append(name)
            raise socket.gaierror(socket.EAI_NONAME, f"images_mock keeps this test from reaching {name}")
        return ask(host, *arguments, **more)

    monkeypatch.setattr(socket, "getaddrinfo", watched)
    monkeypatch.setenv("OPENAI_BASE_URL", images_mock.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    yield images_mock
    if tried:
        words = "read OPENAI_BASE_URL, or hand the client images_mock.base_url"
        pytest.fail(f"the code under test asked for {', '.join(sorted(set(tried)))}: {words}", pytrace=False)


@pytest.fixture
def images_mock_client(images_mock: ImagesMock) -> Iterator[openai.OpenAI]:
    """The official client, connected to the mock, which does not retry. Skips the test where it is not installed."""
    found = pytest.importorskip("openai")
    # Reading the machine's certificates takes longer than most tests, and nothing here is encrypted.
    plain = found.DefaultHttpxClient(verify=False)
    with found.OpenAI(base_url=images_mock.base_url, api_key=KEY, max_retries=0, http_client=plain) as client:
        yield client


@pytest.fixture
def images_mock_async_client(images_mock: ImagesMock) -> openai.AsyncOpenAI:
    """The official asynchronous client, connected to the mock, which does not retry.

    It belongs to the event loop of the test, which closes it: `async with images_mock_async_client as client`.
    """
    found: Any = pytest.importorskip("openai")
    plain, url = found.DefaultAsyncHttpxClient(verify=False), images_mock.base_url
    client: openai.AsyncOpenAI = found.AsyncOpenAI(base_url=url, api_key=KEY, max_retries=0, http_client=plain)
    return client


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """A test that fails, be it before or after its own lines, tells what its mock saw, and saves it where told to."""
    report: Any = yield
    if report.failed and SEEN in item.stash:
        seen = item.stash[SEEN]()
        lines = [f"{one!r}\n  {' '.join(one.hints)}" for one in seen.calls]
        report.sections.append(("images_mock", "\n".join(lines) or "no calls"))
        folder = item.config.getoption("images_mock_artifacts")
        if folder:
            _save(seen, Path(folder, item.nodeid.replace("/", "_").replace("::", ".")))
    if report.when == "teardown" and SEEN in item.stash:
        del item.stash[SEEN]
    return report


def _seen(mock: ImagesMock, artifacts: str | None) -> _Seen:
    """What a mock saw, as it can be told when it is gone; with the pictures only where they may have to be saved."""
    calls, pictures = mock.calls, dict[str, "Image.Image"]()
    received = [file["sha256"] for one in calls for file in one.entry["request"]["files"]]
    sent = [sha256 for one in calls for sha256 in one.entry["answer"]["pictures"]]
    for sha256 in {*received, *sent} - {None} if artifacts else ():
        try:
            pictures[sha256] = mock.picture(sha256)
        except (LookupError, OSError):
            continue
    return _Seen(calls, pictures)


def _save(seen: _Seen, folder: Path) -> None:
    """The journal, and every picture."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "journal.json").write_text(json.dumps([one.entry for one in seen.calls], indent=2))
    for sha256, picture in seen.pictures.items():
        picture.save(folder / f"{sha256}.{str(picture.format).lower()}")
