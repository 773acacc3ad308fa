"""Every kind of expectation, met and not met; and the dates on which a case holds."""

import base64
import json
from datetime import date
from typing import Any

import pytest

from mockserver.contract.asof import as_of
from mockserver.harness.conformance.cases import Case
from mockserver.harness.conformance.compare import compare, parse_events, parse_json, shorten
from mockserver.harness.conformance.recipes import make

HEADERS = (("content-type", "application/json"), ("X-Request-Id", "req_1"), ("vary", "a"), ("vary", "b"))
PNG = base64.b64encode(make({"png": {"size": "32x16"}})).decode()


def differences(expect: dict[str, Any], body: Any, status: int = 200) -> list[str]:
    case = Case("one", "", {"path": "/"}, {"status": 200, **expect})
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return [str(difference) for difference in compare(case, status, HEADERS, data)]


def error(**values: Any) -> dict[str, Any]:
    return {"error": {"message": "m req_1.", "type": "t", "param": None, "code": "c"} | values}


EXPECTED = {"error": {"message": "m {request_id}.", "type": "t", "param": None, "code": "*"}}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (error(), []),
        (error(code=None), []),
        (error(type="u"), ["error.type: expected 't', got 'u'"]),
        (error(param=""), ["error.param: expected None, got ''"]),
        (error(message="m req_2."), ["error.message: expected 'm req_1.', got 'm req_2.'"]),
        (error(extra=1), ["error.extra: expected '(absent)', got 1"]),
        ({"error": "m"}, [f"error: expected {EXPECTED['error']!r}, got 'm'"]),
        ({}, [f"error: expected {EXPECTED['error']!r}, got '(absent)'"]),
        (b"<html>", [f"error: expected {EXPECTED['error']!r}, got '(absent)'"]),
    ],
    ids=["same", "any code", "type", "param", "message", "extra", "text", "no error", "html"],
)
def test_error(body: Any, expected: list[str]) -> None:
    assert differences(EXPECTED, body) == expected


def test_error_without_code() -> None:
    body = error()
    del body["error"]["code"]
    assert differences(EXPECTED, body) == ["error.code: expected '*', got '(absent)'"]


def test_error_as_text() -> None:
    assert differences({"error": "m"}, {"error": "m"}) == []


def test_status_and_headers() -> None:
    assert differences({}, {}, 201) == ["status: expected 200, got 201"]
    assert differences({"headers": {"Vary": "b", "x-request-id": "*"}}, {}) == []
    assert differences({"headers": {"vary": "c"}}, {}) == ["headers.vary: expected 'c', got 'a'"]
    assert differences({"headers": {"via": "*"}}, {}) == ["headers.via: expected '*', got '(absent)'"]


def test_whole_body() -> None:
    assert differences({"body": "empty"}, b"") == []
    assert differences({"body": "empty"}, b"x") == ["body: expected '', got 'x'"]
    assert differences({"body": "a {request_id}"}, b"a req_1") == []


def build_response(**item: Any) -> dict[str, Any]:
    return {"created": 1, "data": [{"b64_json": PNG} | item], "usage": {"input_tokens": 1, "total_tokens": 2}}


def test_response() -> None:
    usage = {"input_tokens": 1, "total_tokens": "*"}
    data = {"count": 1, "keys": ["b64_json"], "format": "png", "size": "32x16", "mode": "RGBA"}
    assert (
        differences(
            {"response": {"keys": ["created", "data", "usage"], "data": data, "usage": usage}}, build_response()
        )
        == []
    )
    assert differences({"response": {"data": {"count": 1, "keys": ["b64_json", "url"]}}}, build_response(url="u")) == []
    assert differences({"response": {"size": "*"}}, build_response()) == ["response.size: expected '*', got '(absent)'"]
    assert differences({"response": {"usage": {"input_tokens": 1}}}, build_response()) == [
        "response.usage.total_tokens: expected '(absent)', got 2"
    ]
    assert differences({"response": {"keys": ["data"]}}, build_response()) == [
        "response.keys: expected ['data'], got ['created', 'data', 'usage']"
    ]
    assert differences({"response": {}}, []) == ["response: expected 'a JSON object', got []"]


ENTITIES = b'<!DOCTYPE svg [<!ENTITY a "b">]><svg xmlns="http://www.w3.org/2000/svg"/>'
INVALID_IMAGES = [b"xxx", b"<html/>", b"<svg", ENTITIES]


@pytest.mark.parametrize(
    "item",
    [
        {"b64_json": "x"},
        {"b64_json": None},
        *({"b64_json": base64.b64encode(data).decode()} for data in INVALID_IMAGES),
    ],
    ids=["base64", "null", "bytes", "html", "cut svg", "entities"],
)
def test_invalid_image(item: dict[str, Any]) -> None:
    assert differences({"response": {"data": {"count": 1, "format": "png"}}}, build_response(**item)) == [
        "response.data[0].format: expected 'png', got '(absent)'"
    ]


def test_image_with_too_many_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mockserver.harness.conformance.compare.MAX_PIXELS", 10)
    assert differences({"response": {"data": {"count": 1, "size": "32x16"}}}, build_response()) == []


def test_missing_images() -> None:
    assert differences({"response": {"data": {"count": 2}}}, build_response()) == [
        "response.data.count: expected 2, got 1"
    ]
    assert differences({"response": {"data": {"count": 1}}}, {"data": 1}) == ["response.data.count: expected 1, got 0"]
    assert differences({"response": {"data": {"count": 1, "keys": ["url"]}}}, {"data": ["x"]}) == [
        "response.data[0].keys: expected ['url'], got []"
    ]


def frames(*pairs: tuple[str, Any]) -> bytes:
    return "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in pairs).encode()


def test_events() -> None:
    last = {"b64_json": PNG, "usage": {"total_tokens": 1}}
    body = frames(("a.partial", {}), ("a.completed", last))
    expected = {"response": {"keys": ["b64_json", "usage"], "data": {"count": 1, "size": "32x16"}}}
    assert differences({"events": ["a.partial", "a.completed"], **expected}, body) == []
    assert differences({"events": ["a.partial?", "a.partial?", "a.completed"]}, body) == []
    assert differences({"events": ["a.completed"]}, body) == [
        "events: expected ['a.completed'], got ['a.partial', 'a.completed']"
    ]
    assert differences({"events": ["error"], "error": {"code": "c"}}, frames(("error", {"error": {"code": "c"}}))) == []
    assert differences({"events": ["x"], "response": {}}, b"") == [
        "events: expected ['x'], got []",
        "response: expected 'a JSON object', got None",
    ]


def test_events_with_other_framing() -> None:
    assert parse_events(b": ping\r\n\r\ndata:{}\r\n\r\ndata: [DONE") == [("message", {}), ("message", None)]


def test_deeply_nested_json() -> None:
    assert parse_json(b"[" * 100_000) is None


def test_long_value_is_shortened() -> None:
    assert shorten("x" * 400) == repr("x" * 400)[:300] + "... (402 characters)"


def test_dates_of_a_case() -> None:
    def build_case(since: date | None, until: date | None, always: bool = True) -> Case:
        return Case("one", "", {}, {"status": 400}, since=since, until=until, any=always)

    assert build_case(None, None).label == "latest"
    assert build_case(None, date(2025, 4, 1)).label == "2025-03-31"
    assert build_case(date(2030, 1, 1), None).label == "2030-01-01"
    assert build_case(date(2026, 1, 1), date(2026, 2, 1)).label == "2026-01-31"
    assert build_case(date(2030, 1, 1), date(2031, 1, 1)).label == "2030-01-01"
    assert build_case(None, None).holds(as_of("any"))
    assert not build_case(None, None, False).holds(as_of("any"))
    assert not build_case(date(2026, 1, 1), None).holds(as_of("2025-01-01"))
