"""The ledger and the verdict, from what clients really sent; and from entries that only faults bring about."""

import asyncio
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest

from mockserver.contract import catalogue
from mockserver.engine.values import Settings
from mockserver.journal import verdict
from mockserver.journal.ledger import billed, ledger
from mockserver.scenario.loader import load
from mockserver.server.uvicorn_server import serve_in_thread
from mockserver.state.memory import MemoryState
from mockserver.state.sessions import SessionStore
from tests.support.client import KEY, MockClient
from tests.support.contracted import VALIDATORS
from tests.support.images import png

PNG = ("a.png", png(), "image/png")


def found(talk: MockClient, query: str = "") -> dict[str, list[list[str]]]:
    """The entries (by their last digit) of each finding, by rule."""
    told: dict[str, list[list[str]]] = {}
    for one in talk.get(f"verdict{query}")["findings"]:
        told.setdefault(one["rule"], []).append([entry[-1] for entry in one["entries"]])
    return told


def test_rules() -> None:
    """Each rule is found by something, fills in its words, and names rows that there are."""
    rules = verdict.rules()
    assert [rule["id"] for rule in rules] == list(verdict.FINDERS)
    assert {row for rule in rules for row in rule.get("rows", ())} <= {row.id for row in catalogue.rows()}
    assert {rule["severity"] for rule in rules} == {"error", "warning"}
    assert all(rule["source"] and rule["confidence"] and rule["about"].endswith(".") for rule in rules)


def test_good() -> None:
    talk = MockClient()
    talk.edit()
    talk.edit(data={"prompt": "y"})
    assert talk.get("verdict?end=true") == {"verdict": "good", "findings": []}
    assert MockClient().get("verdict?end=true") == {"verdict": "good", "findings": []}


@pytest.mark.parametrize(
    ("file", "how"),
    [
        (("a.png", png(), "application/octet-stream"), "as application/octet-stream"),
        (("a", png(), ""), "without a content type"),
    ],
    ids=["octet-stream", "no type"],
)
def test_octet_stream(file: tuple[str, bytes, str], how: str) -> None:
    talk = MockClient()
    talk.edit(files={"image": file})
    (finding,) = talk.get("verdict")["findings"]
    assert finding["text"] == f"The image in 'image' was sent {how}, which the API rejects."
    assert (finding["rule"], finding["severity"], finding["entries"]) == ("octet-stream", "error", ["e000001"])


@pytest.mark.parametrize(
    ("steps", "again", "rules"),
    [
        ("{error: insufficient-quota}", True, {"retried-refusal": [["1", "2"]]}),
        ("{error: billing-hard-limit}", True, {"retried-refusal": [["1", "2"]]}),
        ("{error: moderation-blocked}", True, {"retried-refusal": [["1", "2"]]}),
        ("{error: server-error}", True, {}),
        ("{error: overloaded}", True, {}),
        ("{error: rate-input-images}", True, {}),
        ("{error: insufficient-quota}", False, {}),
        ("{error: server-error}", False, {"never-retried": [["1"]]}),
        ("{error: server-error, times: 2}", True, {"gave-up": [["1", "2"]]}),
        ("{ok: {}}", True, {"repeated-served": [["1", "2"]]}),
    ],
)
def test_retries(steps: str, again: bool, rules: dict[str, list[list[str]]]) -> None:
    talk = MockClient(steps)
    talk.edit()
    if again:
        talk.edit(1)
    assert found(talk, "?end=true") == rules
    ends = {"never-retried", "gave-up"}
    assert found(talk) == {rule: entries for rule, entries in rules.items() if rule not in ends}


def test_bad_request_again() -> None:
    """What was never understood is known again too."""
    talk = MockClient()
    for _ in range(3):
        talk.edit(data={"size": "1x1"})
    assert found(talk) == {"retried-refusal": [["1", "2", "3"]]}


@pytest.mark.parametrize(("wait", "soon"), [(0.5, True), (1.4, True), (1.45, False), (1.5, False), (9, False)])
def test_too_soon(wait: float, soon: bool) -> None:
    talk = MockClient("{error: rate-input-images, retry_after: 1.5}")
    talk.edit()
    talk.edit(wait)
    assert found(talk) == ({"retried-too-soon": [["1", "2"]]} if soon else {})
    if soon:
        (finding,) = talk.get("verdict")["findings"]
        said = f"429 rate_limit_exceeded requested a wait of 1.5 seconds; the retry arrived after {wait:.2f}."
        assert finding["text"] == said


def test_sessions_apart() -> None:
    talk = MockClient("{ok: {}}")
    for name in "ab":
        talk.edit(url=f"/__mock/s/{name}/v1/images/edits")
    assert found(talk) == {}


def test_models() -> None:
    talk = MockClient()
    talk.edit(data={"model": "gpt-image-1.5"})
    talk.edit(data={"model": "gpt-image-1.5", "user": "me"})
    talk.edit(data={"user": "me"})
    assert found(talk) == {"shutdown-model": [["1", "2"]], "user-parameter": [["2", "3"]]}
    finding = talk.get("verdict")["findings"][0]
    assert finding["text"] == "gpt-image-1.5 is shut down from 2026-12-01 on."
    assert finding["mend"] == "Use gpt-image-2.5-sunburst or gpt-image-2.5-flare instead."


def test_before_its_day() -> None:
    """What was right on the day that is emulated is not told."""
    talk = MockClient(day="2026-04-21")
    talk.edit(data={"user": "me"})
    talk.request("POST", "/v1/images/generations", json={"prompt": "x"}, headers={"Authorization": "Bearer x"})
    assert set(found(talk)) <= {"shutdown-model"}


def test_user_of_an_old_model() -> None:
    """dall-e-2 knows no safety_identifier."""
    talk = MockClient()
    talk.edit(data={"model": "dall-e-2", "size": "256x256", "user": "me"})
    assert set(found(talk)) == {"shutdown-model"}


def test_no_model() -> None:
    talk, newest = MockClient(), MockClient(day="latest")
    who = {"Authorization": "Bearer x"}
    for one in (talk, newest):
        one.request("POST", "/v1/images/generations", json={"prompt": "x", "background": "opaque"}, headers=who)
        one.request("POST", "/v1/images/generations", content=b"{", headers={**who, "content-type": "application/json"})
        one.request("GET", "/v1/models", headers=who)
        url = "/openai/deployments/gpt-image-2/images/generations?api-version=2025-04-01-preview"
        one.request("POST", url, json={"prompt": "x"}, headers={"api-key": "x"})
        assert found(one)["no-model"] == [["1"]]


@pytest.mark.parametrize("kind", ["twice in a form", "image in JSON", "images in a form"])
def test_image_field(kind: str) -> None:
    talk = MockClient()
    if kind == "twice in a form":
        talk.edit(files=[("image", PNG), ("image", PNG)])
    elif kind == "images in a form":
        talk.edit(files=[("images", PNG), ("image", PNG)])
    else:
        body = {"model": "gpt-image-2", "prompt": "x", "image": "x"}
        talk.request("POST", "/v1/images/edits", json=body, headers={"Authorization": "Bearer x"})
    assert found(talk) == {"image-field": [["1"]]}


def test_another_field_twice() -> None:
    talk = MockClient()
    talk.edit(files=[("image", PNG), ("mask", PNG), ("mask", PNG)])
    assert found(talk) == {}


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"url": f"/v1/images/edits?api_key={KEY}"}, "the URL"),
        ({"url": f"/v1/images/edits?key={KEY[:3]}%2D{KEY[3:]}", "headers": {}}, "the URL"),
        ({"url": f"/v1/{KEY}"}, "the URL"),
        ({"data": {"api_key": "sk-another-0123456789"}}, "the request body"),
        ({"data": {"prompt": f"my key is {KEY}"}}, "the request body"),
        ({"headers": {"X-API-Key": KEY}}, "another header"),
        ({"headers": {"Authorization": f"Bearer {KEY}", "x-note": KEY}}, "another header"),
    ],
    ids=["query", "encoded", "path", "field", "prompt", "header", "note"],
)
def test_key_elsewhere(changed: dict[str, Any], where: str) -> None:
    talk = MockClient()
    talk.edit(**changed)
    (finding,) = [one for one in talk.get("verdict")["findings"] if one["rule"] == "key-elsewhere"]
    assert finding["text"] == f"The API key was sent in {where}."
    assert "0123456789" not in json.dumps(talk.get("journal"))


def test_key_in_json() -> None:
    talk = MockClient()
    body = {"model": "gpt-image-2", "prompt": "x", "api_key": "sk-another-0123456789", "n": 1}
    talk.request("POST", "/v1/images/generations", json=body, headers={"Authorization": "Bearer x"})
    assert found(talk)["key-elsewhere"] == [["1"]]
    assert "0123456789" not in json.dumps(talk.get("journal"))


def test_usual_keys() -> None:
    talk = MockClient()
    for headers in ({"Authorization": f"Bearer {KEY}"}, {"api-key": KEY}, {"Authorization": "Bearer short"}):
        talk.edit(headers=headers)
    assert "key-elsewhere" not in found(talk)


def test_ledger() -> None:
    """By model and by call; a refusal costs nothing; what is billed again is waste."""
    talk = MockClient("{error: rate-input-images}")
    for data in ({}, {}, {}, {"prompt": "y"}, {"model": "dall-e-2", "size": "256x256"}):
        talk.edit(1, data=data)
    told = talk.get("ledger")
    each = talk.get("journal")["entries"][1]
    total = told["total"]
    assert (total["requests"], total["billed"], total["unpriced"], total["refused"]) == (5, 4, 1, 1)
    assert (total["wasted_calls"], total["wasted"]) == (1, each["cost"])
    assert total["cost"] == pytest.approx(3 * each["cost"], abs=1e-5)
    assert total["total_tokens"] == pytest.approx(3 * each["usage"]["total_tokens"], abs=3)
    assert [(one["model"], one["requests"], one["billed"]) for one in told["models"]] == [
        ("gpt-image-2", 4, 3),
        ("dall-e-2", 1, 1),
    ]
    assert [(len(one["entries"]), one["prompt"], one["wasted_entries"]) for one in told["calls"]] == [
        (3, "x", ["e000003"]),
        (1, "y", []),
        (1, "x", []),
    ]


def test_waste_behind_a_refusal() -> None:
    """A call that was served, refused and served again was made twice."""
    talk = MockClient("{ok: {}}, {error: server-error}, {ok: {}}")
    for _ in range(3):
        talk.edit(1)
    assert found(talk)["repeated-served"] == [["1", "3"]]
    assert talk.get("ledger")["calls"][0]["wasted_entries"] == ["e000003"]


def test_side_by_side_is_no_waste() -> None:
    waiting: list[asyncio.Event] = []

    async def together(seconds: float) -> None:
        """Nobody is answered before both have come."""
        waiting.append(asyncio.Event())
        if len(waiting) == 2:
            for event in waiting:
                event.set()
        await waiting[-1].wait()

    with serve_in_thread(MemoryState(Settings(paint="flat", latency=1), sleep=together)) as started:
        with openai.OpenAI(base_url=f"{started.url}/v1", api_key="x") as client, ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda prompt: client.images.generate(model="gpt-image-2", prompt=prompt), "xx"))
        entries = started.call(started.server.journal.noted)
    assert [entry["repeats"] for entry in entries] == [None, None]
    told = ledger(entries)["total"]
    assert (told["billed"], told["wasted_calls"]) == (2, 0)


def test_client_that_does_not_wait() -> None:
    """One that hangs up and sends again pays twice, although the first answer never left."""
    here = asyncio.Event()

    async def for_ever(seconds: float) -> None:
        if here.is_set():
            return
        here.set()
        await asyncio.Event().wait()

    body = json.dumps({"model": "gpt-image-2", "prompt": "x"})
    request = (
        "POST /v1/images/generations HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer x\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
    )
    with serve_in_thread(MemoryState(Settings(paint="flat", latency=1), sleep=for_ever)) as started:
        address = ("127.0.0.1", int(started.url.rpartition(":")[2]))
        journal = started.server.journal
        with socket.create_connection(address) as client:
            client.sendall(request.encode())
            asyncio.run_coroutine_threadsafe(here.wait(), started._loop).result(30)  # type: ignore[arg-type]
        with socket.create_connection(address) as client:
            client.sendall(request.encode())
            assert b"".join(iter(lambda: client.recv(65_536), b"")).startswith(b"HTTP/1.1 200")
        first, second = started.call(journal.noted)
        told = started.call(lambda: ledger(journal.noted()))
    assert (second["repeats"], second["waited"]) == (first["id"], None)
    assert told["total"]["wasted_calls"] == 1


def entry(**answer: Any) -> dict[str, Any]:
    """An entry as a fault leaves it behind."""
    talk = MockClient()
    talk.edit()
    made: dict[str, Any] = talk.get("journal")["entries"][0]
    faults, hostile = answer.pop("faults", []), answer.pop("hostile", False)
    told = answer.pop("told", "success")
    return made | {
        "told": told,
        "turn": made["turn"] | {"faults": faults, "hostile": hostile},
        "answer": made["answer"] | answer,
    }


@pytest.mark.parametrize(
    ("answer", "rule", "text"),
    [
        ({}, None, ""),
        (
            {"told": "error"},
            "success-as-error",
            "The client reported an error although the response from gpt-image-2 was valid.",
        ),
        (
            {"outcome": "faulted", "complete": False},
            "broken-as-success",
            "The client reported success although the response was cut off.",
        ),
        (
            {"outcome": "faulted", "faults": ["truncate"], "hostile": True},
            "broken-as-success",
            "The client reported success although a fault broke the response.",
        ),
        ({"outcome": "faulted", "faults": ["latency"]}, None, ""),
        ({"outcome": "faulted", "faults": ["latency"], "told": "error"}, "success-as-error", "The client reported an"),
        ({"outcome": "faulted", "complete": False, "told": "error"}, None, ""),
        ({"complete": False}, None, ""),
        (
            {"outcome": "refused", "status": 200, "code": "image_generation_failed"},
            "broken-as-success",
            "The client reported success although the response was 200 image_generation_failed.",
        ),
        ({"outcome": "refused", "status": 400, "told": None}, None, ""),
    ],
)
def test_told(answer: dict[str, Any], rule: str | None, text: str) -> None:
    told = verdict.verdict([entry(**answer)])
    VALIDATORS["verdict.json"].validate(told)
    assert [one["rule"] for one in told["findings"]] == ([rule] if rule else [])
    assert all(one["text"].startswith(text) for one in told["findings"])


def test_cut_call_is_billed() -> None:
    cut = entry(outcome="faulted", complete=False)
    assert billed(cut)
    assert ledger([cut])["total"]["cost"] == cut["cost"] > 0
    assert not billed(cut | {"cost": None})


def test_dropped() -> None:
    """What repeats an entry that the journal has dropped is judged by itself."""
    made = entry(told=None)
    assert verdict.verdict([made | {"repeats": "e000000"}]) == {"verdict": "good", "findings": []}
    told = ledger([made | {"repeats": "e000000"}], 3)
    assert (told["dropped"], told["total"]["wasted_calls"]) == (3, 0)


@pytest.fixture
def flaky() -> Iterator[Any]:
    with serve_in_thread(MemoryState(Settings(paint="flat"), SessionStore(load("flaky")))) as started:
        yield started


def test_official_client(flaky: Any) -> None:
    """The official client does it all well, with three retries."""
    with openai.OpenAI(base_url=f"{flaky.url}/v1", api_key=KEY, max_retries=3) as client:
        client.images.edit(model="gpt-image-2", prompt="x", image=PNG)
    entries = flaky.call(flaky.server.journal.noted)
    assert [one["repeats"] for one in entries] == [None, "e000001", "e000002", "e000003"]
    assert verdict.verdict(entries, end=True) == {"verdict": "good", "findings": []}
