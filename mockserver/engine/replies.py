"""Responses that a scenario defines itself: whole replies, and values that override those of a served response."""

import json
from collections.abc import Mapping
from typing import Any

from mockserver.contract.capabilities import merge
from mockserver.core.plan import Headers, Plan, single_chunk
from mockserver.engine.context import Context
from mockserver.engine.headers import build_headers

# Statuses without a body, whose responses have no Content-Length.
BODILESS = (204, 304)


def plan_reply(reply: Mapping[str, Any], context: Context) -> Plan:
    status, body = int(reply.get("status", 200)), reply.get("body")
    if isinstance(body, str):
        media_type, data = "text/plain; charset=utf-8", body.encode("utf-8")
    else:
        media_type, data = "application/json", b"" if body is None else json.dumps(body, indent=2).encode("ascii")
    own = _list_headers(reply.get("headers", {}))
    replaced = {name for name, _ in own} | ({"content-length"} if status in BODILESS else set())
    replaced |= set() if data else {"content-type"}
    headers = build_headers(context, status, media_type, len(data), context.randint("processing", 30, 41) / 1000)
    return single_chunk(status, (*((name, value) for name, value in headers if name not in replaced), *own), data)


def _list_headers(headers: Mapping[str, Any]) -> Headers:
    return tuple(
        (name.lower(), value)
        for name, values in headers.items()
        for value in ([values] if isinstance(values, str) else values)
    )


def override(values: Mapping[str, Any], ok: Mapping[str, Any]) -> dict[str, Any]:
    changes = merge({"usage": ok["usage"]} if "usage" in ok else {}, ok.get("fields", {}))
    body: dict[str, Any] = json.loads(json.dumps(merge(values, changes)))
    if "revised_prompt" in ok:
        for item in body["data"] if isinstance(body.get("data"), list) else ():
            if isinstance(item, dict):
                item["revised_prompt"] = ok["revised_prompt"]
    for path in ok.get("without", ()):
        _remove(body, path.split("."))
    return body


def _remove(value: Any, path: list[str]) -> None:
    name, *rest = path
    key: Any = int(name) if isinstance(value, list) and name.isascii() and name.isdigit() and len(name) < 10 else name
    exists = name in value if isinstance(value, dict) else isinstance(key, int) and key < len(value)
    if exists and rest:
        _remove(value[key], rest)
    elif exists:
        del value[key]
