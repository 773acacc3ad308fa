"""Safe by default: the server never connects to or opens what a request names, and stores no key in clear text."""

import json
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mockserver.journal.report.facts import facts
from mockserver.journal.report.files import writer
from mockserver.scenario.loader import ScenarioError, find_scenario, parse
from mockserver.server.uvicorn_server import serve_in_thread
from tests.support.attacks import EDITS, post, url
from tests.support.client import MockClient
from tests.support.images import png

SECRET = "sk-proj-never-written-down-0123456789"
# Audit events of network access and of new processes.
REACHES = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "urllib.Request")
STARTS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork")
watched: list[tuple[str, Any]] = []
listening = False


def record_event(event: str, arguments: tuple[Any, ...]) -> None:
    """Record audit events while a test listens; an audit hook cannot be removed."""
    if listening and (event in REACHES or event in STARTS):
        watched.append((event, arguments[-1]))


record_event.__cantrace__ = True  # so that coverage measures it
sys.addaudithook(record_event)


@pytest.fixture
def reached() -> Iterator[list[tuple[str, Any]]]:
    """The audit events of this process."""
    global listening
    watched.clear()
    listening = True
    yield watched
    listening = False


URLS = [
    "http://evil.test/a.png",
    "https://evil.test/a.png",
    "HTTP://EVIL.TEST/a.png",
    "//evil.test/a.png",
    "http://127.0.0.1:1/a.png",
    "http://localhost:1/a.png",
    "http://[::1]:1/a.png",
    "http://[::ffff:127.0.0.1]/a.png",
    "http://0x7f000001/a.png",
    "http://2130706433/a.png",
    "http://169.254.169.254/latest/meta-data/",
    "http://user:secret@evil.test/a.png",
    "http://evil.test\\@localhost/a.png",
    "http://[broken/a.png",
    "ftp://evil.test/a.png",
    "gopher://evil.test:25/x",
    "file:///etc/passwd",
    "file://evil.test/etc/passwd",
    "jar:http://evil.test!/x",
    "unix:///var/run/docker.sock",
    "data:text/html;base64,PHNjcmlwdD4=",
    "data:,x",
    "javascript:alert(1)",
    "/etc/passwd",
    "..\\..\\x",
    "\\\\evil.test\\share\\a.png",
    "s3://bucket/a.png",
    "http://evil.test/\r\nX: y",
    "http://\ud800.test/",
    "",
]


@pytest.mark.parametrize("number", range(len(URLS)))
def test_no_url_is_ever_fetched(reached: list[tuple[str, Any]], number: int) -> None:
    client, given = MockClient(), URLS[number]
    shapes: list[dict[str, Any]] = [
        {"images": [{"image_url": given}]},
        {"images": [{"image_url": url(png())}], "mask": {"image_url": given}},
        {"images": [given]},
        {"image": given},
        {"images": [{"file_id": given}]},
    ]
    for shape in shapes:
        value = {"model": "gpt-image-2", "prompt": given or "x", "user": given, **shape}
        response = client.request("POST", EDITS, content=json.dumps(value), headers=JSON)
        assert 400 <= response.status_code < 500
    text = given.encode("ascii", "ignore").decode()
    response = client.edit(data={"image": text}, files={"mask": (text, png(), "image/png")})
    assert response.status_code == 400
    assert reached == []


JSON = {"Authorization": f"Bearer {SECRET}", "Content-Type": "application/json"}


def test_the_audit_hook_sees_connections(reached: list[tuple[str, Any]]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as there, socket.create_connection(there.getsockname()):
        pass
    assert [event for event, _ in reached][-1] == "socket.connect"


def test_a_real_server_connects_to_nothing(reached: list[tuple[str, Any]]) -> None:
    with (
        serve_in_thread() as started,
        socket.create_connection(("127.0.0.1", int(started.url[17:])), timeout=30) as there,
    ):
        own = there.getpeername()
        value = {"model": "gpt-image-2", "prompt": "x", "images": [{"image_url": "http://127.0.0.1:1/a.png"}]}
        there.sendall(post(json.dumps(value).encode(), "application/json"))
        assert there.recv(65_536).startswith(b"HTTP/1.1 400 ")
    assert {address for event, address in reached if event == "socket.connect"} == {own}


PLACES = [
    {"headers": {"Authorization": f"Bearer {SECRET}"}},
    {"headers": {"Authorization": f"bearer   {SECRET}"}},
    {"headers": {"api-key": SECRET}},
    {"headers": {"Cookie": f"key={SECRET}", "Authorization": f"Bearer {SECRET}"}},
    {"headers": {"X-Api-Key": SECRET, "Authorization": "Bearer sk-other-0123456789"}},
    {"headers": {"Proxy-Authorization": f"Basic {SECRET}", "Authorization": "Bearer sk-other-0123456789"}},
    {"headers": {"Authorization": f"Bearer {SECRET}", "X-Other": f"the key is {SECRET}"}},
    {"headers": {"Authorization": f"Token {SECRET}", "X-Other": f"the key is {SECRET}"}},
    {"data": {"api_key": SECRET}},
    {"url": "/v1/images/generations", "json": {"prompt": "x", "extra": [{"api_key": SECRET}]}},
    {"data": {"prompt": f"my key is {SECRET}"}, "headers": {"Authorization": f"Bearer {SECRET}"}},
    {"data": {"model": SECRET}, "headers": {"Authorization": f"Bearer {SECRET}"}},
    {"data": {SECRET: "x"}, "headers": {"Authorization": f"Bearer {SECRET}"}},
    {"url": f"{EDITS}?api-key={SECRET}"},
    {"url": f"/v1/nowhere/{SECRET}", "headers": {"Authorization": f"Bearer {SECRET}"}},
    {"files": {SECRET: (SECRET, png(), SECRET)}, "headers": {"Authorization": f"Bearer {SECRET}"}},
]


@pytest.mark.parametrize("number", range(len(PLACES)))
def test_no_key_in_clear(number: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    client = MockClient()
    place: dict[str, Any] = PLACES[number]
    if "json" in place:
        client.request("POST", headers={"Authorization": "Bearer sk-other-0123456789"}, **place)
    else:
        client.edit(**place)
    texts = [
        client.request("GET", f"/__mock/{name}").text for name in ("journal", "ledger", "verdict?end=true", "metrics")
    ]
    journal = client.server.journal
    found = facts(journal.entries(), journal.dropped, ABOUT, ())
    for ending in ("json", "xml", "html"):
        writer(str(tmp_path / f"report.{ending}"))(found)
        texts.append((tmp_path / f"report.{ending}").read_text())
    texts += capfd.readouterr()
    # Also check the state in memory.
    texts += [repr(one) for one in (journal.noted(), journal.repeats._calls, client.server.sessions._sessions)]
    assert [text for text in texts if SECRET in text] == []


ABOUT = {"version": "1", "scenario": "ok", "as_of": "any", "command": None, "status": None}


@pytest.mark.parametrize(
    "name",
    ["../secret", "..", "/etc/passwd", "a/b", "a\0b", "secret.yaml", "", "A", "a" * 65, "%2e%2e/secret", "..\\secret"],
    ids=repr,
)
def test_scenarios_stay_in_their_folder(name: str, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "secret.yaml").write_text("scenario: secret\nsteps: []\nthen: ok\n")
    with pytest.raises(ScenarioError):
        find_scenario(name, inner)


@pytest.mark.parametrize(
    "text",
    [
        "{scenario: a, extends: ../secret.yaml}",
        "{scenario: a, extends: link.yaml}",
        "{scenario: a, steps: [{ok: {pictures: [../secret.png]}}]}",
        "{scenario: a, steps: [{ok: {pictures: [link.png]}}]}",
        "{scenario: a, steps: [{ok: {pictures: [/etc/passwd]}}]}",
        "{scenario: a, steps: [{ok: {}}], urls: {'http://x.test/a': ../secret.png}}",
    ],
)
def test_files_of_scenarios_must_be_in_their_folder(text: str, tmp_path: Path) -> None:
    inner = (tmp_path / "inner").resolve()
    inner.mkdir()
    for name in ("secret.yaml", "secret.png"):
        (tmp_path / name).write_text("scenario: secret\nsteps: []\n")
        os.symlink(tmp_path / name, inner / name.replace("secret", "link"))
    with pytest.raises(ScenarioError) as caught:
        parse(text.encode(), "mine", inner)
    assert "is not a file in the folder" in caught.value.errors[0]


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)
)
YAML = {
    "laughs": LAUGHS,
    "itself": "&a [*a]",
    "merges": "a: &a {x: 1}\n" + "".join(f"b{n}: &b{n} {{<<: *a}}\n" for n in range(20_000)),
    "object": "!!python/object/apply:os.system [id]",
    "module": "!!python/module:os",
    "name": "!!python/name:os.system",
    "binary": "!!binary aGVsbG8=",
    "set": "!!set {a, b}",
    "own": "!own x",
    "deep": "[" * 10_000,
    "flow": "{a: " * 10_000,
    "documents": "---\na: 1\n---\nb: 2\n",
    "large": "#" * 1_048_577,
    "number": "a: " + "9" * 10_000,
    "date": "a: 2026-99-99",
    "sixty": "a: 1:99:99:99",
    "octal": "a: 0o9",
    "infinite": "a: .inf",
    "null": "a: \0",
    "nothing": "",
}


@pytest.mark.parametrize("name", YAML)
def test_yaml_is_read_safely(name: str, reached: list[tuple[str, Any]]) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse(YAML[name].encode(), "mine")
    assert caught.value.errors[0].startswith("mine:")
    assert reached == []
