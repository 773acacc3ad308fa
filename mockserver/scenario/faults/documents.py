"""Parses and edits the JSON of a response: its body, or the data of each event. Paths look like `data.0.b64_json`."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from mockserver.core import sse
from mockserver.core.plan import Plan
from mockserver.scenario.faults.parts import is_json, is_stream, join_body, replace_body, replace_events, split_events

# Edits a document in place and returns whether it did.
Edit = Callable[[Any], bool]


def parse_json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None


def parse_event(data: bytes) -> tuple[str, Any] | None:
    events = list(sse.parse(data))
    if len(events) != 1 or sse.frame(events[0].name, events[0].data.encode()) != data:
        return None
    value = parse_json(events[0].data.encode())
    return (events[0].name, value) if isinstance(value, dict) else None


def format_event(name: str, value: Any) -> bytes:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return sse.frame(name, text.encode("utf-8", "replace"))


def edit_json(plan: Plan, edit: Edit) -> Plan | None:
    """The plan with its JSON body, or each event, edited; None if that changed nothing."""
    if is_stream(plan):
        return _edit_events(plan, edit)
    value = parse_json(join_body(plan)) if is_json(plan) else None
    if not isinstance(value, dict) or not edit(value):
        return None
    return replace_body(plan, json.dumps(value, indent=2, ensure_ascii=False).encode("utf-8", "replace"))


def _edit_events(plan: Plan, edit: Edit) -> Plan | None:
    pieces, is_changed = [], False
    for waits, data in split_events(plan):
        event = parse_event(data)
        if event and edit(event[1]):
            data, is_changed = format_event(*event), True
        pieces.append((waits, data))
    return replace_events(plan, pieces) if is_changed else None


def find_keys(document: Any, path: str) -> Iterator[tuple[Any, Any]]:
    """Each container and existing key that a path leads to; `*` is every item."""
    *names, last = path.split(".")
    containers = [document]
    for name in names:
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
