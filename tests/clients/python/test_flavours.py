"""The official Python client in each of its ways: blocking, asyncio, on aiohttp, with raw and with streamed answers."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import openai
import pytest
from talk import ASKED, HOUSE, ROOT, ROWS, Session, families, fields, fills, refusing, taken

Edit = Callable[..., Any]
PICTURE = ("house.png", HOUSE)
NONE = {"api_key": "sk-test", "max_retries": 0}


def told(answer: Any, stream: bool) -> Any:
    """An answer as it is, a stream as the list of its events."""
    return list(answer) if stream else answer


def blocking(url: str, stream: bool = False, options: Any = None, **more: Any) -> Any:
    with openai.OpenAI(base_url=url, **NONE | (options or {})) as client:
        return told(client.images.edit(stream=stream, **{"image": PICTURE} | ASKED | more), stream)


def raw(url: str, stream: bool = False, options: Any = None, **more: Any) -> Any:
    with openai.OpenAI(base_url=url, **NONE | (options or {})) as client:
        response = client.images.with_raw_response.edit(stream=stream, **{"image": PICTURE} | ASKED | more)
        assert response.headers["x-request-id"] == response.request_id
        return told(response.parse(), stream)


def streamed(url: str, stream: bool = False, options: Any = None, **more: Any) -> Any:
    with openai.OpenAI(base_url=url, **NONE | (options or {})) as client:
        call = client.images.with_streaming_response.edit(stream=stream, **{"image": PICTURE} | ASKED | more)
        with call as response:
            return told(response.parse(), stream)


def waited(url: str, stream: bool = False, options: Any = None, **more: Any) -> Any:
    async def edit() -> Any:
        async with openai.AsyncOpenAI(base_url=url, **NONE | (options or {})) as client:
            answer = await client.images.edit(stream=stream, **{"image": PICTURE} | ASKED | more)
            return [event async for event in answer] if stream else answer

    return asyncio.run(edit())


def on_aiohttp(url: str, stream: bool = False, options: Any = None, **more: Any) -> Any:
    async def edit() -> Any:
        async with openai.AsyncOpenAI(
            base_url=url, http_client=openai.DefaultAioHttpClient(), **NONE | (options or {})
        ) as client:
            answer = await client.images.edit(stream=stream, **{"image": PICTURE} | ASKED | more)
            return [event async for event in answer] if stream else answer

    return asyncio.run(edit())


EDITS: dict[str, Edit] = {edit.__name__: edit for edit in (blocking, raw, streamed, waited, on_aiohttp)}


@pytest.fixture(params=EDITS)
def edit(request: pytest.FixtureRequest) -> Edit:
    return EDITS[request.param]


def session(edit: Edit, name: str, scenario: str = "ok") -> Session:
    return Session(f"{edit.__name__}-{name}", scenario)


def test_plain(edit: Edit) -> None:
    talk = session(edit, "plain")
    answer = edit(talk.url)
    assert answer.data[0].b64_json.startswith("iVBOR")
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens
    assert talk.files == [("image", "image/png")]


def test_several_and_mask(edit: Edit) -> None:
    talk = session(edit, "several")
    assert edit(talk.url, image=[PICTURE, ("b.png", HOUSE)], mask=("m.png", HOUSE)).data
    assert talk.files == [("image[]", "image/png")] * 2 + [("mask", "image/png")]
    assert talk.entries[0]["job"]["mask"] == talk.entries[0]["job"]["images"][1]


def test_stream(edit: Edit) -> None:
    events = edit(session(edit, "stream").url, stream=True, partial_images=2)
    names = ["image_edit.partial_image"] * 2 + ["image_edit.completed"]
    assert [event.type for event in events] == names
    assert events[-1].usage.input_tokens_details.image_tokens == 256


CLASSES: dict[int, type[openai.APIStatusError]] = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    429: openai.RateLimitError,
}


def refused() -> list[tuple[str, str]]:
    """Each way with each refusal; raw and streamed answers fail where blocking ones do, and get one of each status."""
    statuses = {row["family"]: row["status"] for row in reversed(ROWS.values())}
    every = families(stream=False)
    first = {statuses[family]: family for family in reversed(every)}.values()
    return [(name, family) for name in EDITS for family in (first if name in ("raw", "streamed") else every)]


@pytest.mark.parametrize(("edit", "family"), refused(), indirect=["edit"])
def test_refusal(edit: Edit, family: str) -> None:
    talk = refusing(edit.__name__, family)
    with pytest.raises(openai.APIStatusError) as caught:
        edit(talk.url)
    row, error = talk.row(family), caught.value
    # It has no class of its own for 405 and 413.
    other = openai.InternalServerError if row["status"] >= 500 else openai.APIStatusError
    assert type(error) is CLASSES.get(row["status"], other)
    assert error.status_code == row["status"]
    seen = {name: getattr(error, name) for name in ("type", "param", "code")}
    assert {name: value for name, value in seen.items() if not fills(fields(row)[name], value)} == {}
    if isinstance(error.body, dict):
        assert fills(row["message"], error.body["message"])


@pytest.mark.parametrize("family", families(stream=True))
def test_refusal_in_a_stream(edit: Edit, family: str) -> None:
    talk = refusing(edit.__name__, family)
    with pytest.raises(openai.APIError) as caught:
        edit(talk.url, stream=True, partial_images=1)
    row, error = talk.row(family), caught.value
    assert type(error) is openai.APIError
    seen = {name: getattr(error, name) for name in ("type", "param", "code")}
    assert {name: value for name, value in seen.items() if not fills(fields(row)[name], value)} == {}
    assert fills(row["message"], error.message)


def test_flaky(edit: Edit) -> None:
    talk = session(edit, "flaky-2", "flaky")
    with pytest.raises(openai.InternalServerError):
        edit(talk.url, options={"max_retries": 2})
    assert talk.statuses == [429, 429, 500]
    talk = session(edit, "flaky-3", "flaky")
    assert edit(talk.url, options={"max_retries": 3}).data
    assert talk.statuses == [429, 429, 500, 200]


def test_reset(edit: Edit) -> None:
    with pytest.raises(openai.APIConnectionError):
        edit(session(edit, "reset", "reset").url)


def test_stall(edit: Edit) -> None:
    with pytest.raises(openai.APITimeoutError):
        edit(session(edit, "stall", "stall").url, options={"timeout": 0.3})


BODIES = ["content_type", "missing", "nulls", "wrong_type", "huge_number"]
PICTURES = ["bad_base64", "other_image"]
STREAMS = ["no_completed", "half_event", "json_instead", "wrong_family"]


def test_taken_for_a_success(edit: Edit) -> None:
    found = taken(f"{edit.__name__}-hostile", edit)
    assert found == [*BODIES, "empty_data", *PICTURES]


def test_stream_taken_for_a_success(edit: Edit) -> None:
    def ask(url: str) -> Any:
        return edit(url, stream=True, partial_images=2)

    found = taken(f"{edit.__name__}-hostile-stream", ask)
    # Whether aiohttp sees that the body is longer than was said depends on the moment.
    assert [fault for fault in found if fault != "content_length"] == [
        BODIES[0],
        "empty",
        *BODIES[1:],
        *PICTURES,
        *STREAMS,
    ]


def test_not_its_own_exception(edit: Edit) -> None:
    talk = Session(f"{edit.__name__}-json", [{"ok": {}, "faults": [{"cut_json": {}}], "times": "forever"}])
    with pytest.raises(json.JSONDecodeError):
        edit(talk.url, options={"max_retries": 3})
    assert talk.statuses == [200]


@pytest.mark.parametrize(
    ("edit", "fault", "module"),
    [(streamed, {"truncate": 0.5}, "httpx2"), (on_aiohttp, {"garble": {"in": "headers"}}, "aiohttp.client_exceptions")],
    ids=["streamed", "on_aiohttp"],
)
def test_not_even_openais(edit: Edit, fault: Any, module: str) -> None:
    talk = Session(f"{edit.__name__}-foreign", [{"ok": {}, "faults": [fault], "times": "forever"}])
    with pytest.raises(Exception, match=r"400|peer closed") as caught:
        edit(talk.url)
    assert type(caught.value).__module__ == module


def azure(version: str) -> Any:
    with openai.AzureOpenAI(azure_endpoint=ROOT, api_version=version, azure_deployment="gpt-image-2", **NONE) as client:
        return client.images.edit(image=PICTURE, **ASKED)


def test_azure(monkeypatch: pytest.MonkeyPatch) -> None:
    # It takes no endpoint beside a base URL, be it that of the environment.
    monkeypatch.delenv("OPENAI_BASE_URL")
    assert azure("2025-04-01-preview").data
    with pytest.raises(openai.NotFoundError) as caught:
        azure("2024-02-01")
    assert (caught.value.code, caught.value.type) == ("404", None)
