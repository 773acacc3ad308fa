"""An exception that the server does not expect: on the wire, in the journal and in the log."""

import logging
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from mockserver.engine.values import Settings
from mockserver.scenario.loader import load
from mockserver.server.uvicorn_server import serve_in_thread
from mockserver.state.memory import MemoryState
from mockserver.state.sessions import SessionStore
from tests.support.client import FORM


class Broken(Exception):
    """Raised by a part of the server that a test broke."""


def fail(*_: Any) -> Any:
    raise Broken


def break_clock(state: MemoryState) -> None:
    """The clock fails once, while the request is understood."""
    base, calls = state.clock.base, []

    def tick() -> float:
        calls.append(1)
        if len(calls) == 1:
            raise Broken
        return base()

    state.clock.base = tick


def break_witness(state: MemoryState) -> None:
    state.witness = fail


BREAKS = {"before the turn": break_clock, "after the turn": break_witness}


@pytest.fixture
def contracted() -> None:
    """A server that crashes keeps to no contract."""


@pytest.mark.parametrize("break_state", BREAKS.values(), ids=BREAKS)
def test_crash_is_an_error_of_the_api_with_an_entry_and_a_traceback(
    break_state: Callable[[MemoryState], None], caplog: pytest.LogCaptureFixture
) -> None:
    state = MemoryState(Settings(paint="flat"), SessionStore(load("ok")))
    with serve_in_thread(state) as started, httpx2.Client(base_url=started.url, timeout=60) as client:
        break_state(state)
        logging.getLogger("uvicorn.error").addHandler(caplog.handler)
        response = client.post(**FORM)
        entries = client.get("/__mock/journal").json()["entries"]
        logging.getLogger("uvicorn.error").removeHandler(caplog.handler)
        assert client.get("/__mock/health").status_code == 200
    assert response.status_code == 500
    assert response.json()["error"]["type"] == "server_error"
    assert "Broken" in response.headers["x-mockserver-hint"]
    (entry,) = entries
    assert (entry["id"], entry["answer"]["status"]) == (response.headers["x-mockserver-entry"], 500)
    assert entry["answer"]["complete"]
    assert entry["answer"]["row"].startswith("server-error")
    (record,) = [record for record in caplog.records if record.name == "uvicorn.error"]
    assert record.exc_info
    assert isinstance(record.exc_info[1], Broken)
    assert entry["id"] in record.exc_info[1].__notes__[0]


def test_crash_takes_one_turn(contracted: None) -> None:
    """The step that the crashed request would have got is used up; the next request gets the next."""
    state = MemoryState(Settings(paint="flat"), SessionStore(load("flaky")))
    with serve_in_thread(state) as started, httpx2.Client(base_url=started.url, timeout=60) as client:
        break_clock(state)
        assert [client.post(**FORM).status_code for _ in range(4)] == [500, 429, 500, 200]


def test_crash_after_the_response_began_leaves_its_entry() -> None:
    async def sleep(seconds: float) -> None:
        raise Broken

    state = MemoryState(Settings(paint="flat", latency=0.1), SessionStore(load("ok")), sleep=sleep)
    with serve_in_thread(state) as started, httpx2.Client(base_url=started.url, timeout=60) as client:
        assert client.post(**FORM).status_code == 500
        # The server closes the connection after a crash.
        (entry,) = httpx2.get(f"{started.url}/__mock/journal", timeout=60).json()["entries"]
    assert (entry["answer"]["complete"], entry["answer"]["sent"][-1]["what"]) == (False, "cut")
