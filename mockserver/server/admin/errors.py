"""Errors of `/__mock` as RFC 9457 problem documents, and reading what was sent there."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

BODY_BYTES = 1_048_576


class AdminError(Exception):
    """A request that cannot be served; `detail` says what is wrong and what was expected."""

    def __init__(self, status: int, title: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.title, self.detail, self.headers = status, title, detail, headers

    def response(self) -> Response:
        return problem_response(self.status, self.title, self.detail, self.headers)


def problem_response(status: int, title: str, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def unavailable_response(error: Exception) -> Response:
    return problem_response(503, "Service Unavailable", str(error), {"retry-after": "1"})


def bad_request(detail: str) -> AdminError:
    return AdminError(400, "Bad Request", detail)


def read_query(request: Request, *names: str) -> dict[str, str]:
    for name, _ in request.query_params.multi_items():
        if name not in names:
            raise bad_request(f"unknown query parameter {name!r}; expected {', '.join(names)}")
    return dict(request.query_params)


async def read_body(request: Request) -> bytes:
    """The request body. Raises AdminError if it is too large.

    Some more is read and discarded: a client that is still sending when the connection ends may never see the response.
    """
    data, size = bytearray(), 0
    async for chunk in request.stream():
        size += len(chunk)
        if len(data) <= BODY_BYTES:
            data += chunk
        if size > BODY_BYTES * 16:
            break
    if size > BODY_BYTES:
        raise AdminError(413, "Content Too Large", f"expected at most {BODY_BYTES} bytes")
    return bytes(data)


async def read_object(request: Request, *names: str) -> dict[str, Any]:
    """The JSON object in the body, which has exactly these keys. Raises AdminError."""
    data = await read_body(request)
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict) or set(value) != set(names):
        raise bad_request(f"expected a JSON object with {' and '.join(map(repr, names))}, and nothing else")
    return value
