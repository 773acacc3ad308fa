"""The files that recipes build, and the requests that send them."""

import base64
import io
from typing import Any

import pytest
from PIL import Image

from mockserver.core.form_reader import FormReader
from mockserver.harness.conformance import recipes
from mockserver.harness.conformance.cases import Case, build_call, expand
from mockserver.harness.conformance.in_process import parse_request

FILES: list[dict[str, Any]] = [
    {"field": "image[]", "png": {"size": "8x8"}},
    {"field": "image", "text": "x", "filename": "", "type": None},
    {"field": "image", "text": "x", "filename": None, "type": "text/x"},
    {"field": "mask", "cut": {"of": {"png": {"size": "8x8"}}, "keep": 3}},
]


def decode(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


@pytest.mark.parametrize(
    ("kind", "spec", "format", "mode"),
    [
        ("png", {}, "PNG", "RGBA"),
        ("jpeg", {}, "JPEG", "RGB"),
        ("webp", {}, "WEBP", "RGB"),
        ("bmp", {}, "BMP", "RGB"),
        ("gif", {}, "GIF", "P"),
        ("jpeg", {"mode": "CMYK"}, "JPEG", "CMYK"),
        *(("png", {"mode": mode}, "PNG", mode) for mode in ("RGB", "RGBA", "L", "LA", "P", "1", "I;16")),
    ],
    ids=lambda value: value if isinstance(value, str) else value.get("mode", "default"),
)
def test_images(kind: str, spec: dict[str, Any], format: str, mode: str) -> None:
    data = recipes.make({kind: {"size": "32x24", **spec}})
    image = decode(data)
    assert (image.format, image.size, image.mode) == (format, (32, 24), mode)
    assert data == recipes.make({kind: {"size": "32x24", **spec}})


def test_alpha_hole() -> None:
    image = decode(recipes.make({"png": {"size": "64x64", "alpha_hole": True}}))
    alpha = image.getchannel("A")
    assert [alpha.getpixel(place) for place in ((0, 0), (15, 16), (16, 16), (47, 47), (48, 48))] == [
        255,
        255,
        0,
        0,
        255,
    ]


def test_exif_orientation() -> None:
    assert decode(recipes.make({"jpeg": {"size": "8x8", "exif_orientation": 6}})).getexif()[0x0112] == 6


def test_frames() -> None:
    assert getattr(decode(recipes.make({"gif": {"size": "8x8", "frames": 3}})), "n_frames", 1) == 3


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_padding(kind: str) -> None:
    data = recipes.make({kind: {"size": "8x8", "bytes": 5_000}})
    assert len(data) == 5_000
    assert decode(data).size == (8, 8)


def test_padding_is_a_minimum() -> None:
    plain = recipes.make({"png": {"size": "8x8"}})
    assert recipes.make({"png": {"size": "8x8", "bytes": 10}}) == plain
    assert len(recipes.make({"png": {"size": "8x8", "bytes": len(plain) + 1}})) == len(plain) + 12


def test_other_recipes() -> None:
    assert recipes.make({"text": "ä"}) == b"\xc3\xa4"
    assert recipes.make({"bytes_hex": "00ff"}) == b"\x00\xff"
    assert recipes.make({"cut": {"of": {"text": "abcdef"}, "keep": 4}}) == b"abcd"
    assert base64.b64decode(recipes.make({"base64_of": {"text": "abc"}})) == b"abc"
    assert recipes.build_data_url({"png": {"size": "8x8"}}).startswith("data:image/png;base64,iVBORw0KGgo")


def build_case(**request: Any) -> Case:
    return Case("one", "", {"path": "/v1/images/edits", **request}, {"status": 200})


def test_form() -> None:
    png = {"png": {"size": "8x8"}}
    call = build_call(build_case(fields={"image[]": ["a", "b"], "n": 2, "stream": True}, files=FILES), "k")
    assert call == build_call(build_case(fields={"image[]": ["a", "b"], "n": 2, "stream": True}, files=FILES), "k")
    kind = dict(call.headers)["content-type"]
    form = FormReader(kind.partition("boundary=")[2].encode())
    form.feed(call.body)
    form.close()
    assert form.error is None
    assert [(p.name, p.filename, p.content_type, p.data) for p in form.parts] == [
        ("image[]", None, None, b"a"),
        ("image[]", None, None, b"b"),
        ("n", None, None, b"2"),
        ("stream", None, None, b"true"),
        ("image[]", "image.png", "image/png", recipes.make(png)),
        ("image", "", None, b"x"),
        ("image", None, "text/x", b"x"),
        ("mask", "mask.cut", "application/octet-stream", b"\x89PN"),
    ]
    assert parse_request(call).parts == tuple(form.parts)


def test_other_bodies() -> None:
    call = build_call(build_case(json={"prompt": {"repeat": "ab", "times": 2}, "n": [None, 1.5]}), "k")
    assert call.body == b'{"prompt": "abab", "n": [null, 1.5]}'
    assert dict(call.headers)["content-type"] == "application/json"
    call = build_call(build_case(text="--x", content_type="multipart/form-data; boundary=x"), "k")
    assert parse_request(call).malformed is not None
    assert "content-type" not in dict(build_call(build_case(text="x", content_type=None), "k").headers)
    assert expand({"data_url": {"text": "x"}}) == "data:text/plain;base64,eA=="


def test_headers() -> None:
    assert dict(build_call(build_case(), "k").headers)["authorization"] == "Bearer k"
    assert "authorization" not in dict(build_call(build_case(auth="none"), "k").headers)
    call = build_call(build_case(method="GET", auth="Basic x", headers={"X-One": "1"}), "k")
    assert (call.method, call.body) == ("GET", b"")
    assert dict(call.headers) == {"accept": "application/json", "authorization": "Basic x", "x-one": "1"}
