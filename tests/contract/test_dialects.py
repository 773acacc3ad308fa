"""Dialects: compatible servers that accept less, return less, and format errors differently."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import openai
import pytest

from mockserver.contract.asof import as_of
from mockserver.contract.dialects import table
from mockserver.engine.values import Settings
from mockserver.server.uvicorn_server import serve_in_thread
from mockserver.state.memory import MemoryState
from tests.support.images import mask_png, png


@contextmanager
def speaking(dialect: str, **settings: Any) -> Iterator[openai.OpenAI]:
    with (
        serve_in_thread(MemoryState(Settings(paint="flat", dialect=dialect, **settings))) as server,
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="sk-test", max_retries=0) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def gateway() -> Iterator[openai.OpenAI]:
    with speaking("gateway") as client:
        yield client


def edit(client: openai.OpenAI, **more: Any) -> Any:
    return client.images.edit(**{"model": "gpt-image-1", "image": ("a.png", png()), "prompt": "x", **more})


def test_reduced_response(gateway: openai.OpenAI) -> None:
    answer = edit(gateway, n="2", mask=("m.png", mask_png())).to_dict()
    assert list(answer) == ["created", "data", "usage"]
    assert len(answer["data"]) == 2
    assert list(answer["usage"]) == ["input_tokens", "input_tokens_details", "output_tokens", "total_tokens"]
    # Quality high, 1024x1024.
    assert answer["usage"]["output_tokens"] == 2 * 4160


@pytest.mark.parametrize(
    ("param", "value", "code"),
    [
        ("size", "auto", "invalid_value"),
        ("quality", "auto", "invalid_value"),
        ("n", "11", "integer_above_max_value"),
        ("stream", True, "unknown_parameter"),
        ("background", "transparent", "unknown_parameter"),
    ],
)
def test_unsupported_parameters(gateway: openai.OpenAI, param: str, value: Any, code: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        edit(gateway, **{param: value})
    assert (caught.value.param, caught.value.code) == (param, code)


def test_json_is_unsupported(gateway: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="only accepts 'multipart/form-data' requests"):
        gateway.post("/images/edits", body={"prompt": "x"}, cast_to=openai.types.ImagesResponse)


def test_only_schema_is_checked() -> None:
    with speaking("gateway", validate="schema") as client:
        assert list(edit(client, image=b"Example data").to_dict()) == ["created", "data", "usage"]
        with pytest.raises(openai.BadRequestError, match="only accepts 'multipart/form-data' requests"):
            client.post("/images/edits", body={"prompt": "x"}, cast_to=openai.types.ImagesResponse)


ERROR = {
    "message": "Invalid value: 'auto'. Supported values are: 'high', 'medium', and 'low'.",
    "type": "invalid_request_error",
    "param": "quality",
    "code": "invalid_value",
}
DISTORTED: dict[str, Any] = {
    "gateway": ERROR,
    "new-api": ERROR | {"param": "", "message": ERROR["message"] + " (request id: {request_id})"},
    "packy": ERROR | {"type": "packy_invalid_request_error"},
    "shell-api": ERROR | {"type": "shell_api_error"},
    "comfy": {"message": f"API Error: {ERROR['message']} (Type: invalid_request_error)"},
}


@pytest.mark.parametrize("dialect", [name for name in table() if name != "openai"])
def test_errors_of_dialects(dialect: str) -> None:
    with speaking(dialect) as client, pytest.raises(openai.BadRequestError) as caught:
        edit(client, quality="auto")
    request_id = caught.value.response.headers["x-request-id"]
    expected = {k: v.replace("{request_id}", request_id) for k, v in DISTORTED[dialect].items()}
    assert caught.value.response.json() == {"error": expected}
    assert "x-mockserver-hint" in caught.value.response.headers


def test_errors_without_text() -> None:
    """The response for an unknown path has an empty body in every dialect."""
    with speaking("new-api", as_of=as_of("latest")) as client, pytest.raises(openai.NotFoundError) as caught:
        client.post("/images/variations", cast_to=openai.types.ImagesResponse)
    assert caught.value.response.content == b""


def test_every_dialect_has_a_source() -> None:
    assert all(row["source"] and row["confidence"] and row["about"] for row in table().values())
