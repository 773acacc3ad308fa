"""Reads and changes the JSON of an answer: its body, or the data of each event. Paths are `data.0.b64_json`."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from mockserver.core import sse
from mockserver.core.plan import Plan
from mockserver.scenario.faults.parts import is_json, is_stream, join_body, replace_body, replace_events, split_events

# Changes a document in place; says whether it did.
Change = Callable[[Any], bool]


def parse_json(data: bytes) -> Any:
    """The value of a JSON text; None where it is none."""
    try:
        return json.loads(data)
    except ValueError:
        return None


def parse_event(data: bytes) -> tuple[str, Any] | None:
    """Name and data of one event that is framed as the API does; None for anything else."""
    found = list(sse.parse(data))
    if len(found) != 1 or sse.frame(found[0].name, found[0].data.encode()) != data:
        return None
    value = parse_json(found[0].data.encode())
    return (found[0].name, value) if isinstance(value, dict) else None


def format_event(name: str, value: Any) -> bytes:
    """One event as the API frames it, any script as it is."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return sse.frame(name, text.encode("utf-8", "replace"))


def edit_json(plan: Plan, change: Change) -> Plan | None:
    """The plan with a change to its JSON body, or to each event; None where that changed nothing."""
    if is_stream(plan):
        return _changed_events(plan, change)
    value = parse_json(join_body(plan)) if is_json(plan) else None
    if not isinstance(value, dict) or not change(value):
        return None
    return replace_body(plan, json.dumps(value, indent=2, ensure_ascii=False).encode("utf-8", "replace"))


def _changed_events(plan: Plan, change: Change) -> Plan | None:
    pieces, struck = [], False
    for waits, data in split_events(plan):
        known = parse_event(data)
        if known and change(known[1]):
            data, struck = format_event(*known), True
        pieces.append((waits, data))
    return replace_events(plan, pieces) if struck else None


def find_keys(document: Any, path: str) -> Iterator[tuple[Any, Any]]:
    """Each container and key that a path leads to, and that is there; `*` is every item."""
    *way, last = path.split(".")
    containers = [document]
    for name in way:
        containers = [container[key] for container in containers for key in _keys(container, name)]
    for container in containers:
        for key in _keys(container, last):
            yield container, key


def _keys(container: Any, name: str) -> list[Any]:
    if isinstance(container, dict):
        return [key for key in container if name in ("*", key)]
    if isinstance(container, list):
        return [index for index in range(len(container)) if name in ("*", str(index))]
    return []
