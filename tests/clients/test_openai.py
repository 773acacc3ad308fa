"""The official Python client against the server, over a real socket."""

import asyncio
import base64
import io
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from mockserver.engine.values import Settings
from mockserver.scenario.loader import load
from mockserver.server.uvicorn_server import BackgroundServer, serve_in_thread
from mockserver.state.memory import MemoryState
from mockserver.state.sessions import SessionStore
from tests.support.images import decode_image, mask_png, png

KEY = "sk-proj-0123456789abcdefghij"


@pytest.fixture(scope="module")
def server() -> Iterator[BackgroundServer]:
    with serve_in_thread(MemoryState(Settings(paint="flat"))) as started:
        yield started


@pytest.fixture
def client(server: BackgroundServer) -> Iterator[openai.OpenAI]:
    server.call(lambda: (server.server.sessions.reset(), server.server.journal.restart()))
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=KEY, max_retries=0) as client:
        yield client


def named(name: str, data: bytes) -> io.BytesIO:
    file = io.BytesIO(data)
    file.name = name
    return file


def decoded(response: Any) -> list[Any]:
    return [decode_image(base64.b64decode(item.b64_json)) for item in response.data]


FILES: dict[str, Any] = {
    "named BytesIO": lambda: named("edited_image.png", png()),
    "tuple with a type": lambda: ("a.png", png(), "image/png"),
    "tuple without a type": lambda: ("a.png", png()),
    "list of one": lambda: [named("a.png", png())],
    "list of several": lambda: [("a.png", png()), named("b.png", png(32, 48)), ("c", png(), "image/png")],
}


@pytest.mark.parametrize("file", FILES)
def test_edit(client: openai.OpenAI, server: BackgroundServer, file: str) -> None:
    images = FILES[file]()
    response = client.images.edit(image=images, prompt="Make it night", model="gpt-image-1.5")
    assert [picture.size for picture in decoded(response)] == [(1024, 1024)]
    entry = server.server.journal.entries()[-1]
    assert len(entry["job"]["images"]) == (len(images) if isinstance(images, list) else 1)
    assert {file["declared_type"] for file in entry["request"]["files"]} == {"image/png"}


def test_async(server: BackgroundServer) -> None:
    async def edit(**options: Any) -> Any:
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=KEY) as client:
            call: dict[str, Any] = {"image": ("a.png", png()), "prompt": "x", "model": "gpt-image-2"}
            return await client.images.edit(**call, **options)

    assert len(decoded(asyncio.run(edit(mask=("m.png", mask_png()))))) == 1


def test_async_stream(server: BackgroundServer) -> None:
    async def edit() -> list[str]:
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=KEY) as client:
            call: dict[str, Any] = {"image": ("a.png", png()), "prompt": "x", "model": "gpt-image-2"}
            stream = client.images.edit(**call, stream=True, partial_images=1)
            return [event.type async for event in await stream]

    assert asyncio.run(edit()) == ["image_edit.partial_image", "image_edit.completed"]


@pytest.mark.parametrize(
    ("options", "format", "size", "count"),
    [
        ({"n": 3}, "PNG", (1024, 1024), 3),
        ({"output_format": "webp", "size": "1536x1024", "output_compression": 40}, "WEBP", (1536, 1024), 1),
        ({"output_format": "jpeg", "size": "1024x1536"}, "JPEG", (1024, 1536), 1),
        ({"model": "gpt-image-2", "size": "1280x720"}, "PNG", (1280, 720), 1),
        ({"background": "transparent", "n": 2}, "PNG", (1024, 1024), 2),
    ],
)
def test_asked_for(
    client: openai.OpenAI, options: dict[str, Any], format: str, size: tuple[int, int], count: int
) -> None:
    response = client.images.edit(image=("a.png", png()), prompt="x", **({"model": "gpt-image-1.5"} | options))
    pictures = decoded(response)
    assert [(picture.format, picture.size) for picture in pictures] == [(format, size)] * count
    assert len({item.b64_json for item in response.data or []}) == count
    assert response.size == f"{size[0]}x{size[1]}"
    assert response.output_format == format.lower()
    assert {picture.mode for picture in pictures} == {"RGBA" if options.get("background") else "RGB"}


@pytest.mark.parametrize("partials", [0, 1, 2, 3])
def test_stream(client: openai.OpenAI, partials: int) -> None:
    call: dict[str, Any] = {"image": ("a.png", png()), "prompt": "x", "model": "gpt-image-1.5"}
    plain = client.images.edit(**call)
    with client.images.edit(**call, stream=True, partial_images=partials) as stream:
        events = list(stream)
    assert [event.type for event in events] == ["image_edit.partial_image"] * partials + ["image_edit.completed"]
    assert [event.partial_image_index for event in events[:-1]] == list(range(partials))  # type: ignore[union-attr]
    final = events[-1]
    assert final.type == "image_edit.completed"
    assert plain.data
    assert final.b64_json == plain.data[0].b64_json
    assert plain.usage
    assert final.usage.output_tokens == plain.usage.output_tokens + 100 * partials
    assert "output_tokens_details" not in (final.usage.model_extra or {})
    assert all(decode_image(base64.b64decode(event.b64_json)).size == (1024, 1024) for event in events)
    assert len({event.b64_json for event in events}) == partials + 1


def test_octet_stream(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.edit(image=io.BytesIO(png()), prompt="x", model="gpt-image-1.5")
    assert (caught.value.code, caught.value.param) == ("unsupported_file_mimetype", "image")
    assert caught.value.type == "invalid_request_error"
    hint = caught.value.response.headers["x-mockserver-hint"]
    assert "give the file object a .name that ends in .png, or pass a (name, bytes, type) tuple" in hint


BROKEN = {
    "empty": b"",
    "text": b"no picture",
    "base64": base64.b64encode(png()),
    "cut": png()[:60],
    "gif": b"GIF89a" + bytes(20),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_no_image(client: openai.OpenAI, kind: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.edit(image=[("a.png", png()), ("b.png", BROKEN[kind])], prompt="x", model="gpt-image-1.5")
    assert (caught.value.code, caught.value.param) == ("invalid_image_file", None)
    assert "image 2" in caught.value.message


@pytest.mark.parametrize(("retries", "statuses"), [(2, [429, 429, 500]), (3, [429, 429, 500, 200])])
def test_flaky(retries: int, statuses: list[int]) -> None:
    with serve_in_thread(MemoryState(Settings(paint="flat"), SessionStore(load("flaky")))) as server:
        with openai.OpenAI(base_url=f"{server.url}/v1", api_key=KEY, max_retries=retries) as client:
            call: dict[str, Any] = {"image": ("a.png", png()), "prompt": "x", "model": "gpt-image-1.5"}
            if statuses[-1] == 200:
                assert client.images.edit(**call).data
            else:
                with pytest.raises(openai.InternalServerError):
                    client.images.edit(**call)
        entries = server.server.journal.entries()
    assert [entry["answer"]["status"] for entry in entries] == statuses
    assert [entry["attempt"] for entry in entries] == list(range(1, len(statuses) + 1))
    assert [entry["turn"]["step"] for entry in entries] == [1, 1, 2, 3][: len(statuses)]
