"""JSON bodies: generations, and edits since 2026-02-09."""

import base64
import json
from typing import Any

import pytest

from mockserver.contract import catalogue
from mockserver.contract.asof import as_of
from mockserver.core.request import Request
from mockserver.engine.understand import understand
from mockserver.engine.values import Settings, Understood
from tests.images.test_inspect import SMALL
from tests.support.images import encode_image, mask_png, png

DATA = "data:image/png;base64," + base64.b64encode(png()).decode()
MASK = "data:image/png;base64," + base64.b64encode(mask_png()).decode()
GENERATION = {"model": "gpt-image-2", "prompt": "x"}
EDIT = GENERATION | {"images": [{"image_url": DATA}]}


def post(endpoint: str, body: Any, day: str = "latest") -> Understood:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = (("content-type", "application/json; charset=utf-8"),)
    request = Request("POST", f"/v1/images/{endpoint}", headers, body=data)
    return understand(request, Settings(as_of(day), "open"))


def read_error(understood: Understood, day: str = "latest") -> tuple[str, str | None, str | None]:
    problem = understood.problem
    assert problem
    row = catalogue.find_row(problem.family, as_of(day), understood.group)
    error = row.error({"request_id": "R", **problem.facts})
    assert row.render_hint({"request_id": "R", **problem.facts})
    return error["message"], error["param"], error["code"]


TYPES = {"null": None, "an integer": 1, "a decimal number": 1.5, "a boolean": True, "an object": {}, "an array": []}


@pytest.mark.parametrize("got", TYPES)
@pytest.mark.parametrize("param", ["model", "prompt"])
def test_wrong_type(param: str, got: str) -> None:
    message = f"Invalid type for '{param}': expected a string, but got {got} instead."
    assert read_error(post("generations", GENERATION | {param: TYPES[got]})) == (message, param, "invalid_type")


REJECTED: list[tuple[dict[str, Any], str, str, str]] = [
    ({"n": 1.5}, "Invalid type for 'n': expected an integer, but got a decimal number instead.", "n", "invalid_type"),
    ({"n": "2"}, "Invalid type for 'n': expected an integer, but got a string instead.", "n", "invalid_type"),
    ({"n": True}, "Invalid type for 'n': expected an integer, but got a boolean instead.", "n", "invalid_type"),
    (
        {"partial_images": -1},
        "Invalid 'partial_images': integer below minimum value. Expected a value >= 0, but got -1 instead.",
        "partial_images",
        "integer_below_min_value",
    ),
    (
        {"output_compression": 101},
        "Invalid 'output_compression': integer above maximum value. Expected a value <= 100, but got 101 instead.",
        "output_compression",
        "integer_above_max_value",
    ),
    (
        {"quality": "standard"},
        "Invalid value: 'standard'. Supported values are: 'low', 'medium', 'high', and 'auto'.",
        "quality",
        "invalid_value",
    ),
    (
        {"quality": 3},
        "Invalid type for 'quality': expected one of 'low', 'medium', 'high', or 'auto', but got an integer instead.",
        "quality",
        "invalid_type",
    ),
    ({"moderation": ""}, "Invalid value: ''. Supported values are: 'auto' and 'low'.", "moderation", "invalid_value"),
    (
        {"model": "gpt-image-1.5", "size": 1},
        "Invalid type for 'size': expected one of '1024x1024', '1024x1536', '1536x1024', or 'auto', "
        "but got an integer instead.",
        "size",
        "invalid_type",
    ),
    ({"size": 123}, "Invalid type for 'size': expected a string, but got an integer instead.", "size", "invalid_type"),
    ({"size": "0x0"}, "Invalid size '0x0'. Expected WIDTHxHEIGHT, for example '1824x1024'.", "size", "invalid_value"),
    (
        {"stream": "true"},
        "Invalid type for 'stream': expected a boolean, but got a string instead.",
        "stream",
        "invalid_type",
    ),
    ({"response_format": None}, "Unknown parameter: 'response_format'.", "response_format", "unknown_parameter"),
    ({"mask": None}, "Unknown parameter: 'mask'.", "mask", "unknown_parameter"),
    ({"input_fidelity": "low"}, "Unknown parameter: 'input_fidelity'.", "input_fidelity", "unknown_parameter"),
]


@pytest.mark.parametrize(("changed", "message", "param", "code"), REJECTED, ids=[str(row[0]) for row in REJECTED])
def test_rejected_generation(changed: dict[str, Any], message: str, param: str, code: str) -> None:
    assert read_error(post("generations", GENERATION | changed)) == (message, param, code)


@pytest.mark.parametrize(
    "changed",
    [
        dict.fromkeys(("n", "output_compression", "partial_images", "quality", "size", "stream", "background")),
        {"user": 123},
        {"prompt": " "},
        {"size": "1536x864", "quality": "low"},
        {"model": "dall-e-3", "style": "natural", "response_format": "b64_json"},
    ],
    ids=["null", "numeric user", "blank prompt", "custom size", "dall-e-3"],
)
def test_accepted_generation(changed: dict[str, Any]) -> None:
    assert post("generations", GENERATION | changed, "any").job


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[1]", b'"x"', b'{"n": NaN}', b"\xff\xfe", b"[" * 100_000, b'{"n": 1' + b"0" * 5000],
    ids=["empty", "incomplete", "array", "string", "NaN", "not UTF-8", "deep", "long number"],
)
def test_body_that_is_not_a_json_object(body: bytes) -> None:
    assert read_error(post("generations", body))[0].startswith("We could not parse the JSON body of your request.")


IMAGES: list[tuple[dict[str, Any], str, str, str]] = [
    (
        {"images": None},
        "Invalid type for 'images': expected an array of objects, but got null instead.",
        "images",
        "invalid_type",
    ),
    (
        {"images": {}},
        "Invalid type for 'images': expected an array of objects, but got an object instead.",
        "images",
        "invalid_type",
    ),
    (
        {"images": []},
        "Invalid 'images': empty array. Expected an array with minimum length 1, but got an empty array instead.",
        "images",
        "empty_array",
    ),
    (
        {"images": ["data:..."]},
        "Invalid type for 'images[0]': expected an object, but got a string instead.",
        "images[0]",
        "invalid_type",
    ),
    (
        {"images": [{"image_url": DATA}, {"image_url": DATA, "type": "x"}]},
        "Unknown parameter: 'images[1].type'.",
        "images[1].type",
        "unknown_parameter",
    ),
    (
        {"images": [{}]},
        "Missing required parameter: 'images[0].image_url'.",
        "images[0].image_url",
        "missing_required_parameter",
    ),
    (
        {"images": [{"image_url": DATA, "file_id": "f"}]},
        "Unknown parameter: 'images[0].file_id'.",
        "images[0].file_id",
        "unknown_parameter",
    ),
    (
        {"image": DATA},
        "Unknown parameter: 'image'. For application/json on /v1/images/edits, use 'images' (array).",
        "image",
        "invalid_value",
    ),
    (
        {"images": [{"image_url": "https://example.com/a.png"}]},
        "Error while downloading file. Upstream status code: 404.",
        "url",
        "invalid_value",
    ),
    (
        {"images": [{"image_url": "data:image/png;base64,!"}]},
        "Invalid image data.",
        "images[0].image_url",
        "invalid_image_file",
    ),
    ({"images": [{"image_url": "data:,x"}]}, "Invalid image data.", "images[0].image_url", "invalid_image_file"),
    (
        {"images": [{"image_url": DATA}, {"image_url": "data:image/png;base64,QUJD"}]},
        "Invalid image data.",
        "images[1].image_url",
        "invalid_image_file",
    ),
]


@pytest.mark.parametrize(
    ("changed", "message", "param", "code"), IMAGES, ids=[str(row[0]).replace(DATA, "DATA") for row in IMAGES]
)
def test_rejected_images_of_an_edit(changed: dict[str, Any], message: str, param: str, code: str) -> None:
    assert read_error(post("edits", EDIT | changed)) == (message, param, code)


def test_unknown_file() -> None:
    assert read_error(post("edits", EDIT | {"images": [{"file_id": "file-x"}]}))[0] == "No such File object: file-x"


def test_images_and_mask_of_an_edit() -> None:
    plain, masked_edit = (
        post("edits", EDIT | {"mask": None}).job,
        post("edits", EDIT | {"mask": {"image_url": MASK}}).job,
    )
    assert plain
    assert masked_edit
    assert [image.facts.size for image in plain.images] == [(64, 64)]
    assert (plain.mask, plain.images[0].part.data) == (None, png())
    assert masked_edit.mask
    assert masked_edit.mask.part.data == mask_png()


def test_edit_before_json_was_supported() -> None:
    message = read_error(post("edits", EDIT, "2026-02-08"), "2026-02-08")[0]
    assert message.startswith(
        "Unsupported content type: 'application/json'. This API method only accepts 'multipart/form-data'"
    )
    assert read_error(post("edits", EDIT | {"model": "dall-e-2"}, "2026-04-21"), "2026-04-21")[0].startswith(
        "Unsupported content"
    )


@pytest.mark.parametrize(
    ("body", "day", "model"),
    [
        ({"prompt": "x"}, "any", "dall-e-2"),
        ({"prompt": "x", "background": "opaque"}, "any", "gpt-image-1.5"),
        ({"prompt": "x"}, "2026-08-28", None),
        ({"prompt": "x"}, "2026-05-11", "dall-e-2"),
        ({"prompt": "x"}, "2026-08-29", None),
    ],
    ids=["any date", "parameter of gpt-image", "day before", "dall-e-2", "required"],
)
def test_default_model(body: dict[str, Any], day: str, model: str | None) -> None:
    job = post("generations", body, day).job
    assert (job and job.model) == model


def test_every_unusable_image_of_a_json_body_has_the_same_message() -> None:
    grey = "data:image/png;base64," + base64.b64encode(png(64, 64, "L")).decode()
    gif = "data:image/gif;base64," + base64.b64encode(encode_image(SMALL, "GIF")).decode()
    for url in (grey, gif):
        assert read_error(post("edits", EDIT | {"images": [{"image_url": url}]}))[0] == "Invalid image data."
