"""Things kept at hand change nothing but the time that it takes."""

import dataclasses
import itertools
import random
import re
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cachetools import LRUCache
from PIL import Image

from mockserver.contract.asof import as_of
from mockserver.core import form_split
from mockserver.core.cache import Shelf
from mockserver.core.request import Part, Request
from mockserver.engine import events, hearing, meaning, output_images, responses, usage
from mockserver.engine.respond import respond
from mockserver.engine.values import Settings
from mockserver.journal.store import Pictures
from mockserver.scenario.loader import parse
from mockserver.scenario.machine import Turn
from tests.engine.test_understand import CONTEXT, edit
from tests.support.client import FORM, KEY, Talk
from tests.support.images import masked, png, saved


def test_made_once() -> None:
    made: list[str] = []

    def make(name: str) -> str:
        made.append(name)
        return name

    shelf = Shelf[str](5, len)
    for name in ["ab", "cd", "ab", "ef", "ab", "cd", "too long", "too long"]:
        assert shelf.get(name, lambda name=name: make(name)) == name  # type: ignore[misc]
    # "cd" was asked for longest ago when "ef" came; what is heavier than the limit is never kept.
    assert made == ["ab", "cd", "ef", "cd", "too long", "too long"]


def test_made_once_by_many() -> None:
    """Who asks while another thread makes it waits for that; where it cannot be made, the next one tries."""
    shelf, begun, go, made = Shelf[str](5, len), threading.Event(), threading.Event(), []

    def slow() -> str:
        begun.set()
        assert go.wait(30)
        made.append("k")
        if len(made) == 1:
            raise OSError("no")
        return "k"

    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(shelf.get, "k", slow)
        assert begun.wait(30)
        others = [pool.submit(shelf.get, "k", slow) for _ in range(2)]
        go.set()
        with pytest.raises(OSError, match="no"):
            first.result(30)
        assert [other.result(30) for other in others] == ["k", "k"]
    assert made == ["k", "k"]


def test_made_within_itself() -> None:
    """A thing that was put there while it is made counts once."""
    shelf = Shelf[str](5, len)

    def slow() -> str:
        shelf.get("k", lambda: "one")
        return "one"

    assert shelf.get("k", slow) == "one"
    assert shelf.get("l", lambda: "two") == "two"
    assert shelf.get("k", lambda: "new") == "new"


CALLS: list[dict[str, Any]] = [
    {"n": 2},
    {"n": 2, "size": "1536x1024"},
    {"prompt": "y"},
    {"output_format": "jpeg", "output_compression": 50},
    {"stream": "true", "partial_images": 2},
    {"stream": "true", "partial_images": 1},
    {"user": "somebody"},
]


@pytest.mark.parametrize("paint", ["receipt", "flat", "noise"])
def test_same_answers(monkeypatch: pytest.MonkeyPatch, paint: str) -> None:
    """With and without what is kept, the same bytes."""

    def answers() -> list[Any]:
        settings = Settings(auth="open", paint=paint)
        return [respond(edit(**call), Turn("ok", None), CONTEXT, settings, "http://x").plan for call in CALLS]

    kept = [answers(), answers()]
    monkeypatch.setattr(output_images.KEPT, "_held", LRUCache(0))
    assert kept == [answers()] * 2


def test_texts_weigh() -> None:
    """A form is kept by all that it takes, long prompts included."""
    parts = tuple(Part(name, None, None, text, "") for name, text in ((("prompt", b"x" * 30_000)), ("model", b"m")))
    request = Request("POST", "/v1/images/generations", parts=parts)
    assert meaning.weight(meaning.mean(request, edit())) > 10 * 30_000


def comparable(text: str) -> str:
    """A journal without the boundaries that the client has drawn."""
    return re.sub("boundary=[0-9a-f]+", "", text)


LARGE = saved(Image.frombytes("RGB", (100, 100), random.Random(1).randbytes(30_000)), "PNG")
HEADS: list[dict[str, str]] = [
    {},
    {"Authorization": "Bearer sk-another-0123456789"},
    {"Authorization": ""},
    {"Authorization": "Basic xyz"},
    {"api-key": KEY, "Authorization": ""},
    {"X-Api-Key": "mentioned-in-the-prompt"},
    {"X-Stainless-Retry-Count": "1"},
    {"X-Other": KEY},
]
FORMS: list[dict[str, Any]] = [
    {},
    {"data": {"prompt": f"a key: {KEY}, mentioned-in-the-prompt"}},
    {"data": {"api_key": "secret-in-a-field"}},
    {"data": {"size": "1024x1536", "quality": "low"}},
    {"data": {"size": "1x1"}},
    {"data": {"stream": "true", "partial_images": "2"}},
    {"data": {"stream": "true", "partial_images": "2", "user": "somebody"}},
    {"files": {"image": ("b.png", png(), "image/png")}},
    {"files": {"image": ("a.png", png(), "image/jpeg")}},
    {"files": {"image": ("a.png", png(), None)}},
    {"files": {"image": ("a.png", png(9, 9), "image/png"), "mask": ("m.png", masked(9, 9), "image/png")}},
    {"files": {"image": ("a.png", LARGE, "image/png")}},
    {"url": "/v1/images/edits?api_key=secret-in-the-query"},
    {"url": "/__mock/s/another/v1/images/edits"},
    {"url": "/openai/deployments/gpt-image-2/images/edits?api-version=2025-04-01-preview"},
]
SERVERS = {
    "any": {},
    "day": {"as_of": as_of("2026-04-21")},
    "open": {"auth": "open"},
    "exact": {"auth": "exact", "keys": frozenset({KEY})},
    "schema": {"validate": "schema"},
    "gateway": {"dialect": "gateway"},
    "accept": {"accept": frozenset({"images.mismatched"})},
    "off": {"validate": "off"},
}
PLAIN = {"prompt": f"a key: {KEY}", "model": "gpt-image-2"}
BODIES: list[tuple[str, dict[str, Any], str]] = [
    ("/v1/images/generations", PLAIN, "application/json"),
    ("/v1/images/generations", PLAIN, "text/plain"),
    ("/v1/images/generations", PLAIN | {"api_key": "secret-in-a-body"}, "application/json"),
    ("/v1/images/generations", PLAIN | {"stream": True}, "application/json"),
    ("/v1/images/edits", PLAIN | {"images": [{"file_id": "file-1"}]}, "application/json"),
    ("/v1/images/edits", PLAIN | {"images": [{"image_url": "https://there.test/a.png"}]}, "application/json"),
]


def conversation() -> list[Any]:
    """Forms and heads of all kinds to each of several servers in one process, and what their journals hold of that."""
    found: list[Any] = []
    talks = []
    for settings in SERVERS.values():
        talk = Talk()
        talk.server.settings = Settings(paint="flat", **settings)  # type: ignore[arg-type]
        talks.append(talk)
    calls = [(form, head) for form in FORMS[:2] for head in HEADS] + [(form, {}) for form in FORMS[2:]]
    for form, head in calls:
        for talk in talks:
            answer = talk.edit(headers={**FORM["headers"], **head}, **form)
            found.append((answer.status_code, sorted(answer.headers.items()), answer.text))
    # Until they are recognised by all their bytes.
    same = {"Content-Type": "multipart/form-data; boundary=same"}
    for (form, head), talk in itertools.product(calls * 3, talks[:1]):
        answer = talk.edit(headers={**FORM["headers"], **same, **head}, **form)
        found.append((answer.status_code, sorted(answer.headers.items()), answer.text))
    for lies in (False, True, True):
        for talk, (path, body, kind) in itertools.product(talks, BODIES):
            urls = {"https://there.test/a.png": png()} if lies else {}
            talk.server.settings = dataclasses.replace(talk.server.settings, urls=urls)
            answer = talk.ask("POST", path, headers=FORM["headers"] | {"Content-Type": kind}, json=body)
            found.append((answer.status_code, sorted(answer.headers.items()), answer.text))
    found += [comparable(talk.ask("GET", "/__mock/journal").text) for talk in talks]
    return found


def test_same_conversation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers and journals are the same whether or not anything is kept at hand."""
    kept = conversation()
    assert len(hearing.KNOWN._held) > len(HEADS)
    for shelf in (
        form_split.UNBROKEN,
        meaning.FORMS,
        hearing.KNOWN,
        output_images.KEPT,
        responses.TEXTS,
        usage.USAGE,
        responses.TIMED,
        events.FRAMES,
    ):
        monkeypatch.setattr(shelf, "_held", LRUCache(0))
    monkeypatch.setattr(Pictures, "held", lambda self, digest: None)
    assert kept == conversation()


def test_limits_for_what_is_recognised() -> None:
    """Time passes, and limits are those of now."""
    talk = Talk()
    headers = {**FORM["headers"], "Content-Type": "multipart/form-data; boundary=same"}
    assert [talk.edit(headers=headers).status_code for _ in range(3)] == [200] * 3
    scenario = b"scenario: l\nlimits: {images: 1}\nsteps: [{ok: {}, times: forever}]\n"
    talk.server.sessions.play(None, parse(scenario, "l"))
    answers = []
    for wait in (0, 60, 0, 60, 0):
        talk.post("clock", {"advance": wait})
        answers.append(talk.edit(headers=headers).status_code)
    assert answers == [200, 200, 429, 200, 429]


def test_bounds_for_what_is_recognised() -> None:
    """What another server in this process has taken may be too large for this one."""
    body = f'{{"model": "gpt-image-2", "prompt": "{"x" * 2_000}"}}'.encode()

    async def pieces() -> AsyncIterator[bytes]:
        yield body

    def ask(talk: Talk) -> int:
        headers = {**FORM["headers"], "Content-Type": "application/json"}
        return talk.ask("POST", "/v1/images/generations", headers=headers, content=pieces()).status_code

    large, small = Talk(), Talk()
    small.server.upload_bytes = 1_000
    assert [ask(talk) for talk in (large, large, large, small, large)] == [200, 200, 200, 413, 200]
