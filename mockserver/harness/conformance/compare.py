"""Compares a response with what a case expects, field by field."""

import base64
import binascii
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from PIL import Image, ImageSequence

from mockserver.core import sse
from mockserver.harness.conformance.cases import Case, Headers

ABSENT = "(absent)"
ANYTHING = "*"
# Frames of an image with more pixels in all are not decoded.
MAX_PIXELS = 100_000_000


@dataclass(frozen=True, slots=True)
class Difference:
    """One value of a response that is not as expected."""

    path: str
    expected: Any
    got: Any

    def __str__(self) -> str:
        return f"{self.path}: expected {shorten(self.expected)}, got {shorten(self.got)}"


def shorten(value: Any, limit: int = 300) -> str:
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"


def compare(case: Case, status: int, headers: Headers, body: bytes) -> list[Difference]:
    return list(_compare(case.expect, status, headers, body))


def _compare(expect: Mapping[str, Any], status: int, headers: Headers, body: bytes) -> Iterator[Difference]:
    if status != expect["status"]:
        yield Difference("status", expect["status"], status)
    for name, expected in expect.get("headers", {}).items():
        values = [value for key, value in headers if key.lower() == name.lower()]
        if not values or expected not in (ANYTHING, *values):
            yield Difference(f"headers.{name}", expected, values[0] if values else ABSENT)
    if "body" in expect:
        expected = "" if expect["body"] == "empty" else expect["body"]
        yield from _compare_values("body", expected, body.decode("utf-8", "replace"), headers)
    yield from _compare_content(expect, headers, body)


def _compare_content(expect: Mapping[str, Any], headers: Headers, body: bytes) -> Iterator[Difference]:
    events = parse_events(body) if "events" in expect else []
    if "events" in expect:
        names = [name for name, _ in events]
        if not re.fullmatch("".join(map(_event_pattern, expect["events"])), "".join(f"{name}\n" for name in names)):
            yield Difference("events", expect["events"], names)
    data = (events[-1][1] if events else None) if "events" in expect else parse_json(body)
    if "error" in expect:
        error = data.get("error", ABSENT) if isinstance(data, Mapping) else ABSENT
        yield from _compare_values("error", expect["error"], error, headers)
    if "response" in expect:
        yield from _compare_response(expect["response"], data, headers, bool(events))


def _event_pattern(name: str) -> str:
    return f"(?:{re.escape(name.removesuffix('?'))}\n){'?' if name.endswith('?') else ''}"


def _compare_values(path: str, expected: Any, got: Any, headers: Headers) -> Iterator[Difference]:
    """Compare exactly; an expected `*` accepts any value that is present."""
    if isinstance(expected, Mapping) and isinstance(got, Mapping):
        for name in dict.fromkeys((*expected, *got)):
            yield from _compare_values(f"{path}.{name}", expected.get(name, ABSENT), got.get(name, ABSENT), headers)
        return
    if isinstance(expected, str):
        request_id = next((value for name, value in headers if name.lower() == "x-request-id"), "{request_id}")
        expected = expected.replace("{request_id}", request_id)
    is_equal = got != ABSENT if expected == ANYTHING else expected == got and type(expected) is type(got)
    if not is_equal:
        yield Difference(path, expected, got)


def _compare_response(expected: Mapping[str, Any], data: Any, headers: Headers, is_event: bool) -> Iterator[Difference]:
    if not isinstance(data, Mapping):
        yield Difference("response", "a JSON object", data)
        return
    for name, value in expected.items():
        if name == "keys":
            yield from _compare_values("response.keys", value, list(data), headers)
        elif name == "data":
            items = [data] if is_event else data.get("data", ABSENT)
            yield from _compare_images(value, items if isinstance(items, list) else [])
        else:
            yield from _compare_values(f"response.{name}", value, data.get(name, ABSENT), headers)


def _compare_images(expected: Mapping[str, Any], items: Sequence[Any]) -> Iterator[Difference]:
    if len(items) != expected["count"]:
        yield Difference("response.data.count", expected["count"], len(items))
    for index, item in enumerate(items):
        facts: dict[str, Any] = {"keys": list(item) if isinstance(item, Mapping) else []}
        facts |= inspect_image(item) if set(expected) - {"count", "keys"} else {}
        for name in expected.keys() - {"count"}:
            if facts.get(name, ABSENT) != expected[name]:
                yield Difference(f"response.data[{index}].{name}", expected[name], facts.get(name, ABSENT))


def inspect_image(item: Any) -> dict[str, Any]:
    try:
        data = base64.b64decode(item["b64_json"], validate=True)
        return _inspect_svg(data) if data.lstrip()[:1] == b"<" else _inspect_pixels(data)
    except (KeyError, TypeError, binascii.Error, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return {}


def _inspect_pixels(data: bytes) -> dict[str, Any]:
    with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP", "GIF")) as image:
        width, height = image.size
        facts: dict[str, Any] = {
            "format": str(image.format).lower(),
            "size": f"{width}x{height}",
            "mode": image.mode,
        }
        frames = getattr(image, "n_frames", 1)
        if width * height * frames <= MAX_PIXELS:
            durations = set()
            for frame in ImageSequence.Iterator(image):
                frame.load()
                durations.add(frame.info.get("duration"))
            facts |= {"frames": frames, "frame_ms": durations.pop() if len(durations) == 1 else None}
        return facts


def _inspect_svg(data: bytes) -> dict[str, Any]:
    if b"<!" in data:  # a document type may declare entities
        return {}
    root = ElementTree.fromstring(data)  # noqa: S314 - no document type, so no entities
    size = f"{root.get('width')}x{root.get('height')}"
    return {"format": "svg", "size": size} if root.tag == "{http://www.w3.org/2000/svg}svg" else {}


def parse_json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def parse_events(body: bytes) -> list[tuple[str, Any]]:
    return [(event.name, parse_json(event.data.encode())) for event in sse.parse(body)]
