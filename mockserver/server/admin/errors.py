"""Refusals below `/__mock`, as RFC 9457 says them, and the reading of what was sent there. Knows no session."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

BODY_BYTES = 1_048_576


class Refusal(Exception):
    """Something that is not done; `detail` says what was wrong and what was expected."""

    def __init__(self, status: int, title: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.title, self.detail = status, title, detail


def problem(status: int, title: str, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """An RFC 9457 answer."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


async def refused(request: Request, error: Exception) -> Response:
    """The answer of a Refusal."""
    assert isinstance(error, Refusal)
    return problem(error.status, error.title, error.detail)


def bad(detail: str) -> Refusal:
    """A Refusal of what was sent."""
    return Refusal(400, "Bad Request", detail)


def queried(request: Request, *names: str) -> dict[str, str]:
    """The values of the query, of which only those names are known. Raises Refusal."""
    for name, _ in request.query_params.multi_items():
        if name not in names:
            raise bad(f"{name!r} is nothing to ask for here; expected {', '.join(names)}")
    return dict(request.query_params)


async def taken(request: Request) -> bytes:
    """The body that was sent. Raises Refusal when it is too large, of which hardly more than is allowed is kept.

    Somewhat more is read and thrown away: who is still sending when the connection ends may never see the answer.
    """
    data, size = bytearray(), 0
    async for piece in request.stream():
        size += len(piece)
        if len(data) <= BODY_BYTES:
            data += piece
        if size > BODY_BYTES * 16:
            break
    if size > BODY_BYTES:
        raise Refusal(413, "Content Too Large", f"expected at most {BODY_BYTES} bytes")
    return bytes(data)


async def body(request: Request, *names: str) -> dict[str, Any]:
    """The JSON object that was sent, which has exactly those keys. Raises Refusal."""
    data = await taken(request)
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict) or set(value) != set(names):
        raise bad(f"expected a JSON object with {' and '.join(map(repr, names))}, and nothing else")
    return value
