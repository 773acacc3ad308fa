"""A scenario's file that changes while it is played."""

import os
from pathlib import Path
from threading import Event

import pytest

from mockserver.scenario.loader import load
from mockserver.server.uvicorn_server import serve_in_thread
from mockserver.server.watch import Watch
from mockserver.state.memory import MemoryState
from mockserver.state.sessions import SessionStore
from tests.support.client import MockClient

FIRST = "scenario: first\nsteps:\n  - {ok: {}}\n  - {error: server-error}\n"
SECOND = "scenario: second\nsteps:\n  - {error: insufficient-quota}\n  - {ok: {}}\n"
BROKEN = "scenario: broken\nsteps:\n  - {eror: server-error}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "mine.yaml"
    file.write_text(FIRST)
    return file


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def talk(file: Path, said: list[str]) -> MockClient:
    talk = MockClient()
    talk.server.sessions = SessionStore(load(str(file)))
    talk.server.look = Watch(str(file), talk.server.sessions, said.append).look
    return talk


def test_unchanged(talk: MockClient, said: list[str]) -> None:
    assert [talk.edit().status_code for _ in range(3)] == [200, 500, 200]
    assert said == []


def test_changed(talk: MockClient, file: Path, said: list[str]) -> None:
    """Sessions begin it from its start, but for those that play one of their own."""
    mine = "/__mock/s/mine/v1/images/edits"
    talk.server.sessions.play("mine", load("flaky"), "latest")
    talk.server.sessions.play("dated", as_of="2026-04-21")
    assert [talk.edit().status_code, talk.edit(url=mine).status_code] == [200, 429]
    file.write_text(SECOND)
    assert [talk.edit().status_code for _ in range(3)] == [429, 200, 429]
    assert [talk.edit(url=mine).status_code for _ in range(2)] == [429, 500]
    assert talk.server.sessions.settings_for("dated", talk.server.settings).as_of.label == "2026-04-21"
    assert talk.get("health")["scenario"] == "second"
    assert said == [f"{file} has changed: every session starts it again"]


def test_broken(talk: MockClient, file: Path, said: list[str]) -> None:
    """The old one goes on where it was, and the reason is told once."""
    talk.edit()
    file.write_text(BROKEN)
    assert [talk.edit().status_code for _ in range(3)] == [500, 200, 500]
    (line,) = said
    assert line.startswith(f"{file}:3: steps[0]: 'eror': unknown key")
    assert line.endswith("; the scenario was not changed")
    assert "\n" not in line
    file.write_text(SECOND)
    assert talk.edit().status_code == 429


def test_gone_and_back(talk: MockClient, file: Path, said: list[str]) -> None:
    file.unlink()
    assert [talk.edit().status_code for _ in range(2)] == [200, 500]
    assert len(said) == 1
    file.write_text(SECOND)
    assert talk.edit().status_code == 429


@pytest.mark.parametrize("how", ["time", "size", "another file"])
def test_how_a_change_shows(talk: MockClient, file: Path, said: list[str], how: str) -> None:
    before = file.stat()
    if how == "another file":
        other = file.with_name("other.yaml")
        other.write_text(FIRST)
        os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
        other.replace(file)
    elif how == "size":
        file.write_text(FIRST + "\n")
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    else:
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1_000_000))
    talk.server.look()
    talk.server.look()
    assert len(said) == 1


def test_looked_at_without_requests() -> None:
    """A server with nothing to do looks too."""
    looked = Event()
    with serve_in_thread(MemoryState(look=looked.set)):
        assert looked.wait(30)
