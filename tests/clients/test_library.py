"""The scenarios that come along, each played to the official Python client over a real socket."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from mockserver.engine.values import Settings
from mockserver.scenario.loader import built_in_names, load
from mockserver.server.uvicorn_server import BackgroundServer, serve_in_thread
from mockserver.state.memory import MemoryState
from mockserver.state.sessions import SessionStore
from tests.support.images import png

DOCS = Path(__file__).parents[2] / "docs" / "reference" / "scenarios-built-in.md"
STREAM = {"stream": True, "partial_images": 2}


@pytest.fixture(autouse=True)
def contracted() -> None:
    """Faults need not keep to the contract."""


async def at_once(seconds: float) -> None:
    """Nobody waits."""


class Talk:
    """A client and its server."""

    def __init__(self, started: BackgroundServer, client: openai.OpenAI) -> None:
        self.started, self.client = started, client

    def edit(self, retries: int = 0, **more: Any) -> Any:
        asked = {"model": "gpt-image-2", "prompt": "x", "quality": "low", "size": "1024x1024", **more}
        client = self.client.with_options(max_retries=retries)
        found: Any = client.images.edit(image=("a.png", png()), **asked)
        return [event.type.partition(".")[2] for event in found] if more.get("stream") else found

    def failure(self, kind: type[Exception], retries: int = 0, **more: Any) -> Any:
        with pytest.raises(kind) as caught:
            self.edit(retries, **more)
        return caught.value

    @property
    def statuses(self) -> list[int]:
        return [entry["answer"]["status"] for entry in self.started.call(self.started.server.journal.entries)]


@contextmanager
def playing(name: str, timeout: float = 30, **server: Any) -> Iterator[Talk]:
    with (
        serve_in_thread(MemoryState(Settings(paint="flat"), SessionStore(load(name)), **server)) as started,
        openai.OpenAI(base_url=f"{started.url}/v1", api_key="sk-test", timeout=timeout) as client,
    ):
        yield Talk(started, client)


def ok() -> None:
    with playing("ok") as talk:
        assert talk.edit().data


def flaky() -> None:
    with playing("flaky") as talk:
        assert talk.edit(retries=3).data
        assert talk.statuses == [429, 429, 500, 200]


def rate_limited() -> None:
    with playing("rate_limited") as talk:
        assert talk.edit(retries=5).data
        assert talk.statuses == [429, 429, 429, 503, 429, 200]
        assert talk.edit().data


def quota_exhausted() -> None:
    with playing("quota_exhausted") as talk:
        assert talk.failure(openai.RateLimitError, retries=1).code == "insufficient_quota"
        # The client tries again; the verdict says that it should not.
        assert talk.statuses == [429, 429]


def moderation() -> None:
    with playing("moderation") as talk:
        for prompt in ("A weapon", "blood!", "NUDE"):
            assert talk.failure(openai.BadRequestError, retries=2, prompt=prompt).code == "moderation_blocked"
        assert talk.failure(openai.APIError, prompt="gore", **STREAM).code == "moderation_blocked"
        assert talk.edit(prompt="bloodless").data
        assert talk.statuses == [400, 400, 400, 200, 200]


def outage() -> None:
    with playing("outage") as talk:
        assert talk.edit(retries=8).data
        assert talk.statuses == [200, 200, 502, 503, 504, 520, 500, 500, 200]
        assert talk.edit().data


def overloaded() -> None:
    with playing("overloaded") as talk:
        assert all(talk.edit(retries=10).data for _ in range(3))
        assert set(talk.statuses) & {429, 503}


def slow() -> None:
    waits: list[float] = []

    async def noted(seconds: float) -> None:
        waits.append(seconds)

    with playing("slow", sleep=noted) as talk:
        assert talk.edit().data
        assert talk.edit(**STREAM)[-1] == "completed"
    assert sum(waits) > 10


def stall() -> None:
    with playing("stall", timeout=0.3) as talk:
        for _ in range(4):
            talk.failure(openai.APITimeoutError, **STREAM)
        assert isinstance(talk.failure(openai.APITimeoutError), openai.APITimeoutError)


def truncated_stream() -> None:
    with playing("truncated_stream") as talk:
        for more in ({}, {}, STREAM, STREAM):
            talk.failure(openai.APIConnectionError, **more)


def reset() -> None:
    with playing("reset") as talk:
        for more in ({}, STREAM):
            for _ in range(4):
                talk.failure(openai.APIConnectionError, **more)
            assert talk.edit(**more)


def html_error() -> None:
    with playing("html_error") as talk:
        talk.failure(openai.InternalServerError)
        assert talk.edit() == "<!doctype html><title>Sign in</title>"


def stream_error() -> None:
    with playing("stream_error") as talk:
        assert talk.failure(openai.APIError, **STREAM).code == "image_generation_failed"
        talk.failure(openai.InternalServerError)


def no_completed() -> None:
    with playing("no_completed") as talk:
        assert talk.edit(**STREAM) == ["partial_image", "partial_image"]


def fewer_partials() -> None:
    with playing("fewer_partials") as talk:
        assert talk.edit(**STREAM) == ["completed"]
        assert talk.edit(**STREAM) == ["partial_image", "completed"]


def sse_legal() -> None:
    with playing("sse_legal") as talk:
        known = [name for name in talk.edit(**STREAM) if name != "progress"]
        assert known == ["partial_image", "partial_image", "completed"]


def retired_models() -> None:
    with playing("retired_models") as talk:
        for model in ("gpt-image-1.5", "gpt-image-1-mini", "chatgpt-image-latest", "gpt-image-1", "dall-e-2"):
            assert talk.failure(openai.BadRequestError, retries=2, model=model).param == "model"
        assert talk.edit(model="gpt-image-2.5-flare").data
        assert talk.statuses == [*[400] * 5, 200]


def unverified_org() -> None:
    with playing("unverified_org") as talk:
        talk.failure(openai.PermissionDeniedError, retries=2)
        assert talk.statuses == [403]


def tier1() -> None:
    with playing("tier1", sleep=at_once, clock=lambda: 1_795_000_000.0) as talk:
        for _ in range(5):
            assert talk.edit().data
        refused = talk.failure(openai.RateLimitError)
        assert refused.code == "rate_limit_exceeded"
        wait = int(refused.response.headers["retry-after"])
        assert 0 < wait <= 60
        httpx2.post(f"{talk.started.url}/__mock/clock", json={"advance": wait}, timeout=60)
        assert talk.edit().data


# What the client takes for a success although it is none, by the number of the step: facts, not wishes.
TAKEN = {False: {11, 13, 14, 15, 16, 17, 18, 19}, True: {7, 11, 12, 13, 14, 15, 16, 18, 19, 22, 23, 24, 25}}


def hostile() -> None:
    """Whatever the client makes of each answer: it strikes, and the next call is answered."""
    for stream, more in ((False, {}), (True, STREAM)):
        with playing("hostile") as talk:
            taken = set()
            for number, step in enumerate(load("hostile").steps, 1):
                timeout = 2 if any(fault.name == "stall" for fault in step.faults) else 60
                try:
                    # Each on a connection of its own: what a fault leaves behind in one is no matter of the next.
                    talk.edit(**more, timeout=timeout, extra_headers={"Connection": "close"})
                except (openai.OpenAIError, ValueError):
                    continue
                taken.add(number)
            entries = talk.started.call(talk.started.server.journal.entries)
        assert [entry["turn"]["step"] for entry in entries] == list(range(1, len(load("hostile").steps) + 1))
        # Faults of streams find nothing in a JSON body, and the other way round.
        vain = {entry["turn"]["step"] for entry in entries if not entry["turn"]["hostile"]}
        assert taken - vain == TAKEN[stream]


SHOWN = {
    function.__name__: function
    for function in (
        *(ok, flaky, rate_limited, quota_exhausted, moderation, outage, overloaded, slow, stall, truncated_stream),
        *(reset, html_error, stream_error, no_completed, fewer_partials, sse_legal, hostile, retired_models),
        *(unverified_org, tier1),
    )
}


@pytest.mark.parametrize("name", built_in_names())
def test_scenario(name: str) -> None:
    SHOWN[name]()


def test_documented() -> None:
    """The page says of each scenario what a good client shows."""
    _, _, text = DOCS.read_text("utf-8").partition("\n## What a good client shows\n")
    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == built_in_names()
