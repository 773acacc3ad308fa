"""Limits per minute: what passes, what is rejected, and how long to wait."""

import asyncio
from typing import Any

import httpx2
import pytest

from mockserver.engine.limit_headers import format_duration
from mockserver.engine.values import Settings
from mockserver.scenario import rate_limits
from mockserver.scenario.loader import parse
from mockserver.server.app import create_app
from mockserver.state.memory import MemoryState
from mockserver.state.sessions import SessionStore

NOW = 1_795_000_000.0


class Clock:
    """A clock that the test sets."""

    now = NOW

    def __call__(self) -> float:
        return self.now


def drawn(limit: int, *calls: tuple[float, int]) -> list[float | None]:
    """The waits of calls at these times that need so many images; None for a call that passes."""
    levels: rate_limits.Levels = {}
    waits = []
    for when, need in calls:
        found, levels = rate_limits.consume({"images": limit}, levels, {"images": need}, NOW + when)
        waits.append(found.wait if found else None)
    return waits


@pytest.mark.parametrize(
    ("limit", "calls", "waits"),
    [
        (5, [(0, 5), (0, 1)], [None, 12]),
        (5, [(0, 5), (0, 1), (12, 1), (12, 1)], [None, 12, None, 12]),
        (5, [(0, 4), (0, 2), (12, 2)], [None, 12, None]),
        (5, [(0, 5), (6, 1)], [None, 6]),
        (5, [(0, 6)], [12]),
        (5, [(0, 5), (3600, 5), (3600, 1)], [None, None, 12]),
        (5, [(0, 5), (-60, 1)], [None, 12]),
        (7, [(0, 7), (0, 1), (8.572, 1)], [None, 8.572, None]),
        (60_000, [(0, 60_000), (0, 1), (0.001, 1)], [None, 0.001, None]),
    ],
    ids=str,
)
def test_consume(limit: int, calls: Any, waits: Any) -> None:
    assert drawn(limit, *calls) == waits


def test_rejected_call_takes_nothing() -> None:
    both = {"images": 10, "requests": 1}
    _, levels = rate_limits.consume(both, {}, {"images": 2, "requests": 1}, NOW)
    found, levels = rate_limits.consume(both, levels, {"images": 2, "requests": 1}, NOW)
    assert found
    assert (found.name, found.used, found.requested, found.wait) == ("requests", 1, 1, 60)
    assert (found.remaining, found.reset) == ({"images": 8, "requests": 0}, {"images": 12, "requests": 60})
    assert levels["images"] == [8, NOW]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0ms"), (0.001, "1ms"), (0.9991, "1s"), (12, "12s"), (1.5, "1.5s"), (150, "2m30s")]
)
def test_duration(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def ask(text: str, *calls: Any, day: str = "") -> list[httpx2.Response]:
    """The responses to calls: a number advances the clock, anything else is the JSON of a generation."""
    clock = Clock()
    server = MemoryState(Settings(paint="flat"), SessionStore(parse(text.encode(), "x")), clock=clock)

    async def call() -> list[httpx2.Response]:
        found = []
        async with httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=create_app(server)),
            base_url="http://test/v1",
            headers={"Authorization": "Bearer sk-test"},
        ) as client:
            for one in calls:
                if isinstance(one, float):
                    clock.now += one
                else:
                    path = one.pop("path", "images/generations")
                    found.append(await client.post(path, json={"model": "gpt-image-2", "prompt": "x"} | one))
            entries = (await client.get("http://test/__mock/journal")).json()["entries"]
        limited = [entry["turn"]["limited"] is not None for entry in entries]
        assert limited == [response.status_code == 429 for response in found]
        return found

    return asyncio.run(call())


HEAD = "scenario: mine\nsteps: [{ok: {}}]\n"


def test_images_per_minute() -> None:
    """n counts; the error has the actual numbers, and a client that waits as long as it says succeeds."""
    served, refused, early, later = ask(
        HEAD + "limits: {images: 5, requests: 100}\n", {"n": 5}, {"n": 2}, 23.9, {"n": 2}, 0.1, {"n": 2}
    )
    assert [one.status_code for one in (served, refused, early, later)] == [200, 429, 429, 200]
    message = refused.json()["error"]["message"]
    assert "on input-images per min: Limit 5, Used 5, Requested 2. Please try again in 24s." in message
    assert refused.json()["error"]["type"] == "input-images"
    told = {name: value for name, value in refused.headers.items() if name.startswith(("x-ratelimit", "retry"))}
    assert told == {
        "retry-after": "24",
        "x-ratelimit-limit-input-images": "5",
        "x-ratelimit-remaining-input-images": "0",
        "x-ratelimit-reset-input-images": "1m0s",
        "x-ratelimit-limit-requests": "100",
        "x-ratelimit-remaining-requests": "99",
        "x-ratelimit-reset-requests": "600ms",
    }
    assert "try again in 100ms" in early.json()["error"]["message"]
    assert early.headers["retry-after"] == "1"
    assert not [name for name in served.headers if name.startswith("x-ratelimit")]


def test_requests_per_minute() -> None:
    """A request with an invalid parameter counts; one for an unknown path does not."""
    answers = ask(HEAD + "limits: {requests: 2}\n", {"path": "nothing"}, {"n": 0}, {"n": 1}, {"n": 0})
    assert [one.status_code for one in answers] == [404, 400, 200, 429]
    assert "on requests per min: Limit 2, Used 2, Requested 1" in answers[-1].json()["error"]["message"]
    assert answers[-1].json()["error"]["type"] == "requests"


def test_tokens_per_minute() -> None:
    first = ask(HEAD, {})[0].json()["usage"]["total_tokens"]
    answers = ask(f"{HEAD}limits: {{tokens: {first}}}\n", {}, {})
    assert [one.status_code for one in answers] == [200, 429]
    assert f"on tokens per min: Limit {first}, Used {first}, Requested {first}" in answers[1].text
    assert [one.status_code for one in ask(HEAD + "limits: {tokens: 1}\n", {"model": "dall-e-3"})] == [200]


def test_requested_errors_take_nothing() -> None:
    text = "scenario: mine\nsteps: [{error: server-error}, {ok: {}}]\nlimits: {requests: 1}\n"
    assert [one.status_code for one in ask(text, {}, {})] == [500, 200]
