"""Headers beside the API's own: the journal entry, the hint, and what a browser needs."""

from collections.abc import Sequence
from urllib.parse import quote

from starlette.types import Send

from mockserver.core.plan import Head, Plan
from mockserver.core.request import Request
from mockserver.engine.headers import select_needed

HINT_BYTES = 1_000
# What a header may hold as it is; everything else, "%" included, is percent-encoded.
HEADER_SAFE = " !#$&'()*+,/:;=?@[]<>|`{}^\"-._~"
PREFLIGHT = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"GET, POST, DELETE, OPTIONS"),
    (b"access-control-allow-headers", b"*, authorization"),
    (b"access-control-max-age", b"600"),
    (b"content-length", b"0"),
)


def is_preflight(request: Request) -> bool:
    names = ("origin", "access-control-request-method")
    return request.method == "OPTIONS" and all(request.header(name) is not None for name in names)


async def send_preflight_response(send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": list(PREFLIGHT)})
    await send({"type": "http.response.body"})


def add_headers(plan: Plan, request: Request, entry_id: str, hints: Sequence[str], bare: bool) -> Plan:
    extra = [] if bare else [("x-mockserver-entry", entry_id)]
    if hints and not bare:
        extra.append(("x-mockserver-hint", encode_hint(" ".join(hints))))
    if request.header("origin") is not None:
        extra.append(("access-control-allow-origin", "*"))
    return tuple(
        Head(step.status, (*(select_needed(step.headers) if bare else step.headers), *extra))
        if isinstance(step, Head)
        else step
        for step in plan
    )


def add_close(plan: Plan) -> Plan:
    """The plan with a header that keeps the client from using the connection again: uvicorn closes it after a crash."""
    return tuple(
        Head(step.status, (*step.headers, ("connection", "close"))) if isinstance(step, Head) else step for step in plan
    )


def encode_hint(text: str, limit: int = HINT_BYTES) -> str:
    """A text as percent-encoded UTF-8 of at most `limit` characters, cut between characters if need be."""
    encoded = quote(text, safe=HEADER_SAFE, errors="replace")
    while len(encoded) > limit:
        text = text[: min(len(text) - 1, limit)]
        encoded = quote(text, safe=HEADER_SAFE, errors="replace") + "..."
    return encoded
