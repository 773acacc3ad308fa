"""Answers that a scenario words itself: whole replies, and what it fixes of a served one. Decides nothing."""

import json
from collections.abc import Mapping
from typing import Any

from mockserver.contract.capabilities import merge
from mockserver.core.plan import Headers, Plan, single_chunk
from mockserver.engine.context import Context
from mockserver.engine.headers import headers

# An answer that can have no body does not say how long it is.
BODILESS = (204, 304)


def reply(said: Mapping[str, Any], context: Context) -> Plan:
    """The plan of a reply: the API's own headers, with those of the reply in their place or after them."""
    status, body = int(said.get("status", 200)), said.get("body")
    if isinstance(body, str):
        kind, data = "text/plain; charset=utf-8", body.encode("utf-8")
    else:
        kind, data = "application/json", b"" if body is None else json.dumps(body, indent=2).encode("ascii")
    own = _headers(said.get("headers", {}))
    theirs = {name for name, _ in own} | ({"content-length"} if status in BODILESS else set())
    theirs |= set() if data else {"content-type"}
    head = headers(context, status, kind, len(data), context.randint("processing", 30, 41) / 1000)
    return single_chunk(status, (*((name, value) for name, value in head if name not in theirs), *own), data)


def _headers(said: Mapping[str, Any]) -> Headers:
    return tuple(
        (name.lower(), value)
        for name, values in said.items()
        for value in ([values] if isinstance(values, str) else values)
    )


def fixed(values: Mapping[str, Any], ok: Mapping[str, Any]) -> dict[str, Any]:
    """A body, or a completed event, with what a step's `ok` says of it."""
    laid = merge({"usage": ok["usage"]} if "usage" in ok else {}, ok.get("fields", {}))
    whole: dict[str, Any] = json.loads(json.dumps(merge(values, laid)))
    if "revised_prompt" in ok:
        for item in whole["data"] if isinstance(whole.get("data"), list) else ():
            if isinstance(item, dict):
                item["revised_prompt"] = ok["revised_prompt"]
    for path in ok.get("without", ()):
        _drop(whole, path.split("."))
    return whole


def _drop(value: Any, path: list[str]) -> None:
    name, *rest = path
    key: Any = int(name) if isinstance(value, list) and name.isascii() and name.isdigit() and len(name) < 10 else name
    there = name in value if isinstance(value, dict) else isinstance(key, int) and key < len(value)
    if there and rest:
        _drop(value[key], rest)
    elif there:
        del value[key]
