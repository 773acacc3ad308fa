"""What the server tells about itself."""

import asyncio
import hashlib
import re
from typing import Any

import httpx2
import pytest
import schemathesis

from mockserver import __version__
from mockserver.contract.asof import as_of
from mockserver.engine.values import Settings
from mockserver.journal.store import Pictures
from mockserver.limits import Limits
from mockserver.scenario.loader import load
from mockserver.server.app import create_app
from mockserver.state.memory import MemoryState
from mockserver.state.sessions import SessionStore
from tests.support.images import decode_image, png

AUTH = {"Authorization": "Bearer sk-test"}
EDIT: dict[str, Any] = {
    "url": "/v1/images/edits",
    "data": {"model": "gpt-image-2", "prompt": "x"},
    "files": {"image": ("a.png", png(), "image/png")},
    "headers": AUTH,
}


def ask(server: MemoryState, *calls: dict[str, Any]) -> list[httpx2.Response]:
    async def call() -> list[httpx2.Response]:
        transport = httpx2.ASGITransport(app=create_app(server))
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            return [await client.request(**({"method": "GET"} | one)) for one in calls]

    return asyncio.run(call())


def post(**changed: Any) -> dict[str, Any]:
    return EDIT | {"method": "POST"} | changed


def flat(scenario: str = "ok") -> MemoryState:
    return MemoryState(Settings(paint="flat"), SessionStore(load(scenario)))


def test_health() -> None:
    (response,) = ask(flat("flaky"), {"url": "/__mock/health"})
    assert response.json() == {"status": "ok", "version": __version__, "as_of": "any", "scenario": "flaky"}


def test_reset() -> None:
    """After a reset the scenario begins again and entries are numbered from the start."""
    *_, again, journal = ask(
        flat("flaky"),
        post(),
        post(),
        post(),
        {"url": "/__mock/reset", "method": "POST"},
        post(),
        {"url": "/__mock/journal"},
    )
    assert again.status_code == 429
    assert [entry["id"] for entry in journal.json()["entries"]] == ["e000001"]
    assert [entry["attempt"] for entry in journal.json()["entries"]] == [1]


def test_reset_of_a_session() -> None:
    path = "/__mock/s/{}/v1/images/edits"
    a, b = post(url=path.format("a")), post(url=path.format("b"))
    reset = {"url": "/__mock/reset?session=a", "method": "POST"}
    answers = ask(flat("flaky"), a, a, a, b, b, b, reset, a, b, {"url": "/__mock/journal"})
    assert [answer.status_code for answer in answers] == [429, 429, 500, 429, 429, 500, 204, 429, 200, 200]
    assert [entry["session"] for entry in answers[-1].json()["entries"]] == ["b", "b", "b", "a", "b"]


def test_clear_journal() -> None:
    """Clearing forgets entries, not the place in the scenario."""
    clear = {"url": "/__mock/journal", "method": "DELETE"}
    answers = ask(flat("flaky"), post(), post(), post(), clear, post(), {"url": "/__mock/journal"})
    assert [answer.status_code for answer in answers] == [429, 429, 500, 204, 200, 200]
    assert [entry["id"] for entry in answers[-1].json()["entries"]] == ["e000004"]


def test_openapi() -> None:
    """The bundle stands on its own: every reference leads somewhere inside it."""
    (response,) = ask(flat(), {"url": "/__mock/openapi.json"})
    document = response.json()

    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            return [item for key, item in value.items() if key == "$ref"] + references(list(value.values()))
        return [found for item in value for found in references(item)] if isinstance(value, list) else []

    assert len(references(document)) > 10
    for reference in references(document):
        place = document
        for key in reference.removeprefix("#/").split("/"):
            place = place[key]
    loaded = schemathesis.openapi.from_dict(document)
    labels = {operation.ok().label for operation in loaded.get_all_operations()}
    assert "POST /v1/images/edits" in labels


def test_pictures() -> None:
    answer, journal = ask(server := flat(), post(), {"url": "/__mock/journal"})
    received = journal.json()["entries"][0]["job"]["images"][0]
    assert received == hashlib.sha256(png()).hexdigest()
    (picture,) = ask(server, {"url": f"/__mock/pictures/{received}"})
    assert (picture.content, picture.headers["content-type"]) == (png(), "image/png")
    assert answer.status_code == 200


def test_dropped_picture() -> None:
    server = flat()
    server.journal.pictures = Pictures(Limits(journal_image_bytes=10))
    _, journal = ask(server, post(), {"url": "/__mock/journal"})
    sha256 = journal.json()["entries"][0]["job"]["images"][0]
    gone, never = ask(server, {"url": f"/__mock/pictures/{sha256}"}, {"url": f"/__mock/pictures/{'0' * 64}"})
    assert (gone.status_code, never.status_code) == (410, 404)
    assert "64 MiB" in gone.json()["detail"]


def test_sample() -> None:
    (response,) = ask(flat(), {"url": "/__mock/sample.png"})
    assert decode_image(response.content).size == (256, 256)


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/__mock/nothing", 404, None),
        ("POST", "/__mock/", 405, {"GET", "HEAD"}),
        ("POST", "/__mock/health", 405, {"GET", "HEAD"}),
        ("GET", "/__mock/reset", 405, {"POST"}),
        ("PUT", "/__mock/journal", 405, {"GET", "HEAD", "DELETE"}),
    ],
)
def test_refusals(method: str, path: str, status: int, allow: set[str] | None) -> None:
    (response,) = ask(flat(), {"url": path, "method": method})
    assert (response.status_code, response.json()["status"]) == (status, status)
    assert response.headers["content-type"] == "application/problem+json"
    assert path in response.json()["detail"]
    assert allow is None or set(response.headers["allow"].split(", ")) == allow


def test_dall_e_url() -> None:
    """dall-e-2 answers with addresses of pictures that this server really serves."""
    data = {"model": "dall-e-2", "prompt": "x", "n": "2", "size": "256x256"}
    (answer,) = ask(server := flat(), post(data=data))
    assert list(answer.json()) == ["created", "data"]
    pictures = ask(server, *({"url": item["url"]} for item in answer.json()["data"]))
    assert [decode_image(picture.content).size for picture in pictures] == [(256, 256)] * 2
    (inline,) = ask(server, post(data=data | {"response_format": "b64_json"}))
    assert [list(item) for item in inline.json()["data"]] == [["b64_json"]] * 2


@pytest.mark.parametrize(
    ("day", "bodies", "paths"),
    [
        ("any", ["multipart/form-data", "application/json"], ["edits", "generations", "variations"]),
        ("2026-02-08", ["multipart/form-data"], ["edits", "generations", "variations"]),
        ("latest", ["multipart/form-data", "application/json"], ["edits", "generations"]),
    ],
)
def test_openapi_by_date(day: str, bodies: list[str], paths: list[str]) -> None:
    (response,) = ask(MemoryState(Settings(as_of(day))), {"url": "/__mock/openapi.json"})
    found = response.json()["paths"]
    assert list(found["/v1/images/edits"]["post"]["requestBody"]["content"]) == bodies
    assert [path.rpartition("/")[2] for path in found if path.startswith("/v1/images/")] == paths


def test_line_feed() -> None:
    """A path with a line feed is one like any other: what is not there is told as everywhere."""
    (response,) = ask(MemoryState(), {"url": "/__mock/pictures/a%0Ab"})
    assert (response.status_code, response.json()["title"]) == (404, "Not Found")
    assert response.headers["content-type"] == "application/problem+json"


HOLD = b"scenario: mine\nsteps: [{error: org-verify}]\nthen: hold\n"


def test_scenario() -> None:
    """Told as JSON that can be sent back; a session's own and the server's; a bad one changes nothing."""
    path = "/__mock/scenario"
    server = flat("flaky")
    told, put, mine, call, others, bad, still, back, whole = ask(
        server,
        {"url": path},
        {"url": f"{path}?session=a", "method": "PUT", "content": HOLD},
        {"url": f"{path}?session=a"},
        post(url="/__mock/s/a/v1/images/edits"),
        post(url="/__mock/s/b/v1/images/edits"),
        {"url": f"{path}?session=a", "method": "PUT", "content": b"scenario: mine\nsteps: [{}]\nthen: never\n"},
        {"url": f"{path}?session=a"},
        {"url": path},
        {"url": path, "method": "PUT", "content": HOLD},
    )
    assert told.json()["scenario"] == back.json()["scenario"] == "flaky"
    assert put.json() == mine.json() == still.json() == whole.json()
    assert (call.status_code, others.status_code, bad.status_code) == (403, 429, 400)
    assert bad.headers["content-type"] == "application/problem+json"
    assert bad.json()["detail"].splitlines() == [
        "scenario:2: steps[0]: expected exactly one of 'ok', 'error', 'reply'",
        "scenario:3: then: 'never' is unknown; expected one of repeat, hold, ok",
    ]
    again, other = ask(
        server, {"url": path, "method": "PUT", "json": told.json()}, post(url="/__mock/s/b/v1/images/edits")
    )
    assert (again.json(), other.status_code) == (told.json(), 429)


def test_scenario_of_no_day() -> None:
    """A day on which there was no model is refused, and nothing changes."""
    early = {"url": "/__mock/scenario", "method": "PUT", "content": HOLD + b"as_of: 2022-11-02\n"}
    bad, still = ask(flat(), early, {"url": "/__mock/scenario"})
    assert (bad.status_code, still.json()["scenario"]) == (400, "ok")
    said = "as_of: as-of 2022-11-02 is before 2022-11-03, when the first model was released"
    assert re.fullmatch(rf"scenario:\d+: {said}", bad.json()["detail"])


@pytest.mark.parametrize(("method", "path"), [("PUT", "scenario"), ("POST", "next"), ("POST", "verify")])
def test_too_large_a_body(method: str, path: str) -> None:
    (answer,) = ask(flat(), {"url": f"/__mock/{path}", "method": method, "content": b"#" * 3_000_000})
    assert (answer.status_code, answer.json()["detail"]) == (413, "expected at most 1048576 bytes")


def test_next() -> None:
    """Used once, by the next request that it fits; the scenario's own place stays."""
    url = "/__mock/next"
    a, b = post(url="/__mock/s/a/v1/images/edits"), post(url="/__mock/s/b/v1/images/edits")
    server = flat("flaky")
    given = {"url": f"{url}?session=a", "method": "POST", "content": b"{error: org-verify, times: 2}"}
    common = {"url": url, "method": "POST", "json": {"reply": {"status": 418}, "when": {"prompt": "x"}}}
    unfit = {"url": url, "method": "POST", "json": {"reply": {"status": 418}, "when": {"prompt": "y"}}}
    answers = ask(server, given, unfit, common, a, b, b, a, a)
    assert [answer.status_code for answer in answers] == [204, 204, 204, 403, 418, 429, 403, 429]
    turns = [entry["turn"] for entry in server.journal.entries()]
    assert [(turn["step"], turn["one_shot"]) for turn in turns] == [
        (None, True),
        (None, True),
        (1, False),
        (None, True),
        (1, False),
    ]


@pytest.mark.parametrize(
    "step",
    [
        "{}",
        "{ok: {}, times: forever}",
        "{ok: {pictures: [a.png]}}",
        "{error: nothing}",
        "{ok: {}, when: {prompt: 5}}",
        '{ok: {}, when: {prompt: {regex: "("}}}',
        r'{ok: {}, when: {prompt: {regex: "\\w*\\w*!"}}}',
    ],
)
def test_no_next(step: str) -> None:
    (answer,) = ask(flat(), {"url": "/__mock/next", "method": "POST", "content": step.encode()})
    assert (answer.status_code, answer.json()["title"]) == (400, "The step cannot be used")
    assert answer.json()["detail"].startswith("step:1:")


def test_too_many_next() -> None:
    give = {"url": "/__mock/next", "method": "POST", "json": {"ok": {}}}
    *_, last, full = ask(flat(), *[give] * 101)
    assert (last.status_code, full.status_code) == (204, 409)


def test_verify() -> None:
    """Counted by the matcher of the scenarios; the nearest misses say what was there."""
    url = "/__mock/verify"
    calls = [
        post(),
        post(data={"model": "gpt-image-1.5", "prompt": "y"}),
        post(data={"model": "gpt-image-2"}, url="/v1/x"),
    ]

    def asked(when: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {"url": url, "method": "POST", "json": {"when": when} | more}

    *_, one, two, none, range_, bad, dear, broken = ask(
        flat(),
        *calls,
        asked({"model": "gpt-image-2", "images": 1, "endpoint": "images/edits"}, times=1),
        asked({"endpoint": "images/edits"}, times=1),
        asked({"model": "gpt-image-1.5", "prompt": "x"}),
        asked({"images": 1}, times={"minimum": 4, "maximum": 5}),
        {"url": url, "method": "POST", "json": {}},
        asked({"prompt": {"regex": "a*a*b"}}),
        asked({"prompt": {"regex": "("}}),
    )
    assert one.json() == {"ok": True, "count": 1, "expected": 1, "matched": ["e000001"]}
    assert two.json()["detail"] == "expected 1 call matching {'endpoint': 'images/edits'}, found 2 of 3"
    told = none.json()
    assert (told["ok"], told["count"], told["expected"]) == (False, 0, {"minimum": 1})
    assert told["misses"][:2] == [
        {"entry": "e000001", "failed": ["model: expected 'gpt-image-1.5', was 'gpt-image-2'"]},
        {"entry": "e000002", "failed": ["prompt: expected 'x', was 'y'"]},
    ]
    assert range_.json()["detail"].startswith("expected at least 4 calls and at most 5 calls matching")
    assert [answer.status_code for answer in (bad, dear, broken)] == [400, 400, 400]
