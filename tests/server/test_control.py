"""What a test asks and tells while it runs: journal, ledger, verdict, clock."""

from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from mockserver.core.plan import Wait, single_chunk
from mockserver.engine.entry import parse_retry_after
from mockserver.limits import Limits
from tests.support.client import FORM, START, MockClient

BAD = {"model": "nope"}


@pytest.fixture
def talk() -> MockClient:
    """Two rate limits, a picture, a picture of a generation, a bad model, a list of models."""
    talk = MockClient("{error: rate-input-images, times: 2, retry_after: 1.5}")
    for wait in (0, 1, 2):
        talk.edit(wait)
    named = {"url": "/__mock/s/me/v1/images/generations", "json": {"model": "gpt-image-1.5", "prompt": "y"}}
    talk.request("POST", **named, headers={"Authorization": "Bearer other"})
    talk.edit(data=BAD)
    talk.request("GET", "/v1/models", headers=FORM["headers"])
    return talk


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [1, 2, 3, 4, 5, 6]),
        ("?status=429", [1, 2, 4]),
        ("?status=4xx", [1, 2, 4, 5]),
        ("?status=429&status=200", [1, 2, 3, 4, 6]),
        ("?outcome=served", [3, 6]),
        ("?outcome=faulted", []),
        ("?code=rate_limit_exceeded", [1, 2, 4]),
        ("?row=rate-input-images-2026-09", [1, 2, 4]),
        ("?model=gpt-image-2", [1, 2, 3]),
        ("?model=gpt-image-1.5", [4]),
        ("?model=nope", [5]),
        ("?endpoint=images/edits", [1, 2, 3]),
        ("?session=me", [4]),
        ("?session=nobody", []),
        ("?since=e000004", [5, 6]),
        ("?limit=2", [5, 6]),
        ("?limit=100", [1, 2, 3, 4, 5, 6]),
        ("?since=e000001&status=429&limit=1", [4]),
    ],
)
def test_journal(talk: MockClient, query: str, found: list[int]) -> None:
    entries = talk.get(f"journal{query}")["entries"]
    assert [entry["id"] for entry in entries] == [f"e{number:06d}" for number in found]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("journal?colour=red", "'colour' is nothing to filter by; expected session, status, outcome, code, row, model"),
        ("journal?status=999", "status is a status such as 429, or 4xx, not '999'"),
        ("journal?status=²00", "status is a status such as 429, or 4xx, not '²00'"),
        ("journal?outcome=good", "outcome is one of served, refused, faulted, not 'good'"),
        ("journal?since=yesterday", "since is the id of an entry, such as e000012, not 'yesterday'"),
        ("journal?limit=0", "limit is a number from 1 to 999999, not '0'"),
        ("journal?limit=1&limit=2", "limit is given once"),
        ("ledger?model=x", "unknown query parameter 'model'; expected session"),
        ("verdict?end=maybe", "end is true or false, not 'maybe'"),
        ("verdict?End=true", "unknown query parameter 'End'; expected session, end"),
        ("clock?x", "unknown query parameter 'x'; expected session"),
        ("journal/e000001?x=1", "unknown query parameter 'x'; expected session"),
    ],
)
def test_bad_query(talk: MockClient, path: str, said: str) -> None:
    answer = talk.request("GET", f"/__mock/{path}")
    assert (answer.status_code, answer.json()["title"]) == (400, "Bad Request")
    assert answer.json()["detail"].startswith(said)


def test_entry(talk: MockClient) -> None:
    entry = talk.get("journal/e000002")
    assert entry == talk.get("journal")["entries"][1]
    assert len(entry["job"]["images"][0]) == 64
    assert (entry["repeats"], entry["waited"], entry["answer"]["retry_after"]) == ("e000001", 1, 1.5)
    assert talk.request("HEAD", "/__mock/journal/e000002").status_code == 200
    answer = talk.request("GET", "/__mock/journal/e000099")
    assert (answer.status_code, answer.json()["detail"][:36]) == (404, "the journal has no entry 'e000099': ")


def test_clear(talk: MockClient) -> None:
    """What was cleared is repeated by nothing."""
    assert talk.request("DELETE", "/__mock/journal?session=me").status_code == 204
    assert talk.get("journal?session=me")["entries"] == []
    assert talk.request("DELETE", "/__mock/journal?model=x").status_code == 400
    assert len(talk.get("journal")["entries"]) == 5
    talk.request("DELETE", "/__mock/journal")
    talk.edit()
    (entry,) = talk.get("journal")["entries"]
    assert (entry["id"], entry["repeats"]) == ("e000007", None)


def test_one_route(talk: MockClient) -> None:
    answer = talk.request("PATCH", "/__mock/verdict")
    assert (answer.status_code, set(answer.headers["allow"].split(", "))) == (405, {"GET", "HEAD", "POST"})


def test_ledger(talk: MockClient) -> None:
    total = talk.get("ledger")["total"]
    assert (total["requests"], total["billed"], total["refused"], total["wasted_calls"]) == (6, 1, 4, 0)
    assert total["cost"] > 0
    assert talk.get("ledger?session=me")["total"]["cost"] == 0


def test_verdict(talk: MockClient) -> None:
    findings = talk.get("verdict?session=me")["findings"]
    assert [(one["rule"], one["entries"]) for one in findings] == [("shutdown-model", ["e000004"])]
    ended = talk.get("verdict?session=me&end=true")["findings"]
    assert [one["rule"] for one in ended] == ["never-retried", "shutdown-model"]
    assert talk.get("verdict?end=false") == talk.get("verdict")


def test_told(talk: MockClient) -> None:
    answer = talk.post("verdict", {"entry": "e000001", "result": "success"})
    assert answer.status_code == 200
    assert "broken-as-success" in [one["rule"] for one in answer.json()["findings"]]
    assert talk.get("journal/e000001")["told"] == "success"
    talk.post("verdict", {"entry": "e000001", "result": "error"})
    assert "broken-as-success" not in [one["rule"] for one in talk.get("verdict")["findings"]]


@pytest.mark.parametrize(
    ("path", "value", "status", "said"),
    [
        ("verdict", {"entry": "e000001", "result": "fine"}, 400, "result is success or error"),
        ("verdict", {"entry": "e000001", "result": ["success"]}, 400, "result is success or error"),
        ("verdict", {"entry": "e9", "result": "success"}, 404, "the journal has no entry 'e9'"),
        ("verdict", {"entry": "e000001"}, 400, "expected a JSON object with 'entry' and 'result', and nothing else"),
        ("verdict", [], 400, "expected a JSON object"),
        ("clock", {"advance": "1"}, 400, "advance is a number of seconds"),
        ("clock", {"advance": True}, 400, "advance is a number of seconds"),
        ("clock", {"advance": -1}, 400, "the clock moves on by 0 to 1000000000 seconds, not by -1"),
        ("clock", {"advance": 1, "session": "x"}, 400, "expected a JSON object with 'advance', and nothing else"),
        ("clock", "x" * 2_000_000, 413, "expected at most 1048576 bytes"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_bad_body(talk: MockClient, path: str, value: Any, status: int, said: str) -> None:
    answer = talk.post(path, value)
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert answer.json()["detail"].startswith(said)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 100_000], ids=["nothing", "cut", "no text", "deep"])
def test_no_json(talk: MockClient, data: bytes) -> None:
    assert talk.request("POST", "/__mock/clock", content=data).status_code == 400


def test_clock() -> None:
    """Answers, ids and the journal follow a clock that was moved on, for one session or for all."""
    talk = MockClient()
    assert talk.get("clock") == {"now": "2026-11-18T11:06:40.000+00:00", "advanced": 0}
    assert talk.post("clock", {"advance": 60}).json() == {"now": "2026-11-18T11:07:40.000+00:00", "advanced": 60}
    assert talk.post("clock?session=a", {"advance": 0.5}).json()["advanced"] == 60.5
    a, b = (talk.edit(url=f"/__mock/s/{name}/v1/images/edits") for name in "ab")
    assert a.json()["created"] == b.json()["created"] == START + 60
    assert parsedate_to_datetime(b.headers["date"]).timestamp() == START + 60
    assert [entry["time"][17:23] for entry in talk.get("journal")["entries"]] == ["40.500", "40.000"]
    assert talk.get("clock?session=a")["advanced"] == 60.5
    talk.request("POST", "/__mock/reset?session=a")
    assert [talk.get(f"clock?session={name}")["advanced"] for name in "ab"] == [60, 60]
    talk.request("POST", "/__mock/reset")
    assert talk.get("clock")["advanced"] == 0
    assert talk.request("POST", "/__mock/reset?sesion=a").status_code == 400


def test_clock_at_its_end() -> None:
    talk = MockClient()
    assert talk.post("clock", {"advance": 10**9}).status_code == 200
    answer = talk.post("clock?session=a", {"advance": 1})
    assert (answer.status_code, answer.json()["title"]) == (409, "Conflict")


def test_clock_counts_as_waiting() -> None:
    talk = MockClient("{error: rate-input-images, retry_after: 60}")
    talk.edit()
    talk.post("clock", {"advance": 30})
    session = talk.get("journal")["entries"][0]["session"]
    talk.post(f"clock?session={session}", {"advance": 31})
    talk.edit()
    assert talk.get("journal")["entries"][1]["waited"] == 61
    assert talk.get("verdict") == {"verdict": "good", "findings": []}


def test_urls_expire() -> None:
    """The URL of a picture is good for an hour, which need not be waited for."""
    talk = MockClient()
    url = talk.edit(data={"model": "dall-e-2", "prompt": "x", "size": "256x256"}).json()["data"][0]["url"]
    assert talk.request("GET", url).status_code == 200
    talk.post("clock", {"advance": 3600})
    assert talk.request("GET", url).status_code == 403


def test_same_call() -> None:
    """The boundaries of a form make no other call; all that is in it does."""
    talk = MockClient()
    talk.server.limits = Limits(upload_bytes=5_000)
    one = {"model": "nope"}
    told: list[dict[str, Any]] = [
        {"data": one},
        {"data": one},
        {"data": one | {"prompt": "y"}},
        {"data": one, "files": {"image": ("b.png", b"", "image/png")}},
        {"data": one, "url": "/images/edits"},
        {"data": one, "files": {"image": ("b.png", bytes(6_000), "image/png")}},
        {"data": one, "files": {"image": ("b.png", bytes(6_000), "image/png")}},
        {"data": one, "files": {"image": ("b.png", bytes(7_000), "image/png")}},
    ]
    for call in told:
        talk.edit(**call)
    for body in ('{"model": "nope"}', '{"model": "nope"}', '{"model": "no"}', "{"):
        talk.request("POST", "/v1/images/generations", content=body, headers={"content-type": "application/json"})
    calls = [entry["call"] for entry in talk.get("journal")["entries"]]
    assert [calls.index(call) for call in calls] == [0, 0, 2, 3, 4, 5, 5, 7, 8, 8, 10, 11]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "20"}, 20),
        ({"retry-after": "1", "retry-after-ms": "250"}, 0.25),
        ({"retry-after": "Wed, 18 Nov 2026 11:07:00 GMT"}, 20),
        ({"retry-after": "Wed, 18 Nov 2026 11:06:00 GMT"}, 0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Wed, 18 Nov 99999999999 11:06:00 GMT"}, None),
    ],
    ids=lambda value: ", ".join(value.values()) if isinstance(value, dict) else None,
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert parse_retry_after((Wait(1), *single_chunk(429, tuple(headers.items()), b"")), START) == seconds
    assert parse_retry_after((), START) is None


def test_success_that_asks_to_wait() -> None:
    """A reply of a scenario may say so whatever its status."""
    talk = MockClient("{reply: {status: 204, headers: {Retry-After: '7'}}}")
    assert talk.edit().status_code == 204
    assert talk.get("journal")["entries"][0]["answer"]["retry_after"] == 7
