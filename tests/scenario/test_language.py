"""The scenario language, from the file to the response."""

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.engine.values import Settings
from mockserver.scenario.loader import ScenarioError, load, parse
from mockserver.server.app import create_app
from mockserver.state.memory import MemoryState
from mockserver.state.sessions import SessionStore
from tests.support.images import png


@pytest.fixture(autouse=True)
def contracted() -> None:
    """Responses that a scenario defines need not follow the contract."""


AUTH = {"Authorization": "Bearer sk-test-0123456789"}
EDIT: dict[str, Any] = {
    "url": "/v1/images/edits",
    "data": {"model": "gpt-image-2", "prompt": "x"},
    "files": {"image": ("a.png", png(), "image/png")},
}


def made(prompt: str = "x", headers: Any = (), **fields: Any) -> dict[str, Any]:
    body = {"model": "gpt-image-2", "prompt": prompt} | fields
    return {"url": "/v1/images/generations", "json": body, "headers": AUTH | dict(headers)}


def served(text: str, seed: int | None = None) -> MemoryState:
    return MemoryState(
        Settings(paint="flat"), SessionStore(parse(text.encode(), "x"), seed), clock=lambda: 1_795_000_000.0
    )


def ask(server: MemoryState, *calls: dict[str, Any]) -> list[httpx2.Response]:
    async def call() -> list[httpx2.Response]:
        transport = httpx2.ASGITransport(app=create_app(server))
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            return [await client.request(**({"method": "POST", "headers": AUTH} | one)) for one in calls]

    return asyncio.run(call())


def statuses(text: str, *calls: dict[str, Any], seed: int | None = None) -> list[int]:
    return [response.status_code for response in ask(served(text, seed), *calls)]


def steps(*lines: str, more: str = "") -> str:
    return "scenario: mine\nsteps:\n" + "".join(f"  - {{{line}}}\n" for line in lines) + more


def test_steps_without_when_are_a_sequence() -> None:
    text = steps(
        "when: {prompt: {contains: night}}, error: server-error, times: forever", "error: org-verify", "ok: {}"
    )
    assert statuses(text, made(), made("night"), made("nights"), made(), made()) == [403, 500, 500, 200, 403]


def test_unmatched_request() -> None:
    text = steps("when: {stream: true}, error: server-error")
    server = served(text)
    found = ask(server, made(), made(stream=True), made(stream=True), made())
    assert [one.status_code for one in found] == [200, 500, 500, 200]
    turns = [entry["turn"] for entry in server.journal.entries()]
    assert [(turn["step"], turn["unmatched"]) for turn in turns] == [(None, True), (1, False), (1, False), (None, True)]


def test_then() -> None:
    once = ("when: {prompt: a}, error: server-error", "when: {prompt: b}, error: org-verify")
    calls = [made("a"), made("a"), made("b"), made("b"), made("a"), made("c")]
    assert statuses(steps(*once, more="then: hold\n"), *calls) == [500, 500, 403, 403, 500, 200]
    assert statuses(steps(*once, more="then: ok\n"), *calls) == [500, 200, 403, 200, 200, 200]
    assert statuses(steps(*once, more="then: repeat\n"), *calls) == [500, 500, 403, 403, 500, 200]
    server = served(steps("error: server-error", more="then: ok\n"))
    ask(server, made(), made())
    assert [entry["turn"]["unmatched"] for entry in server.journal.entries()] == [False, False]


def test_states() -> None:
    """A branch and a recovery: down until a request contains the right word."""
    text = steps(
        "when: {prompt: break}, error: server-error, then_state: down, times: forever",
        "when: {prompt: mend}, state: [down, worse], ok: {}, then_state: start, times: forever",
        "state: down, error: org-verify, times: forever, then_state: worse",
        "state: worse, error: insufficient-quota, times: forever",
        "ok: {}, state: start",
    )
    calls = [made(word) for word in ("x", "mend", "break", "x", "x", "x", "mend", "x")]
    assert statuses(text, *calls) == [200, 200, 500, 403, 429, 429, 200, 200]


def test_attempts_and_retries() -> None:
    text = steps("when: {attempt: {maximum: 2}}, error: server-error, times: forever", "ok: {}")
    edit = EDIT | {"headers": AUTH}
    assert statuses(text, edit, edit, edit, made(), edit, made()) == [500, 500, 200, 500, 200, 500]
    text = steps("when: {retry: 0}, error: server-error, times: forever", "ok: {}")
    assert statuses(text, made(), made(headers={"x-stainless-retry-count": "1"})) == [500, 200]


def test_rejected_requests_are_matched() -> None:
    text = steps("when: {fields: {n: 0}}, error: org-verify, times: forever", "ok: {}")
    assert statuses(text, made(n=0), made(n=99)) == [403, 400]


def test_chance() -> None:
    text = steps("error: server-error, chance: 0.3, times: forever", "ok: {}, times: forever", more="seed: 4\n")
    first = statuses(text, *[made()] * 60)
    assert statuses(text, *[made()] * 60) == first
    assert 5 < first.count(500) < 35
    assert statuses(text, *[made()] * 60, seed=5) != first
    assert statuses(text, *[made()] * 60, seed=4) == first
    assert statuses(steps("error: server-error, chance: 0", "ok: {}"), made()) == [200]


def test_fixed_responses() -> None:
    text = steps(
        "ok: {usage: {total_tokens: 7}, revised_prompt: Better, fields: {quality: ultra, new: [1]}, "
        "without: [created, usage.input_tokens, data.0.b64_json, data.9, nothing.at.all, data.x]}"
    )
    server = served(text)
    body = ask(server, made(n=2))[0].json()
    assert body["usage"]["total_tokens"] == 7
    assert "input_tokens" not in body["usage"]
    assert "created" not in body
    assert (body["quality"], body["new"]) == ("ultra", [1])
    assert body["data"][0] == {"revised_prompt": "Better"}
    assert sorted(body["data"][1]) == ["b64_json", "revised_prompt"]
    odd = ask(served(steps("ok: {fields: {data: [5]}, revised_prompt: x}")), made())[0].json()
    assert odd["data"] == [5]
    assert ask(served(steps("ok: {fields: {data: 5}, revised_prompt: x}")), made())[0].json()["data"] == 5
    assert ask(served(steps("ok: {usage: {total_tokens: 7}}")), made(model="dall-e-3"))[0].json()["usage"] == {
        "total_tokens": 7
    }


def test_cost_follows_usage() -> None:
    costs = []
    for text in (steps("ok: {}"), steps("ok: {usage: {output_tokens_details: {image_tokens: 0}}}")):
        server = served(text)
        ask(server, made())
        costs.append(server.journal.entries()[0]["cost"])
    assert costs[0] > costs[1]


def test_fixed_streams(tmp_path: Path) -> None:
    names = ["a.png", "b.png"]
    for index, name in enumerate(names):
        (tmp_path / name).write_bytes(png(16 + index, 16))
    (tmp_path / "mine.yaml").write_text(
        steps(
            "ok: {partials: 3, pictures: [a.png, b.png], fields: {extra: 1}}",
            "ok: {partials: 0}",
            "ok: {pictures: [b.png]}",
        )
    )
    server = MemoryState(Settings(paint="flat"), SessionStore(load(str(tmp_path / "mine.yaml"))))
    first, second, third, *_ = ask(
        server, made(stream=True, partial_images=1), made(stream=True, partial_images=2), made()
    )
    frames = [json.loads(line[6:]) for line in first.text.splitlines() if line.startswith("data:")]
    assert [frame["type"].split(".")[1] for frame in frames] == ["partial_image"] * 3 + ["completed"]
    a, b = (base64.b64encode((tmp_path / name).read_bytes()).decode() for name in names)
    assert [frame["b64_json"] for frame in frames] == [a, b, b, b]
    assert [frame.get("extra") for frame in frames] == [None, None, None, 1]
    assert second.text.count("data:") == 1
    assert [one["b64_json"] for one in third.json()["data"]] == [b]


def test_replies() -> None:
    text = steps(
        "reply: {status: 418, headers: {X-Own: [a, b], Content-Type: text/tea}, body: Tee für zwei}",
        "reply: {body: {a: [1, null]}}",
        "reply: {status: 204}",
        "reply: {status: 503, body: null}",
    )
    server = served(text)
    first, second, third, fourth = ask(server, made(n=0), made(), made(), made())
    assert (first.status_code, first.text, first.headers["content-type"]) == (418, "Tee für zwei", "text/tea")
    assert first.headers.get_list("x-own") == ["a", "b"]
    assert first.headers["x-request-id"].startswith("req_")
    assert second.json() == {"a": [1, None]}
    assert (third.status_code, third.content, "content-length" in third.headers) == (204, b"", False)
    assert (fourth.status_code, fourth.content) == (503, b"")
    outcomes = [entry["answer"]["outcome"] for entry in server.journal.entries()]
    assert outcomes == ["refused", "served", "served", "refused"]


MODERATION = """moderation:
  - {words: [Blood, two words], categories: [violence, self-harm]}
  - {words: [nude], stage: output}
"""


def test_moderation() -> None:
    server = served(steps("ok: {}", more=MODERATION))
    calls = ["bloody", "BLOOD!", "two  words", "a two words b", "nude", "bloody blood"]
    answers = ask(server, *(made(prompt) for prompt in calls), made("blood", model="dall-e-3"))
    assert [one.status_code for one in answers] == [200, 400, 200, 400, 400, 400, 400]
    error = answers[1].json()["error"]
    assert error["code"] == "moderation_blocked"
    assert error["message"].endswith("safety_violations=[violence, self-harm].")
    assert error["moderation_details"] == {"moderation_stage": "input", "categories": ["violence", "self-harm"]}
    assert answers[4].json()["error"]["moderation_details"] == {"moderation_stage": "output", "categories": ["sexual"]}
    assert answers[6].json()["error"]["code"] == "content_policy_violation"
    assert ask(server, made("blood", n=0))[0].json()["error"]["code"] != "moderation_blocked"
    streams = served(steps("error: stream-error", more=MODERATION))
    assert [one.status_code for one in ask(streams, made("blood", stream=True), made(stream=True))] == [400, 200]


def test_settings_of_a_file() -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    text = steps("ok: {}", more="auth: {exact: [sk-only]}\nlatency: 2.5\npaint: noise\n")
    server = served(text)
    server.sleep = sleep
    assert [one.status_code for one in ask(server, made(), made(headers={"Authorization": "Bearer sk-only"}))] == [
        401,
        200,
    ]
    assert waits == [2.5]
    over = server.sessions.settings_for("a", server.settings)
    assert (over.paint, over.latency, over.auth) == ("noise", 2.5, "exact")
    assert statuses(steps("ok: {}", more="auth: open\nlatency: none\n"), made(headers={"Authorization": ""})) == [200]
    assert served(steps("ok: {}", more="latency: realistic\n")).sessions.settings_for("a", Settings()).latency is None


def json_edit(**more: Any) -> dict[str, Any]:
    body = {"model": "gpt-image-2", "prompt": "x", "quality": "low", **more}
    return {"method": "POST", "url": "/v1/images/edits", "json": body, "headers": {"Authorization": "Bearer sk-test"}}


def test_limits_apply_to_image_requests() -> None:
    """Requests for models or files take nothing from them."""
    listing = {"method": "GET", "headers": AUTH}
    calls = [listing | {"url": "/v1/models"}, listing | {"url": "/v1/files"}, made(), made()]
    assert statuses(steps("ok: {}", more="limits: {requests: 1}\n"), *calls) == [200, 200, 200, 429]


def test_urls(tmp_path: Path) -> None:
    """A file of the scenario is used for an image URL; any other URL still fails."""
    (tmp_path / "cat.png").write_bytes(png())
    file = tmp_path / "mine.yaml"
    file.write_text(steps("ok: {}", more="urls: {'https://example.com/cat.png': cat.png}\n"))
    server = MemoryState(Settings(paint="flat"), SessionStore(load(str(file))))
    urls = ["https://example.com/cat.png", "https://example.com/dog.png"]
    found = ask(server, *(json_edit(images=[{"image_url": url}]) for url in urls))
    assert [answer.status_code for answer in found] == [200, 400]
    file.write_text(steps("ok: {}", more="urls: {'https://example.com/cat.png': ../cat.png}\n"))
    with pytest.raises(ScenarioError, match=r"mine.yaml:4: .*is not a file in the folder"):
        load(str(file))


def test_validate_and_dialect_of_a_file() -> None:
    (loose,) = ask(served(steps("ok: {}", more="validate: off\n".replace("off", "'off'"))), json_edit(images="none"))
    assert loose.status_code == 200
    form = {
        "method": "POST",
        "url": "/v1/images/edits",
        "data": {"model": "gpt-image-1", "prompt": "x"},
        "files": {"image": ("a.png", png(), "image/png")},
        "headers": {"Authorization": "Bearer sk-test"},
    }
    (bare,) = ask(served(steps("ok: {}", more="dialect: gateway\n")), form)
    assert list(bare.json()) == ["created", "data", "usage"]


def test_200_sessions_are_independent() -> None:
    server = MemoryState(Settings(paint="flat"), SessionStore(load("flaky")))

    async def rush() -> list[list[int]]:
        transport = httpx2.ASGITransport(app=create_app(server))
        async with httpx2.AsyncClient(transport=transport, base_url="http://test", headers=AUTH) as client:

            async def one(name: int) -> list[int]:
                url = f"/__mock/s/s{name}/v1/images/generations"
                body = {"model": "gpt-image-2", "prompt": "x", "size": "1024x1024"}
                return [(await client.post(url, json=body)).status_code for _ in range(5)]

            return await asyncio.gather(*map(one, range(200)))

    assert asyncio.run(rush()) == [[429, 429, 500, 200, 429]] * 200


def picked(name: str) -> dict[str, Any]:
    return made(headers={"X-Mockserver-Scenario": name})


def test_request_selects_scenario(tmp_path: Path) -> None:
    """It has its own position; the session's stays unchanged."""
    (tmp_path / "mine.yaml").write_text(steps("error: org-verify", "ok: {}"))
    (tmp_path / "other.yaml").write_text(steps("error: insufficient-quota"))
    server = MemoryState(Settings(paint="flat"), SessionStore(load(str(tmp_path / "mine.yaml"))))
    calls = [picked("flaky"), made(), picked("flaky"), picked("flaky"), made(), picked("other"), picked("ok")]
    assert [one.status_code for one in ask(server, *calls)] == [429, 403, 429, 500, 200, 429, 200]
    names = [entry["turn"]["scenario"] for entry in server.journal.entries()]
    assert names[:2] == ["flaky", "mine"]


@pytest.mark.parametrize("name", ["nothing", "../mine", "mine.yaml", "/etc/passwd", "", "a\\b", "x" * 300])
def test_unknown_scenario(tmp_path: Path, name: str) -> None:
    (tmp_path / "mine.yaml").write_text(steps("ok: {}"))
    for scenario in ("flaky", str(tmp_path / "mine.yaml")):
        server = MemoryState(Settings(paint="flat"), SessionStore(load(scenario)))
        (refused,) = ask(server, picked(name))
        assert (refused.status_code, refused.headers["content-type"]) == (400, "application/problem+json")
        assert "there is no scenario" in refused.json()["detail"]
        assert server.journal.entries() == []


def test_invalid_scenario_is_not_selected(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(steps("ok: {}"))
    (tmp_path / "other.yaml").write_text("scenario: other\nsteps: [{}, {times: 0, ok: {}}]\n")
    (refused,) = ask(MemoryState(Settings(), SessionStore(load(str(tmp_path / "mine.yaml")))), picked("other"))
    assert len(refused.json()["detail"].splitlines()) == 2


# Every scenario that lint accepts makes the server do what it says.
WORD = st.sampled_from(["start", "down", "up"])
TEXTS = st.text(max_size=6)
TEST = st.fixed_dictionaries(
    {}, optional={"contains": st.text(min_size=1, max_size=3), "regex": st.text(min_size=1, max_size=6)}
)
RANGE = st.fixed_dictionaries({}, optional={"minimum": st.integers(-1, 3), "maximum": st.integers(-1, 3)})
COUNT = st.integers(0, 3) | RANGE
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
WHEN = st.fixed_dictionaries(
    {},
    optional={
        "prompt": TEXTS | TEST,
        "model": TEST,
        "stream": st.booleans(),
        "images": COUNT,
        "mask": st.booleans(),
        "fields": st.dictionaries(st.sampled_from(["n", "size", "prompt"]), TEST | RANGE | JSON, max_size=2),
        "headers": st.dictionaries(st.sampled_from(["x-a", "Host"]), TEST | TEXTS, max_size=2),
        "attempt": COUNT,
        "retry": COUNT,
    },
)
OK = st.fixed_dictionaries(
    {},
    optional={
        "partials": st.integers(0, 3),
        "usage": st.just({"total_tokens": 3}),
        "revised_prompt": TEXTS,
        "fields": st.dictionaries(st.sampled_from(["data", "usage", "x", "type"]), JSON, max_size=2),
        "without": st.lists(st.sampled_from(["data", "data.0", "usage.total_tokens", "..", "type"]), max_size=3),
    },
)
REPLY = st.fixed_dictionaries(
    {},
    optional={
        "status": st.integers(199, 600),
        "headers": st.dictionaries(st.sampled_from(["x-a", "Set-Cookie", "date", "content-length"]), TEXTS, max_size=2),
        "body": JSON,
    },
)
COMMON = {
    "when": WHEN,
    "times": st.integers(0, 3) | st.just("forever"),
    "chance": st.sampled_from([0, 0.5, 1]),
    "state": WORD | st.lists(WORD, max_size=2),
    "then_state": WORD,
}
STEP = st.one_of(
    st.fixed_dictionaries({"ok": OK}, optional=COMMON),
    st.fixed_dictionaries(
        {"error": st.sampled_from(["server-error", "stream-error", "moderation-blocked"])}, optional=COMMON
    ),
    st.fixed_dictionaries({"reply": REPLY}, optional=COMMON),
)
SCENARIO = st.fixed_dictionaries(
    {"scenario": st.just("mine"), "steps": st.lists(STEP, min_size=1, max_size=4)},
    optional={
        "then": st.sampled_from(["repeat", "hold", "ok"]),
        "seed": st.integers(0, 9),
        "auth": st.sampled_from(["open", "bearer", {"exact": ["sk-other"]}]),
        "limits": st.fixed_dictionaries({}, optional={"images": st.integers(1, 3), "requests": st.integers(0, 3)}),
        "moderation": st.lists(st.fixed_dictionaries({"words": st.lists(TEXTS, max_size=2)}), max_size=1),
    },
)
CALLS = [made(), made("night", stream=True), made(n=0), made("a b", n=2), EDIT, {"url": "/v1/models", "method": "GET"}]


@settings(derandomize=True, max_examples=60, deadline=None)
@given(SCENARIO)
def test_every_accepted_scenario_responds(data: dict[str, Any]) -> None:
    text = json.dumps(data).encode()
    try:
        scenario = parse(text, "x")
    except ScenarioError:
        return
    server = MemoryState(Settings(paint="flat"), SessionStore(scenario), clock=lambda: 1_795_000_000.0)
    for call in CALLS:
        (response,) = ask(server, call)
        entry = server.journal.entries()[-1]
        assert (response.status_code, entry["answer"]["complete"]) == (entry["answer"]["status"], True)
        number = entry["turn"]["step"]
        step = data["steps"][number - 1] if number else {"ok": {}}
        if "reply" in step:
            assert response.status_code == step["reply"].get("status", 200)
        elif "error" in step:
            assert entry["answer"]["row"] is not None or entry["answer"]["outcome"] == "served"
        else:
            assert response.status_code in (200, 400, 401, 429)
