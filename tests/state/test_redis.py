"""The state in Redis: what servers that share it tell and change, and what they say when it is gone."""

import asyncio
import base64
import contextlib
import json
import socket
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPResponse
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest

from mockserver.core.uploads import Upload
from mockserver.engine.values import Settings
from mockserver.limits import DEFAULT_LIMITS, Limits
from mockserver.scenario.loader import load, parse
from mockserver.scenario.machine import Scenario
from mockserver.scenario.matching import RequestFacts
from mockserver.server.app import create_app
from mockserver.server.send import EXTENSION
from mockserver.server.uvicorn_server import serve_in_thread
from mockserver.state.clock import Clock
from mockserver.state.memory import MemoryState
from mockserver.state.redis import serialize
from mockserver.state.redis import session as redis_session
from mockserver.state.redis.client import Client, display_url
from mockserver.state.redis.snapshot import SessionUploads
from mockserver.state.redis.state import connect
from mockserver.state.server_state import StateUnavailable
from mockserver.state.sessions import SessionStore
from tests.support.client import FORM, KEY, START
from tests.support.images import png
from tests.support.redis import Redis, scenario

OK = scenario("ok", {"ok": {}}, then="repeat")
TEXT = {"url": "/v1/images/generations", "json": {"model": "gpt-image-2", "prompt": "x"}}


class Two:
    """Two servers that share a state, asked in turn; their clock stands at START, their watch at `now`."""

    def __init__(self, redis: Redis, played: Scenario | None = None) -> None:
        self.lines: list[str] = []
        self.now = 0.0
        settings = Settings(paint="flat")
        self.servers = [
            connect(redis.url, settings, played or OK, None, self.clock(), self.lines.append) for _ in range(2)
        ]
        for server in self.servers:
            self.run(server, server.start)
        self.apps = [create_app(server) for server in self.servers]

    def clock(self) -> Clock:
        return Clock(lambda: START, lambda: self.now)

    def run(self, server: MemoryState, work: Callable[[], Any]) -> Any:
        """What a coroutine function comes to, in a loop of its own."""

        async def whole() -> Any:
            try:
                return await work()
            finally:
                await server.close()

        return asyncio.run(whole())

    def ask(self, which: int, method: str, url: str, **more: Any) -> httpx2.Response:
        """One request to one of the two."""

        async def call() -> httpx2.Response:
            transport = httpx2.ASGITransport(app=self.apps[which])
            async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.request(method, url, **more)

        return self.run(self.servers[which], call)

    def edit(self, which: int, **changed: Any) -> httpx2.Response:
        call = FORM | changed
        return self.ask(which, "POST", call.pop("url"), **call)

    def get(self, which: int, path: str) -> Any:
        return self.ask(which, "GET", f"/__mock/{path}").json()

    def put(self, which: int, steps: str, then: str = "ok", session: str = "") -> httpx2.Response:
        text = f"scenario: other\nsteps: [{steps}]\nthen: {then}\n"
        return self.ask(which, "PUT", f"/__mock/scenario{session}", content=text)


def test_turns_go_round(redis: Redis) -> None:
    two = Two(redis, load("flaky"))
    assert [two.edit(number % 2).status_code for number in range(5)] == [429, 429, 500, 200, 429]
    entries = two.get(1, "journal")["entries"]
    assert [entry["id"] for entry in entries] == [f"e{number:06d}" for number in range(1, 6)]
    assert [entry["attempt"] for entry in entries] == [1, 2, 3, 4, 5]
    assert all(entry["answer"]["complete"] for entry in entries)
    assert two.get(0, "journal") == two.get(1, "journal")
    assert two.get(0, "journal/e000003")["answer"]["status"] == 500


def test_same_journal_as_in_memory(redis: Redis) -> None:
    """What is told of the same requests does not depend on where the state is."""
    two = Two(redis, load("flaky"))
    server = MemoryState(
        Settings(paint="flat"), SessionStore(load("flaky")), clock=Clock(lambda: START, lambda: two.now)
    )
    app = create_app(server)

    def ask(method: str, url: str, **more: Any) -> httpx2.Response:
        async def call() -> httpx2.Response:
            async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://test") as client:
                return await client.request(method, url, **more)

        return asyncio.run(call())

    form = dict(FORM, headers=FORM["headers"] | {"content-type": "multipart/form-data; boundary=b"})
    body = b'--b\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nx\r\n--b\r\nContent-Disposition: form-data; '
    body += b'name="image"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n' + png() + b"\r\n--b--\r\n"
    for number in range(6):
        two.now = number / 4
        call = {"headers": form["headers"], "content": body}
        mine, theirs = two.ask(number % 2, "POST", form["url"], **call), ask("POST", form["url"], **call)
        assert (mine.status_code, mine.content, mine.headers) == (theirs.status_code, theirs.content, theirs.headers)
    for path in ("journal", "ledger", "verdict?end=true", "clock", "scenario"):
        assert two.get(0, path) == ask("GET", f"/__mock/{path}").json(), path


def test_repeats_over_servers(redis: Redis) -> None:
    two = Two(redis)
    two.edit(0)
    two.now = 1.5
    two.edit(1)
    first, second = two.get(0, "journal")["entries"]
    assert (first["repeats"], second["repeats"], second["waited"]) == (None, "e000001", 1.5)
    assert two.get(1, "ledger")["total"]["wasted_calls"] == 1
    two.now = 1.0  # of a machine whose clock is behind
    two.edit(0)
    assert two.get(0, "journal")["entries"][2]["repeats"] is None


def test_scenario_reaches_all(redis: Redis) -> None:
    two = Two(redis)
    assert two.edit(0).status_code == 200
    assert two.put(1, "{error: server-error}, {ok: {}}").status_code == 200
    assert two.get(0, "health")["scenario"] == "other"
    assert [two.edit(0).status_code, two.edit(1).status_code] == [500, 200]
    assert two.put(0, "{error: overloaded}", session="?session=own").status_code == 200
    assert two.get(1, "scenario?session=own")["steps"] == [{"error": "overloaded"}]
    assert two.edit(1, url="/__mock/s/own/v1/images/edits").status_code == 503
    # A server that begins later with the same scenario joins; with another, it plays that.
    late = Two(redis)
    assert late.get(0, "health")["scenario"] == "other"
    assert Two(redis, load("flaky")).get(0, "health")["scenario"] == "flaky"


def test_next_reaches_all(redis: Redis) -> None:
    two = Two(redis)
    assert two.ask(0, "POST", "/__mock/next", json={"error": "overloaded", "times": 2}).status_code == 204
    assert [two.edit(number).status_code for number in (1, 0, 1)] == [503, 503, 200]
    two.ask(1, "POST", "/__mock/next?session=a", json={"error": "server-error"})
    url = "/__mock/s/a/v1/images/edits"
    assert [two.edit(number, url=url).status_code for number in (0, 1)] == [500, 200]


def test_clock_reaches_all(redis: Redis) -> None:
    two = Two(redis)
    assert two.ask(0, "POST", "/__mock/clock", json={"advance": 60}).json()["advanced"] == 60
    assert two.ask(1, "POST", "/__mock/clock?session=a", json={"advance": 0.5}).json()["advanced"] == 60.5
    assert [two.get(which, "clock?session=a")["advanced"] for which in (0, 1)] == [60.5, 60.5]
    assert two.ask(0, "POST", "/__mock/reset?session=a").status_code == 204
    assert two.get(1, "clock?session=a")["advanced"] == 60
    assert two.ask(1, "POST", "/__mock/clock?session=a", json={"advance": 1}).status_code == 200
    assert two.ask(1, "POST", "/__mock/reset").status_code == 204
    assert [two.get(0, f"clock{which}")["advanced"] for which in ("", "?session=a")] == [0, 0]


def test_limits_over_servers(redis: Redis) -> None:
    two = Two(redis, parse(b"scenario: l\nlimits: {images: 2}\nsteps: [{ok: {}, times: forever}]\n", "l"))
    assert [two.edit(number % 2).status_code for number in range(3)] == [200, 200, 429]
    two.ask(0, "POST", "/__mock/clock", json={"advance": 60})
    assert two.edit(1).status_code == 200


def test_reset_and_clear(redis: Redis) -> None:
    two = Two(redis, load("flaky"))
    url = "/__mock/s/a/v1/images/edits"
    two.edit(0, url=url)
    two.edit(0)
    two.ask(1, "DELETE", "/__mock/journal?session=a")
    assert [entry["id"] for entry in two.get(0, "journal")["entries"]] == ["e000002"]
    two.ask(1, "DELETE", "/__mock/journal")
    assert two.get(0, "journal") == {"entries": [], "dropped": 0}
    two.edit(0)
    assert two.get(1, "journal")["entries"][0]["id"] == "e000003"
    two.ask(0, "POST", "/__mock/reset")
    assert two.edit(1).headers["x-mockserver-entry"] == "e000001"
    assert two.edit(0).status_code == 429


def test_told_reaches_all(redis: Redis) -> None:
    two = Two(redis, load("flaky"))
    entry = two.edit(0).headers["x-mockserver-entry"]
    two.ask(1, "POST", "/__mock/verdict", json={"entry": entry, "result": "success"})
    assert two.get(0, "journal")["entries"][0]["told"] == "success"
    assert [found["rule"] for found in two.get(0, "verdict")["findings"]][:1]


@pytest.mark.parametrize(("more", "held"), [(0, b":2"), (64, b":4")])
def test_journal_is_bounded(redis: Redis, monkeypatch: pytest.MonkeyPatch, more: int, held: bytes) -> None:
    """What Redis holds beyond the bound is shown to nobody, also once others are forgotten."""
    two = Two(redis)
    monkeypatch.setattr(redis_session, "MORE", more)
    for server in two.servers:
        server.journal.limit, server.limits = 2, Limits(tracked_calls=1)
    for number in range(4):
        url = f"/__mock/s/{number}/v1/images/edits"
        two.edit(number % 2, url=url, data={**FORM["data"], "prompt": str(number)})
    for which in range(2):
        told = two.get(which, "journal")
        assert ([entry["id"] for entry in told["entries"]], told["dropped"]) == (["e000003", "e000004"], 2)
    assert redis.say("ZCARD", "mockserver:j") == held
    assert redis.say("ZCARD", "mockserver:co") == b":1"
    two.ask(1, "DELETE", "/__mock/journal?session=3")
    told = two.get(0, "journal")
    assert ([entry["id"] for entry in told["entries"]], told["dropped"]) == (["e000003"], 2)


def test_pictures(redis: Redis) -> None:
    two = Two(redis)
    answer = two.edit(0).json()
    sent = base64.b64decode(answer["data"][0]["b64_json"])
    digest = two.get(1, "journal")["entries"][0]["request"]["files"][0]["sha256"]
    assert two.ask(1, "GET", f"/__mock/pictures/{digest}").content == png()
    assert two.ask(1, "GET", f"/__mock/pictures/{'0' * 64}").status_code == 404
    for server in two.servers:
        server.image_bytes = len(sent)
    two.edit(1, files={"image": ("another.png", png(5, 5))})
    assert two.ask(0, "GET", f"/__mock/pictures/{digest}").status_code == 410
    # What this server knew is gone from Redis, so its bytes are sent again.
    for server in two.servers:
        server.image_bytes = 10**6
    two.edit(0)
    assert two.ask(1, "GET", f"/__mock/pictures/{digest}").content == png()


def test_picture_by_url(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """An old answer's URL is served by either server, and may be named in a request to either."""
    monkeypatch.setattr(redis_session, "SHORT", 1)
    two = Two(redis, parse(b"scenario: old\nas_of: '2024-06-01'\nsteps: [{ok: {}}]\n", "old"))
    asked = {"model": "dall-e-2", "prompt": "x", "size": "256x256", "n": 2}
    head = {"Authorization": f"Bearer {KEY}"}
    found = two.ask(0, "POST", "/v1/images/generations", json=asked, headers=head).json()["data"][0]["url"]
    path = found.removeprefix("http://test")
    answers = [two.ask(which, "GET", path) for which in (0, 1)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    assert two.ask(1, "GET", "/private/x/img-.png").status_code != 200


def test_files(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    two = Two(redis)
    head = {"Authorization": f"Bearer {KEY}"}
    upload = {"headers": head, "data": {"purpose": "vision"}, "files": {"file": ("a.png", png(), "image/png")}}
    ids = [two.ask(which, "POST", "/v1/files", **upload).json()["id"] for which in (0, 1, 0)]
    listed = two.ask(1, "GET", "/v1/files?order=asc", headers=head).json()["data"]
    assert [one["id"] for one in listed] == ids
    body = {"model": "gpt-image-2", "prompt": "x", "images": [{"file_id": ids[0]}]}
    assert two.ask(1, "POST", "/v1/images/edits", json=body, headers=head).status_code == 200
    assert two.ask(1, "DELETE", f"/v1/files/{ids[0]}", headers=head).status_code == 200
    assert two.ask(0, "GET", f"/v1/files/{ids[0]}", headers=head).status_code == 404
    lasting = {"expires_after[anchor]": "created_at", "expires_after[seconds]": "3600"}
    gone = two.ask(0, "POST", "/v1/files", **(upload | {"data": {"purpose": "vision", **lasting}})).json()["id"]
    two.ask(0, "POST", "/__mock/clock", json={"advance": 3601})
    assert two.ask(1, "GET", f"/v1/files/{gone}", headers=head).status_code == 404
    for server in two.servers:
        server.limits = Limits(session_uploads=2)
    assert two.ask(0, "POST", "/v1/files", **upload).status_code == 400
    two.ask(0, "POST", "/__mock/reset")
    assert two.ask(1, "POST", "/v1/files", **upload).status_code == 200
    assert redis.say("HLEN", "mockserver:fs") == b":1"


def test_room_counts_the_uploads_of_all_sessions() -> None:
    def room(session: str, total: int, sessions: int) -> int:
        uploads = SessionUploads(Limits(session_upload_bytes=5, total_upload_bytes=12), total, sessions)
        uploads.put("a", Upload("f", "a", "vision", b"1234", "digest", 0))
        return uploads.room(session)

    assert (room("a", 8, 2), room("b", 8, 2), room("b", 9, 2)) == (1, 4, 3)
    assert room("b", 8, DEFAULT_LIMITS.sessions_with_uploads) == 0


def test_upload_that_another_worker_deletes_meanwhile(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    two = Two(redis)
    head = {"Authorization": f"Bearer {KEY}"}
    upload = {"headers": head, "data": {"purpose": "vision"}, "files": {"file": ("a.png", png(), "image/png")}}
    kept, deleted = (two.ask(0, "POST", "/v1/files", **upload).json()["id"] for _ in range(2))
    real = Client.read

    async def read(client: Client, name: str, *arguments: Any) -> Any:
        found = await real(client, name, *arguments)
        return [*found[:-1], None] if name == "contents" else found

    monkeypatch.setattr(Client, "read", read)
    listed = two.ask(1, "GET", "/v1/files?order=asc", headers=head).json()["data"]
    assert ([file["id"] for file in listed], deleted != kept) == ([kept], True)


def test_gone_and_back(redis: Redis) -> None:
    """While Redis is gone nothing is answered; when it is back, empty, all begins anew."""
    two = Two(redis, load("flaky"))
    assert two.edit(0).status_code == 429
    redis.end()
    try:
        for which in (0, 1, 0):
            for answer in (two.edit(which), two.ask(which, "GET", "/__mock/journal")):
                assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
                assert answer.json()["detail"].startswith(f"the state at {redis.url} is unavailable")
        assert len([line for line in two.lines if "503 until it responds" in line]) == 2
    finally:
        redis.begin()
    assert [two.edit(number % 2).status_code for number in range(4)] == [429, 429, 500, 200]
    assert [line for line in two.lines if "is back" in line] == [f"the state at {redis.url} is back"] * 2
    assert len(two.get(0, "journal")["entries"]) == 4


def test_gone_in_the_middle(redis: Redis) -> None:
    """It ends while 60 clients ask over sockets: each gets an answer or a 503, and no turn is answered twice."""
    two = Two(redis, load("flaky"))
    seen: list[tuple[int, str | None]] = []

    def ask(url: str, count: int) -> None:
        with httpx2.Client(timeout=30) as client:
            for _ in range(count):
                path = f"{url}/__mock/s/one/v1/images/generations"
                answer = client.post(path, json=TEXT["json"], headers={"Authorization": "Bearer t"})
                assert "Traceback" not in answer.text
                kind = answer.headers["content-type"]
                assert answer.status_code in (200, 429, 500) or kind == "application/problem+json"
                seen.append((answer.status_code, answer.headers.get("x-mockserver-entry")))
                if len(seen) == 40:
                    redis.end()
                    redis.begin()

    with (
        serve_in_thread(two.servers[0]) as one,
        serve_in_thread(two.servers[1]) as other,
        ThreadPoolExecutor(8) as pool,
    ):
        done = [pool.submit(ask, url, 15) for url in (one.url, other.url) * 4]
        assert [job.result() for job in done] == [None] * 8
    answered = [(status, entry) for status, entry in seen if entry]
    # Before and after the end entries are numbered from 1: none stands there more than once each.
    assert all(answered.count(one) <= 2 for one in answered)
    assert len(seen) == 120


def test_each_session_its_own_order(redis: Redis) -> None:
    two = Two(redis, load("flaky"))
    expected = [429, 429, 500, 200]

    def session(url: str, other: str, name: str) -> list[int]:
        with httpx2.Client(timeout=60) as client:
            heads = {"Authorization": "Bearer t"}
            path = f"/__mock/s/{name}/v1/images/generations"
            urls = (url, other, url, other)
            return [client.post(one + path, json=TEXT["json"], headers=heads).status_code for one in urls]

    with (
        serve_in_thread(two.servers[0]) as one,
        serve_in_thread(two.servers[1]) as other,
        ThreadPoolExecutor(16) as pool,
    ):
        jobs = [pool.submit(session, one.url, other.url, f"s{number}") for number in range(20)]
        assert [job.result() for job in jobs] == [expected] * 20


def test_answer_lost_on_the_way(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis took a turn, and its answer got lost: the turn is asked for again, and taken once."""
    two = Two(redis, load("flaky"))
    real = Client.run
    lost: list[str] = []

    async def run(link: Client, name: str, *words: Any) -> Any:
        answer = await real(link, name, *words)
        if name == "take" and not lost:
            lost.append(name)
            raise StateUnavailable("lost")
        return answer

    monkeypatch.setattr(Client, "run", run)
    assert [two.edit(number % 2).status_code for number in range(4)] == [429, 429, 500, 200]
    assert lost
    assert len(two.get(0, "journal")["entries"]) == 4


def test_turn_of_a_snapshot_that_is_out_of_date(redis: Redis) -> None:
    """Another request was faster, also one without a job."""
    two = Two(redis, load("flaky"))

    async def late() -> list[int]:
        one, other, third = [await two.servers[which].open_session("a") for which in (0, 1, 0)]
        calls = ((one, None), (other, None), (third, "j"))
        taken = [await session.take(RequestFacts(digest=job)) for session, job in calls]
        await two.servers[1].close()
        return [turn.position for turn in taken]

    assert two.run(two.servers[0], late) == [0, 1, 2]


def test_too_many_at_once(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_session, "TRIES", 0)
    answer = Two(redis).edit(0)
    assert (answer.status_code, "too many requests at once" in answer.text) == (503, True)


def test_gone_while_an_answer_leaves(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """A response that has begun is sent to its end; the journal does not learn of it."""
    two = Two(redis)
    real = Client.run

    async def run(client: Client, name: str, *arguments: Any) -> Any:
        if name == "complete":
            raise StateUnavailable("gone")
        return await real(client, name, *arguments)

    monkeypatch.setattr(Client, "run", run)
    streamed = two.edit(0, data={**FORM["data"], "stream": "true", "partial_images": "1"})
    assert (streamed.status_code, "image_edit.completed" in streamed.text) == (200, True)
    assert [entry["answer"]["complete"] for entry in two.get(1, "journal")["entries"]] == [False]


def test_one_piece_for_nobody(redis: Redis) -> None:
    """An answer in one piece is kept as one that has left, and corrected where its client had gone by then."""
    two = Two(redis)
    ended: list[str] = []

    async def cut(how: str) -> None:
        ended.append(how)

    gone = SimpleNamespace(gone=True, uploaded=True, cut=cut, answer=lambda *_: False)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await two.apps[0]({**scope, "extensions": {EXTENSION: gone}}, receive, send)

    async def call() -> None:
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            with contextlib.suppress(AssertionError):  # of the transport, which got no answer
                await client.request("POST", **FORM)

    two.run(two.servers[0], call)
    assert ended == ["close"]
    answer = two.get(1, "journal")["entries"][0]["answer"]
    assert (answer["complete"], answer["sent_bytes"]) == (False, 0)
    assert [one["what"] for one in answer["sent"]] == ["cut"]


def test_round_trips_to_redis(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that comes in one piece, and an answer that leaves in one, take three round trips."""
    two = Two(redis)
    real, asked = Client._evaluate, []

    async def evaluate(client: Client, name: str, arguments: Any) -> Any:
        asked.append(name)
        return await real(client, name, arguments)

    monkeypatch.setattr(Client, "_evaluate", evaluate)
    body = json.dumps(TEXT["json"]).encode()
    head = (
        "POST /v1/images/generations HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer t\r\nContent-Type: application/json"
    )
    whole = f"{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    with serve_in_thread(two.servers[0]) as started:
        address = started.url.removeprefix("http://").split(":")
        with socket.create_connection((address[0], int(address[1]))) as client:
            for _ in range(2):
                asked.clear()
                client.sendall(whole)
                answer = HTTPResponse(client)
                answer.begin()
                assert answer.status == 200
                answer.read()
    assert asked == ["meet", "take", "record"]


def test_scenario_travels(tmp_path: Any) -> None:
    """With its pictures, what stands at its URLs, and its folder."""
    (tmp_path / "a.png").write_bytes(png())
    text = b"scenario: x\nurls: {'http://a/b': a.png}\nsteps: [{ok: {pictures: [a.png]}}, {error: overloaded}]\n"
    first = parse(text, "x", tmp_path)
    second = serialize.unpack(serialize.pack(first))
    assert (second, second.folder, second.data) == (first, first.folder, first.data)
    assert (second.steps[0].pictures, second.urls) == ((png(),), {"http://a/b": png()})


def test_scenarios_at_hand_are_bounded(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mockserver.state.redis.state.SCENARIOS", 2)
    two = Two(redis)
    for name in "abc":
        two.put(0, "{error: overloaded}", session=f"?session={name}")
        assert two.get(1, f"scenario?session={name}")["scenario"] == "other"
        two.put(0, "{error: server-error}")
        assert two.get(1, "scenario")["steps"] == [{"error": "server-error"}]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://me:secret@h:1/2", "redis://h:1/2"),
        ("rediss://h", "rediss://h:6379/0"),
        ("unix:///a/b?db=3", "unix:///a/b?db=3"),
    ],
)
def test_place(url: str, shown: str) -> None:
    assert display_url(url) == shown


@pytest.mark.parametrize("url", ["http://h/0", "redis://", "redis://h/x", "redis://h:x/0", "unix:///a?db=x", ""])
def test_wrong_url(url: str) -> None:
    with pytest.raises(ValueError, match="expected redis://HOST:PORT/DB"):
        display_url(url)


def test_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(ValueError, match=r"pip install 'mockserver-images\[redis\]'"):
        Client("redis://h")


def test_image_of_this_server_named_in_a_request(redis: Redis) -> None:
    """The lookup happens while the request is understood, which may be on the event loop."""
    two = Two(redis)
    sent = two.edit(0)
    assert sent.status_code == 200
    digest = two.get(1, "journal")["entries"][0]["request"]["files"][0]["sha256"]
    url = f"http://test/__mock/pictures/{digest}"
    body = {"model": "gpt-image-2", "prompt": "x", "images": [{"image_url": url}]}
    response = two.ask(1, "POST", "/v1/images/edits", json=body, headers={"Authorization": f"Bearer {KEY}"})
    assert response.status_code == 200, response.text


def test_metrics_of_what_all_workers_share(redis: Redis) -> None:
    two = Two(redis)
    two.edit(0)
    upload = {"data": {"purpose": "vision"}, "files": {"file": ("a.png", png(), "image/png")}}
    two.ask(0, "POST", "/v1/files", headers={"Authorization": f"Bearer {KEY}"}, **upload)
    lines = two.ask(1, "GET", "/__mock/metrics").text.splitlines()
    for line in ("journal_entries 2.0", "sessions 1.0", "files 1.0", f"files_bytes {float(len(png()))}"):
        assert f"mockserver_{line}" in lines
    assert two.servers[1].held_image("x") is None


@pytest.fixture
def stopping_redis(redis: Redis) -> Iterator[Redis]:
    """A Redis that a test may stop; it is started again after the test."""
    yield redis
    redis.begin()


def test_image_url_while_redis_is_gone(stopping_redis: Redis) -> None:
    two = Two(stopping_redis)
    stopping_redis.end()
    assert two.ask(0, "GET", "/private/x/img-x.png").status_code == 503


def test_journal_read_from_outside_of_a_request(redis: Redis) -> None:
    two = Two(redis)
    two.edit(0)
    with serve_in_thread(two.servers[1]) as started:
        assert len(started.call(started.server.read_journal).entries()) == 1
