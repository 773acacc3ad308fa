"""Requests, plans and framed events."""

import base64
import copy
import dataclasses
import json
from typing import Any

import pytest

from mockserver.core.plan import Chunk, End, Head, Wait, single_chunk
from mockserver.core.request import MalformedBody, Part, Request
from mockserver.core.sse import frame
from mockserver.engine.json_splice import serialize
from mockserver.engine.output_images import OutputImage


def test_single_chunk() -> None:
    assert single_chunk(404, [("a", "1"), ("a", "2")], b"gone") == (
        Head(404, (("a", "1"), ("a", "2"))),
        Chunk(b"gone"),
        End(),
    )
    assert single_chunk(204, iter(()), b"") == (Head(204, ()), Chunk(b""), End())


@pytest.mark.parametrize(
    "value", [Wait(1.5), Head(200, ()), Chunk(b"x"), End(), Request("GET", "/"), Part("a", None, None, b"", "")]
)
def test_values(value: Any) -> None:
    """Plans and requests are values: equal by content, hashable, immutable."""
    twin = copy.deepcopy(value)
    assert twin == value
    assert {twin, value} == {value}
    for name in value._fields if isinstance(value, tuple) else [field.name for field in dataclasses.fields(value)]:
        with pytest.raises(AttributeError):
            setattr(value, name, None)


@pytest.mark.parametrize(
    ("headers", "name", "value"),
    [
        ((), "host", None),
        ((("host", "a"),), "host", "a"),
        ((("accept", "a"), ("host", "x"), ("accept", "b")), "accept", "b"),
        ((("host", ""),), "host", ""),
        ((("host", "a"),), "Host", None),
    ],
)
def test_header(headers: tuple[tuple[str, str], ...], name: str, value: str | None) -> None:
    request = Request("POST", "/v1/images/edits", headers)
    assert request.header(name) == value
    assert request.headers == headers


@pytest.mark.parametrize(
    ("sent", "media_type"),
    [
        (None, ""),
        ("", ""),
        ("application/json", "application/json"),
        ("Application/JSON; charset=utf-8", "application/json"),
        (" multipart/form-data ;boundary=A", "multipart/form-data"),
        (";", ""),
    ],
)
def test_media_type(sent: str | None, media_type: str) -> None:
    headers = () if sent is None else (("content-type", sent),)
    assert Request("POST", "/", headers).media_type == media_type


def test_malformed_body() -> None:
    malformed = MalformedBody("body-too-large", maximum=1, length=2)
    assert (malformed.family, malformed.facts) == ("body-too-large", {"maximum": 1, "length": 2})
    assert Request("POST", "/", malformed=malformed).malformed is malformed


def test_recorded_frame() -> None:
    """A recorded event (sdcb/chats, 2025-10): compact JSON in the given order, two line breaks at the end."""
    error = {
        "type": "image_generation_server_error",
        "code": "image_generation_failed",
        "message": "Image generation failed",
        "param": None,
    }
    assert frame("error", serialize({"type": "error", "error": error}, ())) == (
        b"event: error\n"
        b'data: {"type":"error","error":{"type":"image_generation_server_error","code":"image_generation_failed",'
        b'"message":"Image generation failed","param":null}}\n\n'
    )


@pytest.mark.parametrize("text", ["a\nb", "a\r\nb", "\u2028", "日本 🦊", "\ud800", "\n\ndata: evil\n\n", ""])
def test_frame_is_one_line(text: str) -> None:
    """No text breaks out of its line, and none is lost."""
    framed = frame("image_edit.completed", serialize({"text": text}, ()))
    event, data, *rest = framed.split(b"\n")
    assert (event, rest) == (b"event: image_edit.completed", [b"", b""])
    assert framed.isascii()
    assert json.loads(data.removeprefix(b"data: ")) == {"text": text}


def sent(data: bytes, digest: str) -> OutputImage:
    return OutputImage(data, "image/png", digest, base64.b64encode(data))


@pytest.mark.parametrize("indent", [2, None])
def test_images_are_spliced(indent: int | None) -> None:
    """Spliced in unparsed, byte for byte what json would write; also the same image twice."""
    one, two = sent(b"one" * 99, "aa"), sent(b"two" * 99, "bb")
    pictures = [one, two, one]
    value = {"data": [{"b64_json": picture.placeholder} for picture in pictures], "text": "\0picture \u2028"}
    plain = {**value, "data": [{"b64_json": picture.base64.decode()} for picture in pictures]}
    separators = (",", ": ") if indent else (",", ":")
    assert serialize(value, pictures, indent) == json.dumps(plain, indent=indent, separators=separators).encode()


def test_placeholder_in_a_request() -> None:
    """A request that contains one gets it back unchanged."""
    one = sent(b"one", "aa")
    told = {"safety_identifier": one.placeholder, "data": [{"b64_json": one.placeholder, "b": ["\0picture/zz"]}]}
    assert json.loads(serialize(told, [one])) == {
        "safety_identifier": one.placeholder,
        "data": [{"b64_json": "b25l", "b": ["\0picture/zz"]}],
    }
