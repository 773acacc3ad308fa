"""Caches change nothing but the time that a response takes."""

import dataclasses
import itertools
import random
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from cachetools import LRUCache
from PIL import Image

from mockserver.contract.asof import as_of
from mockserver.core import form_split
from mockserver.core.request import Part, Request
from mockserver.engine import output_images, request_cache, responses, usage
from mockserver.engine.events import FRAMES
from mockserver.engine.respond import respond
from mockserver.engine.values import Settings
from mockserver.journal.store import Pictures
from mockserver.limits import Limits
from mockserver.scenario.loader import parse
from mockserver.scenario.machine import Turn
from tests.engine.test_understand import CONTEXT, edit
from tests.support.client import FORM, KEY, MockClient
from tests.support.images import encode_image, mask_png, png

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
def test_cached_images_do_not_change_a_response(monkeypatch: pytest.MonkeyPatch, paint: str) -> None:
    settings = Settings(auth="open", paint=paint)

    def build_plans() -> list[Any]:
        return [respond(edit(**call), Turn("ok", None), CONTEXT, settings, "http://x").plan for call in CALLS]

    cached = [build_plans(), build_plans()]
    monkeypatch.setattr(output_images.IMAGES, "_values", LRUCache(0))
    assert cached == [build_plans()] * 2


def test_size_of_a_cached_form_includes_its_texts() -> None:
    parts = tuple(Part(name, None, None, text, "") for name, text in ((("prompt", b"x" * 30_000)), ("model", b"m")))
    request = Request("POST", "/v1/images/generations", parts=parts)
    assert request_cache.estimate_size(request, edit()) > 10 * 30_000


def test_form_with_another_boundary_is_found_in_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_cache.CACHE, "_values", LRUCache(1e6, getsizeof=request_cache.CACHE._values.getsizeof))
    talk = MockClient()
    for number in range(3):
        headers = {**FORM["headers"], "Content-Type": f"multipart/form-data; boundary=drawn{number}"}
        assert talk.edit(headers=headers).status_code == 200
    assert len(request_cache.CACHE._values) == 1


def comparable(text: str) -> str:
    """A journal without the boundaries that the client has generated."""
    return re.sub("boundary=[0-9a-f]+", "", text)


LARGE = encode_image(Image.frombytes("RGB", (100, 100), random.Random(1).randbytes(30_000)), "PNG")
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
    {"files": {"image": ("a.png", png(9, 9), "image/png"), "mask": ("m.png", mask_png(9, 9), "image/png")}},
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
    """The responses and journals of several servers in one process, for forms, headers and JSON bodies of all kinds."""
    exchanges: list[Any] = []
    talks = []
    for settings in SERVERS.values():
        talk = MockClient()
        talk.server.settings = Settings(paint="flat", **settings)  # type: ignore[arg-type]
        talks.append(talk)
    calls = [(form, head) for form in FORMS[:2] for head in HEADS] + [(form, {}) for form in FORMS[2:]]
    for (form, head), talk in [*itertools.product(calls, talks), *itertools.product(calls, talks[:1])]:
        response = talk.edit(headers={**FORM["headers"], **head}, **form)
        exchanges.append((response.status_code, sorted(response.headers.items()), response.text))
    for is_defined in (False, True, True):
        for talk, (path, body, kind) in itertools.product(talks, BODIES):
            urls = {"https://there.test/a.png": png()} if is_defined else {}
            talk.server.settings = dataclasses.replace(talk.server.settings, urls=urls)
            response = talk.request("POST", path, headers=FORM["headers"] | {"Content-Type": kind}, json=body)
            exchanges.append((response.status_code, sorted(response.headers.items()), response.text))
    exchanges += [comparable(talk.request("GET", "/__mock/journal").text) for talk in talks]
    return exchanges


def test_caches_do_not_change_responses_and_journals(monkeypatch: pytest.MonkeyPatch) -> None:
    cached = conversation()
    assert len(request_cache.CACHE._values) > len(HEADS)
    for cache in (
        form_split.UNBROKEN,
        request_cache.CACHE,
        output_images.IMAGES,
        responses.TEXTS,
        responses.BODIES,
        usage.USAGE,
        FRAMES,
    ):
        monkeypatch.setattr(cache, "_values", LRUCache(0))
    monkeypatch.setattr(Pictures, "held", lambda self, digest: None)
    assert cached == conversation()


def test_limits_of_a_cached_request_are_current() -> None:
    talk = MockClient()
    headers = {**FORM["headers"], "Content-Type": "multipart/form-data; boundary=same"}
    assert [talk.edit(headers=headers).status_code for _ in range(3)] == [200] * 3
    scenario = b"scenario: l\nlimits: {images: 1}\nsteps: [{ok: {}, times: forever}]\n"
    talk.server.sessions.play(None, parse(scenario, "l"))
    statuses = []
    for wait in (0, 60, 0, 60, 0):
        talk.post("clock", {"advance": wait})
        statuses.append(talk.edit(headers=headers).status_code)
    assert statuses == [200, 200, 429, 200, 429]


def test_cached_request_may_be_too_large_for_another_server() -> None:
    body = f'{{"model": "gpt-image-2", "prompt": "{"x" * 2_000}"}}'.encode()

    async def pieces() -> AsyncIterator[bytes]:
        yield body

    def ask(talk: MockClient) -> int:
        headers = {**FORM["headers"], "Content-Type": "application/json"}
        return talk.request("POST", "/v1/images/generations", headers=headers, content=pieces()).status_code

    large, small = MockClient(), MockClient()
    small.server.limits = Limits(upload_bytes=1_000)
    assert [ask(talk) for talk in (large, large, large, small, large)] == [200, 200, 200, 413, 200]
