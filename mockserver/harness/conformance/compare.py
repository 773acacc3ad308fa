"""What came back, held against what a case expects, field by field."""

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

from mockserver.harness.conformance.cases import Case, Headers

ABSENT = "(absent)"
ANYTHING = "*"
# A server that answers with more than this in one picture is not believed.
PIXELS = 100_000_000


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where an answer is not what was expected."""

    path: str
    expected: Any
    got: Any

    def __str__(self) -> str:
        return f"{self.path}: expected {shortened(self.expected)}, got {shortened(self.got)}"


def shortened(value: Any, limit: int = 300) -> str:
    """A value as text of bounded length."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"


def compare(case: Case, status: int, headers: Headers, body: bytes) -> list[Difference]:
    """Every difference between an answer and what the case expects of it; an empty list where there is none."""
    return list(_differences(case.expect, status, headers, body))


def _differences(expect: Mapping[str, Any], status: int, headers: Headers, body: bytes) -> Iterator[Difference]:
    if status != expect["status"]:
        yield Difference("status", expect["status"], status)
    for name, wanted in expect.get("headers", {}).items():
        given = [value for key, value in headers if key.lower() == name.lower()]
        if not given or wanted not in (ANYTHING, *given):
            yield Difference(f"headers.{name}", wanted, given[0] if given else ABSENT)
    if "body" in expect:
        wanted = "" if expect["body"] == "empty" else expect["body"]
        yield from _values("body", wanted, body.decode("utf-8", "replace"), headers)
    yield from _content(expect, headers, body)


def _content(expect: Mapping[str, Any], headers: Headers, body: bytes) -> Iterator[Difference]:
    stream = events(body) if "events" in expect else []
    if "events" in expect:
        names = [name for name, _ in stream]
        if not re.fullmatch("".join(map(_event_pattern, expect["events"])), "".join(f"{name}\n" for name in names)):
            yield Difference("events", expect["events"], names)
    data = (stream[-1][1] if stream else None) if "events" in expect else parsed(body)
    if "error" in expect:
        got = data.get("error", ABSENT) if isinstance(data, Mapping) else ABSENT
        yield from _values("error", expect["error"], got, headers)
    if "response" in expect:
        yield from _response(expect["response"], data, headers, bool(stream))


def _event_pattern(name: str) -> str:
    """One event's name; one that ends in `?` may be missing."""
    return f"(?:{re.escape(name.removesuffix('?'))}\n){'?' if name.endswith('?') else ''}"


def _values(path: str, wanted: Any, got: Any, headers: Headers) -> Iterator[Difference]:
    """Differences of a value that should be exactly so; `*` stands for anything that is there."""
    if isinstance(wanted, Mapping) and isinstance(got, Mapping):
        for name in dict.fromkeys((*wanted, *got)):
            yield from _values(f"{path}.{name}", wanted.get(name, ABSENT), got.get(name, ABSENT), headers)
        return
    if isinstance(wanted, str):
        request_id = next((value for name, value in headers if name.lower() == "x-request-id"), "{request_id}")
        wanted = wanted.replace("{request_id}", request_id)
    alike = got != ABSENT if wanted == ANYTHING else wanted == got and type(wanted) is type(got)
    if not alike:
        yield Difference(path, wanted, got)


def _response(wanted: Mapping[str, Any], data: Any, headers: Headers, event: bool) -> Iterator[Difference]:
    if not isinstance(data, Mapping):
        yield Difference("response", "a JSON object", data)
        return
    for name, value in wanted.items():
        if name == "keys":
            yield from _values("response.keys", value, list(data), headers)
        elif name == "data":
            items = [data] if event else data.get("data", ABSENT)
            yield from _pictures(value, items if isinstance(items, list) else [])
        else:
            yield from _values(f"response.{name}", value, data.get(name, ABSENT), headers)


def _pictures(wanted: Mapping[str, Any], items: Sequence[Any]) -> Iterator[Difference]:
    if len(items) != wanted["count"]:
        yield Difference("response.data.count", wanted["count"], len(items))
    for index, item in enumerate(items):
        got: dict[str, Any] = {"keys": list(item) if isinstance(item, Mapping) else []}
        got |= looked_at(item) if set(wanted) - {"count", "keys"} else {}
        for name in wanted.keys() - {"count"}:
            if got.get(name, ABSENT) != wanted[name]:
                yield Difference(f"response.data[{index}].{name}", wanted[name], got.get(name, ABSENT))


def looked_at(item: Any) -> dict[str, Any]:
    """Format, size, mode and frames of the picture inside an answer's item; nothing where there is none to be seen."""
    try:
        data = base64.b64decode(item["b64_json"], validate=True)
        return _vector(data) if data.lstrip()[:1] == b"<" else _pixels(data)
    except (KeyError, TypeError, binascii.Error, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return {}


def _pixels(data: bytes) -> dict[str, Any]:
    with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP", "GIF")) as picture:
        width, height = picture.size
        kind = str(picture.format).lower()
        found: dict[str, Any] = {"format": kind, "size": f"{width}x{height}", "mode": picture.mode}
        frames = getattr(picture, "n_frames", 1)
        if width * height * frames <= PIXELS:
            times = set()
            for frame in ImageSequence.Iterator(picture):
                frame.load()
                times.add(frame.info.get("duration"))
            found |= {"frames": frames, "frame_ms": times.pop() if len(times) == 1 else None}
        return found


def _vector(data: bytes) -> dict[str, Any]:
    if b"<!" in data:  # a document type, and with it entities
        return {}
    root = ElementTree.fromstring(data)  # noqa: S314 - nothing that declares an entity comes this far
    size = f"{root.get('width')}x{root.get('height')}"
    return {"format": "svg", "size": size} if root.tag == "{http://www.w3.org/2000/svg}svg" else {}


def parsed(body: bytes) -> Any:
    """A body as JSON, or None where it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def events(body: bytes) -> list[tuple[str, Any]]:
    """The events of a stream: names and parsed data."""
    found = []
    for block in body.decode("utf-8", "replace").replace("\r\n", "\n").split("\n\n"):
        lines = [line.partition(":") for line in block.split("\n") if line]
        values = {name: value.removeprefix(" ") for name, _, value in lines}
        if values:
            found.append((values.get("event", "message"), parsed(values.get("data", "").encode())))
    return found
