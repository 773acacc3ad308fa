"""`--validate schema` and `off`: generated tests of a client send text as images, and are served."""

import base64
import itertools
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest

from mockserver.contract.capabilities import table
from mockserver.engine.values import Settings
from mockserver.server.uvicorn_server import BackgroundServer, serve_in_thread
from mockserver.state.memory import MemoryState
from tests.support.client import FORM, MockClient
from tests.support.images import decode_image, mask_png, png

NOT_AN_IMAGE = b"Example data"


@pytest.fixture(scope="module", params=["schema", "off"])
def level(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def server(level: str) -> Iterator[BackgroundServer]:
    with serve_in_thread(MemoryState(Settings(paint="flat", validate=level))) as started:
        yield started


@pytest.fixture
def client(server: BackgroundServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="sk-test", max_retries=0) as client:
        yield client


EVERYTHING: dict[str, Any] = {
    "image": NOT_AN_IMAGE,
    "mask": NOT_AN_IMAGE,
    "prompt": "x",
    "background": "transparent",
    "input_fidelity": "high",
    "n": 1,
    "output_compression": 50,
    "output_format": "png",
    "partial_images": 1,
    "quality": "high",
    "response_format": "url",
    "size": "1024x1024",
    "user": "user-1234",
}


@pytest.mark.parametrize("model", [*table(), "string"])
def test_edit_with_every_parameter_is_served(client: openai.OpenAI, model: str) -> None:
    response = client.images.edit(model=model, **EVERYTHING)
    assert response.data
    assert len(response.data) == 1
    assert response.data[0].url or response.data[0].b64_json


FORMATS = ["png", "jpeg", "webp", "gif", "svg"]


@pytest.mark.parametrize(("form", "stream"), [*itertools.product(FORMATS, [True, False])])
def test_combinations_that_a_model_rejects_are_served(client: openai.OpenAI, form: str, stream: bool) -> None:
    parameters = {**EVERYTHING, "output_format": form, "frame_count": 3, "partial_images": 2}
    named = {name: parameters.pop(name) for name in ("prompt", "image", "mask")}
    named |= {"model": "gpt-image-2.6-flare", "stream": stream}
    result: Any = client.images.edit(**named, extra_body=parameters)
    if stream:
        assert [event.type for event in result][-1] == "image_edit.completed"
    else:
        assert result.output_format == form


def test_images_that_can_be_decoded_are_used(client: openai.OpenAI) -> None:
    response = client.images.edit(
        model="gpt-image-2", image=[png(), NOT_AN_IMAGE, png(32, 32)], mask=mask_png(), prompt="x"
    )
    assert response.usage
    assert response.usage.input_tokens_details.image_tokens > 0
    assert response.data
    assert decode_image(base64.b64decode(str(response.data[0].b64_json))).format == "PNG"


def test_other_endpoints_are_served(client: openai.OpenAI) -> None:
    with pytest.warns(DeprecationWarning, match="deprecated"):
        assert client.images.create_variation(image=NOT_AN_IMAGE, model="string").data
    assert client.images.generate(prompt="x", style="vivid", response_format="url", model="string").data
    assert client.images.generate(prompt="x", stream=True).response.status_code == 200
    body = {"prompt": "x", "images": [{"image_url": "data:,nothing"}, {"file_id": "file-none"}], "mask": None}
    response = client.post("/images/edits", body=body, cast_to=openai.types.ImagesResponse)
    assert response.data


def test_null_is_ignored(client: openai.OpenAI) -> None:
    body = {"model": "gpt-image-2", "prompt": "x", "n": None, "size": None}
    assert client.post("/images/generations", body=body, cast_to=openai.types.ImagesResponse).size == "1254x1254"


WRONG: dict[str, dict[str, Any]] = {
    "prompt": {"json": {}},
    "n": {"json": {"prompt": "x", "n": "two"}},
    "quality": {"json": {"prompt": "x", "quality": "best"}},
    "bogus": {"json": {"prompt": "x", "bogus": 1}},
    "model": {"json": {"prompt": "x", "model": 7}},
}


@pytest.mark.parametrize("param", WRONG)
def test_schema_checks_types_enums_and_required_fields(client: openai.OpenAI, level: str, param: str) -> None:
    def call() -> Any:
        body = WRONG[param]["json"]
        return client.post("/images/generations", body=body, cast_to=openai.types.ImagesResponse)

    if level == "off":
        assert call().data
    else:
        with pytest.raises(openai.BadRequestError) as caught:
            call()
        assert caught.value.param == param


@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        ("/images/generations", "application/json", b"{"),
        ("/images/generations", "text/plain", b"hello"),
        ("/images/edits", "multipart/form-data; boundary=x", b"no form"),
        ("/images/variations", "", b""),
    ],
    ids=["json", "text", "form", "empty"],
)
def test_malformed_body_is_served_only_with_off(
    server: BackgroundServer, level: str, path: str, kind: str, body: bytes
) -> None:
    headers = {"Authorization": "Bearer sk-test"} | ({"Content-Type": kind} if kind else {})
    response = httpx2.post(f"{server.url}/v1{path}", content=body, headers=headers, timeout=60)
    assert response.status_code == (200 if level == "off" else 400)


def test_file_in_place_of_a_text_of_any_type_is_ignored() -> None:
    talk = MockClient()
    talk.server.settings = Settings(validate="off", paint="flat")
    form = {"data": {"model": "gpt-image-2", "prompt": "x"}, "files": {"user": ("a.png", b"abc", "image/png")}}
    for name in ("user", "user[]"):
        form["files"] = {name: ("a.png", b"abc", "image/png")}
        assert talk.request("POST", "/v1/images/generations", headers=FORM["headers"], **form).status_code == 200
    assert ["user" in entry["job"]["parameters"] for entry in talk.get("journal")["entries"]] == [False, False]
