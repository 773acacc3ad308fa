"""Uploaded files, through the official client: stored per session until they expire, and usable in edits."""

import asyncio
import base64
import io
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest

from mockserver.core.uploads import Upload, UploadStore
from mockserver.engine.values import Settings
from mockserver.journal.store import Pictures
from mockserver.limits import Limits
from mockserver.scenario import machine
from mockserver.server.app import create_app
from mockserver.server.uvicorn_server import BackgroundServer, serve_in_thread
from mockserver.state.memory import MemoryState
from mockserver.state.sessions import SessionStore
from tests.support.images import mask_png, png

NOW = 1_795_000_000.0


class Time:
    """A clock that the test sets."""

    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def server(clock: Time) -> Iterator[BackgroundServer]:
    with serve_in_thread(MemoryState(Settings(paint="flat"), clock=clock)) as started:
        yield started


@pytest.fixture
def client(server: BackgroundServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="sk-test", max_retries=0) as client:
        yield client


def upload(client: openai.OpenAI, data: bytes = b"some words", name: str = "words.txt", **more: Any) -> Any:
    return client.files.create(file=(name, data), purpose=more.pop("purpose", "vision"), **more)


def test_upload_retrieve_download_list_delete(client: openai.OpenAI) -> None:
    uploaded = upload(client)
    assert (uploaded.object, uploaded.bytes, uploaded.filename, uploaded.purpose) == ("file", 10, "words.txt", "vision")
    assert (uploaded.created_at, uploaded.expires_at, uploaded.status) == (NOW, None, "processed")
    assert client.files.retrieve(uploaded.id) == uploaded
    assert client.files.content(uploaded.id).content == b"some words"
    assert client.files.list().data == [uploaded]
    assert client.files.delete(uploaded.id).deleted
    assert client.files.list().data == []
    with pytest.raises(openai.NotFoundError, match=f"No such File object: {uploaded.id}"):
        client.files.retrieve(uploaded.id)


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("cat.png", 'attachment; filename="cat.png"'),
        ('a"b\r\nX: y.png', "attachment; filename*=UTF-8''a%22b%0D%0AX%3A%20y.png"),
        ("кот.png", "attachment; filename*=UTF-8''%D0%BA%D0%BE%D1%82.png"),
    ],
    ids=["plain", "special characters", "non-ASCII"],
)
def test_name_in_content_disposition(server: BackgroundServer, name: str, header: str) -> None:
    server.call(lambda: server.server.uploads.put("s", Upload("file-1", name, "vision", b"x", "digest", 1)))
    response = httpx2.get(
        f"{server.url}/__mock/s/s/v1/files/file-1/content", headers={"Authorization": "Bearer sk-test"}, timeout=60
    )
    assert response.headers["content-disposition"] == header
    assert (response.status_code, response.content) == (200, b"x")


def test_list_is_paginated_sorted_and_filtered(client: openai.OpenAI) -> None:
    uploaded = [upload(client, name=f"{number}.txt", purpose="evals") for number in range(5)]
    other = upload(client)
    assert [file.id for file in client.files.list()] == [other.id, *(file.id for file in uploaded[::-1])]
    # The client fetches one page after the other.
    assert [file.id for file in client.files.list(purpose="evals", order="asc", limit=2)] == [
        file.id for file in uploaded
    ]
    with pytest.raises(openai.NotFoundError):
        client.files.list(after="file-none")


def test_files_belong_to_a_session_until_a_reset(server: BackgroundServer, client: openai.OpenAI) -> None:
    uploaded = upload(client)
    with pytest.raises(openai.NotFoundError):
        client.with_options(api_key="sk-other").files.retrieve(uploaded.id)
    httpx2.post(f"{server.url}/__mock/reset", timeout=60)
    assert client.files.list().data == []


def test_files_expire(client: openai.OpenAI, clock: Time) -> None:
    uploaded = upload(client, expires_after={"anchor": "created_at", "seconds": 3600})
    batch = upload(client, purpose="batch")
    assert (uploaded.expires_at, batch.expires_at) == (NOW + 3600, NOW + 30 * 86_400)
    clock.now += 3599
    assert client.files.retrieve(uploaded.id) == uploaded
    clock.now += 1
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(uploaded.id)
    assert client.files.list().data == [batch]


def test_file_of_some_purposes_cannot_be_downloaded(client: openai.OpenAI) -> None:
    uploaded = upload(client, purpose="assistants")
    with pytest.raises(openai.BadRequestError, match="Not allowed to download files of purpose: assistants"):
        client.files.content(uploaded.id)


def test_upload_beyond_a_limit_is_rejected() -> None:
    store = UploadStore(Limits(session_upload_bytes=20, session_uploads=3, total_upload_bytes=32))
    with (
        serve_in_thread(MemoryState(Settings(), uploads=store)) as server,
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="sk-test", max_retries=0) as client,
    ):
        upload(client, b"x" * 15)
        with pytest.raises(openai.BadRequestError, match="file storage quota"):
            upload(client, b"x" * 6)
        upload(client, b"x" * 5)
        assert upload(client.with_options(api_key="sk-other"), b"x" * 12).bytes == 12
        with pytest.raises(openai.BadRequestError, match="file storage quota"):
            upload(client.with_options(api_key="sk-third"), b"x")
        upload(client, b"")
        with pytest.raises(openai.BadRequestError, match="file storage quota") as caught:
            upload(client, b"x")
    assert "1 bytes and 0 are left" in caught.value.response.headers["x-mockserver-hint"]
    store.remove("unknown", "file-none")


def test_number_of_sessions_with_files_is_limited() -> None:
    store = UploadStore(Limits(sessions_with_uploads=1))
    store.put("one", Upload("file-1", "a", "vision", b"x", "digest", 1))
    assert (store.room("one") > 0, store.room("two")) == (True, 0)
    store.clear("one")
    assert store.room("two") > 0


def edit(client: openai.OpenAI, *images: dict[str, str], **more: Any) -> Any:
    body = {"model": "gpt-image-2", "prompt": "x", "quality": "low", "images": list(images), **more}
    return client.post("/images/edits", body=body, cast_to=openai.types.ImagesResponse)


def test_edit_with_files(server: BackgroundServer, client: openai.OpenAI) -> None:
    image, mask = upload(client, png(), "cat.png"), upload(client, mask_png(), "mask.png")
    assert edit(client, {"file_id": image.id}, mask={"file_id": mask.id}).data
    (entry,) = [entry for entry in server.server.journal.entries() if entry["job"]]
    assert [(file["filename"], file["bytes"]) for file in entry["request"]["files"]] == [
        ("cat.png", len(png())),
        ("mask.png", len(mask_png())),
    ]


@pytest.mark.parametrize("name", ["words.txt", "words.png"])
def test_edit_with_a_file_that_is_not_an_image(client: openai.OpenAI, name: str) -> None:
    with pytest.raises(openai.BadRequestError, match="Invalid image data") as caught:
        edit(client, {"file_id": upload(client, name=name).id})
    assert caught.value.param == "images[0].file_id"


def test_edit_with_a_deleted_file(client: openai.OpenAI) -> None:
    uploaded = upload(client, png(), "cat.png")
    client.files.delete(uploaded.id)
    with pytest.raises(openai.NotFoundError, match=f"No such File object: {uploaded.id}"):
        edit(client, {"file_id": uploaded.id})


# ---- URLs of this server -------------------------------------------------------------------------------------------


def test_edit_with_urls_of_this_server(server: BackgroundServer, client: openai.OpenAI) -> None:
    uploaded = upload(client, png(), "cat.png")
    response = edit(client, {"image_url": f"{server.url}/v1/files/{uploaded.id}/content"})
    sent = base64.b64decode(response.data[0].b64_json)
    (entry,) = [entry for entry in server.server.journal.entries() if entry["job"]]
    sha256 = entry["request"]["files"][0]["sha256"]
    old = client.images.generate(model="dall-e-2", prompt="x", size="256x256").data
    assert old
    for url in (
        f"{server.url}/files/{uploaded.id}/content",
        f"{server.url}/__mock/s/any/v1/files/{uploaded.id}/content",
        f"{server.url}/__mock/pictures/{sha256}",
        f"{server.url}/__mock/sample.png",
        str(old[0].url),
    ):
        assert edit(client, {"image_url": url}).usage.input_tokens_details.image_tokens > 0, url
    assert sent.startswith(b"\x89PNG")


def test_edit_with_an_expired_url(client: openai.OpenAI, clock: Time) -> None:
    old = client.images.generate(model="dall-e-2", prompt="x", size="256x256").data
    assert old
    clock.now += 3601
    with pytest.raises(openai.BadRequestError, match="Upstream status code: 404"):
        edit(client, {"image_url": str(old[0].url)})


@pytest.mark.parametrize(
    "url",
    [
        "{root}/v1/files/file-none/content",
        "{root}/__mock/pictures/" + "0" * 64,
        "{root}/private/org-x/user-x/img-abc.png?se=2026-11-21T00%3A00%3A00Z&sig=x",
        "{root}/__mock/health",
        "{root}.example.com/__mock/sample.png",
        "http://127.0.0.1:1/__mock/sample.png",
        "http://[/__mock/sample.png",
        "https://example.com/cat.png",
    ],
    ids=["file", "image", "signature", "path", "host", "port", "syntax", "elsewhere"],
)
def test_edit_with_an_unknown_url(server: BackgroundServer, client: openai.OpenAI, url: str) -> None:
    with pytest.raises(openai.BadRequestError, match="Upstream status code: 404"):
        edit(client, {"image_url": url.format(root=server.url)})


def test_edit_with_an_evicted_image(server: BackgroundServer, client: openai.OpenAI) -> None:
    old = client.images.generate(model="dall-e-2", prompt="x", size="256x256").data
    assert old
    server.call(lambda: setattr(server.server.journal, "pictures", Pictures(Limits(journal_image_bytes=0))))
    upload(client)
    client.images.generate(model="dall-e-2", prompt="y", size="256x256")
    with pytest.raises(openai.BadRequestError, match="Upstream status code: 404"):
        edit(client, {"image_url": str(old[0].url)})


def test_upload_that_a_scenario_rejects_is_not_stored() -> None:
    scenario = machine.build({"scenario": "x", "steps": [{"error": "server-error"}, {"ok": {}}]})

    async def play() -> list[Any]:
        app = create_app(MemoryState(Settings(), SessionStore(scenario)))
        async with openai.AsyncOpenAI(
            base_url="http://mock/v1",
            api_key="sk-test",
            max_retries=0,
            http_client=openai.DefaultAsyncHttpxClient(transport=httpx2.ASGITransport(app=app)),
        ) as client:
            with pytest.raises(openai.InternalServerError):
                await client.files.create(file=io.BytesIO(b"x"), purpose="vision")
            return (await client.files.list()).data

    assert asyncio.run(play()) == []
