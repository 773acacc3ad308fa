"""compare(): every kind of expectation, met and not met; and when a case holds."""

import base64
import json
from datetime import date
from typing import Any

import pytest

from mockserver.contract.asof import as_of
from mockserver.harness.conformance.cases import Case
from mockserver.harness.conformance.compare import compare, events, parsed, shortened
from mockserver.harness.conformance.recipes import make

HEADERS = (("content-type", "application/json"), ("X-Request-Id", "req_1"), ("vary", "a"), ("vary", "b"))
PNG = base64.b64encode(make({"png": {"size": "32x16"}})).decode()


def found(expect: dict[str, Any], body: Any, status: int = 200) -> list[str]:
    case = Case("one", "", {"path": "/"}, {"status": 200, **expect})
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return [str(difference) for difference in compare(case, status, HEADERS, data)]


def error(**values: Any) -> dict[str, Any]:
    return {"error": {"message": "m req_1.", "type": "t", "param": None, "code": "c"} | values}


WANTED = {"error": {"message": "m {request_id}.", "type": "t", "param": None, "code": "*"}}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (error(), []),
        (error(code=None), []),
        (error(type="u"), ["error.type: expected 't', got 'u'"]),
        (error(param=""), ["error.param: expected None, got ''"]),
        (error(message="m req_2."), ["error.message: expected 'm req_1.', got 'm req_2.'"]),
        (error(extra=1), ["error.extra: expected '(absent)', got 1"]),
        ({"error": "m"}, [f"error: expected {WANTED['error']!r}, got 'm'"]),
        ({}, [f"error: expected {WANTED['error']!r}, got '(absent)'"]),
        (b"<html>", [f"error: expected {WANTED['error']!r}, got '(absent)'"]),
    ],
)
def test_error(body: Any, expected: list[str]) -> None:
    assert found(WANTED, body) == expected


def test_error_that_lacks_a_key() -> None:
    body = error()
    del body["error"]["code"]
    assert found(WANTED, body) == ["error.code: expected '*', got '(absent)'"]


def test_bare_error() -> None:
    assert found({"error": "m"}, {"error": "m"}) == []


def test_status_and_headers() -> None:
    assert found({}, {}, 201) == ["status: expected 200, got 201"]
    assert found({"headers": {"Vary": "b", "x-request-id": "*"}}, {}) == []
    assert found({"headers": {"vary": "c"}}, {}) == ["headers.vary: expected 'c', got 'a'"]
    assert found({"headers": {"via": "*"}}, {}) == ["headers.via: expected '*', got '(absent)'"]


def test_whole_body() -> None:
    assert found({"body": "empty"}, b"") == []
    assert found({"body": "empty"}, b"x") == ["body: expected '', got 'x'"]
    assert found({"body": "a {request_id}"}, b"a req_1") == []


def response(**item: Any) -> dict[str, Any]:
    return {"created": 1, "data": [{"b64_json": PNG} | item], "usage": {"input_tokens": 1, "total_tokens": 2}}


def test_response() -> None:
    usage = {"input_tokens": 1, "total_tokens": "*"}
    data = {"count": 1, "keys": ["b64_json"], "format": "png", "size": "32x16", "mode": "RGBA"}
    assert found({"response": {"keys": ["created", "data", "usage"], "data": data, "usage": usage}}, response()) == []
    assert found({"response": {"data": {"count": 1, "keys": ["b64_json", "url"]}}}, response(url="u")) == []
    assert found({"response": {"size": "*"}}, response()) == ["response.size: expected '*', got '(absent)'"]
    assert found({"response": {"usage": {"input_tokens": 1}}}, response()) == [
        "response.usage.total_tokens: expected '(absent)', got 2"
    ]
    assert found({"response": {"keys": ["data"]}}, response()) == [
        "response.keys: expected ['data'], got ['created', 'data', 'usage']"
    ]
    assert found({"response": {}}, []) == ["response: expected 'a JSON object', got []"]


ENTITIES = b'<!DOCTYPE svg [<!ENTITY a "b">]><svg xmlns="http://www.w3.org/2000/svg"/>'
NO_PICTURES = [b"xxx", b"<html/>", b"<svg", ENTITIES]


@pytest.mark.parametrize(
    "item",
    [{"b64_json": "x"}, {"b64_json": None}, *({"b64_json": base64.b64encode(data).decode()} for data in NO_PICTURES)],
)
def test_picture_that_is_none(item: dict[str, Any]) -> None:
    assert found({"response": {"data": {"count": 1, "format": "png"}}}, response(**item)) == [
        "response.data[0].format: expected 'png', got '(absent)'"
    ]


def test_picture_beyond_belief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mockserver.harness.conformance.compare.PIXELS", 10)
    assert found({"response": {"data": {"count": 1, "size": "32x16"}}}, response()) == []


def test_pictures_that_are_missing() -> None:
    assert found({"response": {"data": {"count": 2}}}, response()) == ["response.data.count: expected 2, got 1"]
    assert found({"response": {"data": {"count": 1}}}, {"data": 1}) == ["response.data.count: expected 1, got 0"]
    assert found({"response": {"data": {"count": 1, "keys": ["url"]}}}, {"data": ["x"]}) == [
        "response.data[0].keys: expected ['url'], got []"
    ]


def frames(*pairs: tuple[str, Any]) -> bytes:
    return "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in pairs).encode()


def test_events() -> None:
    last = {"b64_json": PNG, "usage": {"total_tokens": 1}}
    body = frames(("a.partial", {}), ("a.completed", last))
    wanted = {"response": {"keys": ["b64_json", "usage"], "data": {"count": 1, "size": "32x16"}}}
    assert found({"events": ["a.partial", "a.completed"], **wanted}, body) == []
    assert found({"events": ["a.partial?", "a.partial?", "a.completed"]}, body) == []
    assert found({"events": ["a.completed"]}, body) == [
        "events: expected ['a.completed'], got ['a.partial', 'a.completed']"
    ]
    assert found({"events": ["error"], "error": {"code": "c"}}, frames(("error", {"error": {"code": "c"}}))) == []
    assert found({"events": ["x"], "response": {}}, b"") == [
        "events: expected ['x'], got []",
        "response: expected 'a JSON object', got None",
    ]


def test_events_as_others_frame_them() -> None:
    assert events(b": ping\r\n\r\ndata:{}\r\n\r\n") == [("message", None), ("message", {})]


def test_text_that_is_no_json() -> None:
    assert parsed(b"[" * 100_000) is None
    assert shortened("x" * 400) == repr("x" * 400)[:300] + "... (402 characters)"


def test_when_a_case_holds() -> None:
    def dated(since: date | None, until: date | None, always: bool = True) -> Case:
        return Case("one", "", {}, {"status": 400}, since=since, until=until, any=always)

    assert dated(None, None).label() == "latest"
    assert dated(None, date(2025, 4, 1)).label() == "2025-03-31"
    assert dated(date(2030, 1, 1), None).label() == "2030-01-01"
    assert dated(date(2026, 1, 1), date(2026, 2, 1)).label() == "2026-01-31"
    assert dated(date(2030, 1, 1), date(2031, 1, 1)).label() == "2030-01-01"
    assert dated(None, None).holds(as_of("any"))
    assert not dated(None, None, False).holds(as_of("any"))
    assert not dated(date(2026, 1, 1), None).holds(as_of("2025-01-01"))
