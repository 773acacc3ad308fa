"""Models, variations, and the other roots of the API."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest

from mockserver.contract.asof import as_of
from mockserver.engine.values import Settings
from mockserver.server.app import create_app
from mockserver.server.uvicorn_server import BackgroundServer, serve_in_thread
from mockserver.state.memory import MemoryState
from tests.support.images import decode_image, png

AUTH = {"Authorization": "Bearer sk-test"}
EDIT = {"data": {"model": "gpt-image-2", "prompt": "x"}, "files": {"image": ("a.png", png(), "image/png")}}


@pytest.fixture(scope="module")
def server() -> Iterator[BackgroundServer]:
    with serve_in_thread(MemoryState(Settings(paint="flat"))) as started:
        yield started


def ask(method: str, url: str, day: str = "any", **options: Any) -> httpx2.Response:
    async def call() -> httpx2.Response:
        app = create_app(MemoryState(Settings(as_of(day), paint="flat")))
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://test") as client:
            return await client.request(method, url, **({"headers": AUTH} | options))

    return asyncio.run(call())


@pytest.mark.parametrize(
    ("day", "served", "missing"),
    [
        ("any", "dall-e-2", "gpt-image-9"),
        ("latest", "gpt-image-2.6-flare", "gpt-image-1"),
        ("2026-08-29", "gpt-image-1", "dall-e-2"),
        ("2026-04-20", "dall-e-3", "gpt-image-2"),
    ],
)
def test_models_as_of_a_date(day: str, served: str, missing: str) -> None:
    names = [model["id"] for model in ask("GET", "/v1/models", day).json()["data"]]
    assert served in names
    assert missing not in names
    assert ask("GET", f"/v1/models/{served}", day).json()["id"] == served
    assert ask("GET", "/v1/models/%0A", day).json()["error"]["code"] == "model_not_found"
    response = ask("GET", f"/v1/models/{missing}", day)
    assert (response.status_code, response.json()["error"]["code"]) == (404, "model_not_found")
    assert response.json()["error"]["message"] == f"The model '{missing}' does not exist"


def test_models_with_the_official_client(server: BackgroundServer) -> None:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="x") as client:
        assert client.models.retrieve("gpt-image-1").created == 1745366400
        assert len(list(client.models.list())) == 15
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("gpt-5")
    assert ask("POST", "/v1/models").status_code == 405


def test_variations_with_the_official_client(server: BackgroundServer) -> None:
    with (
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="x") as client,
        pytest.warns(DeprecationWarning, match="deprecated"),
    ):
        response = client.images.create_variation(
            image=("a.png", png(64, 64, "RGB")), n=2, size="256x256", response_format="b64_json"
        )
    assert response.data
    assert len(response.data) == 2


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("RGB", None),
        ("RGBA", None),
        ("L", "Invalid input image - format must be in ['RGB', 'RGBA'], got L."),
    ],
)
def test_modes_of_a_variation(mode: str, message: str | None) -> None:
    response = ask("POST", "/v1/images/variations", files={"image": ("a.png", png(64, 64, mode))})
    assert response.json().get("error", {}).get("message") == message


def test_variations_end_with_dall_e_2() -> None:
    files = {"image": ("a.png", png())}
    assert ask("POST", "/v1/images/variations", "2026-05-11", files=files).status_code == 200
    for method in ("POST", "GET"):
        response = ask(method, "/v1/images/variations", "2026-05-12", files=files)
        assert (response.status_code, response.content) == (404, b"")
        assert response.headers["x-content-type-options"] == "nosniff"


def test_path_without_v1_is_served_with_a_hint() -> None:
    response = ask("POST", "/images/edits", **EDIT)
    assert response.status_code == 200
    assert "end the base URL in /v1" in response.headers["x-mockserver-hint"]


@pytest.mark.parametrize(
    "url",
    [
        "/openai/deployments/gpt-image-2/images/edits?api-version=2025-04-01-preview",
        "/openai/v1/images/edits?api-version=preview",
        "/openai/v1/images/edits",
    ],
)
def test_azure_path_is_served(url: str) -> None:
    assert ask("POST", url, **EDIT, headers={"api-key": "secret-azure-key"}).status_code == 200


@pytest.mark.parametrize("query", ["", "?api-version=2024-02-01"])
def test_old_api_version_is_rejected(query: str) -> None:
    response = ask("POST", f"/openai/deployments/gpt-image-1/images/edits{query}", **EDIT)
    assert (response.status_code, response.json()) == (404, {"error": {"message": "Resource not found", "code": "404"}})


def test_azure_deployment_is_the_model(server: BackgroundServer) -> None:
    with openai.AzureOpenAI(
        azure_endpoint=server.url, api_key="secret-azure-key", api_version="2025-04-01-preview", max_retries=0
    ) as client:
        response = client.images.edit(model="gpt-image-1", image=("a.png", png()), prompt="x")
        assert response.data
        generated = client.images.generate(model="gpt-image-2", prompt="x", size="1024x1024")
        assert generated.data
        with pytest.raises(openai.BadRequestError, match="include the request ID") as caught:
            client.images.edit(model="gpt-image-1", image=("a.png", b"none"), prompt="x")
    assert "Azure support ticket" in caught.value.message
    entries = server.server.journal.entries()
    assert [entry["job"] and entry["job"]["model"] for entry in entries[-3:]] == ["gpt-image-1", "gpt-image-2", None]
    assert "secret-azure-key" not in str(entries)


def test_variation_returns_an_image_url(server: BackgroundServer) -> None:
    files = {"image": ("a.png", png())}
    response = httpx2.post(
        f"{server.url}/v1/images/variations", files=files, data={"size": "512x512"}, headers=AUTH, timeout=60
    )
    image = httpx2.get(response.json()["data"][0]["url"], timeout=60)
    assert decode_image(image.content).size == (512, 512)
