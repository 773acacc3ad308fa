"""The content of a response, read from the intended plan or from the bytes that were really sent."""

import contextlib
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mockserver.core import sse
from mockserver.core.plan import Chunk, End, Head, Plan, Raw
from mockserver.scenario.faults.table import FAULTS, apply_faults

CONTENT_LAYERS = ("document", "events")


@dataclass(frozen=True)
class Content:
    """A status, the JSON of a body (None if it is not JSON), and the data of each event.

    `is_complete` is false for a response that was cut off.
    """

    status: int | None
    document: Any
    events: tuple[Any, ...]
    is_complete: bool = True

    @property
    def images(self) -> list[Any]:
        """The final images as base64: those of the body, or that of the completed event."""
        if isinstance(self.document, Mapping):
            data = self.document.get("data")
            items = [item for item in data if isinstance(item, Mapping)] if isinstance(data, list) else []
            return [item["b64_json"] for item in items if item.get("b64_json") is not None]
        return [event.get("b64_json") for event in self.completed]

    @property
    def completed(self) -> list[Any]:
        """The events that end a stream with success."""
        return [event for event in self.events if event_type(event).endswith(".completed")]

    @property
    def usage(self) -> Any:
        holder = self.document if isinstance(self.document, Mapping) else next(iter(self.completed[-1:]), {})
        return holder.get("usage")

    @property
    def error(self) -> Mapping[str, Any]:
        """The error object of the body or of the last event that has one; empty if there is none."""
        holders = [value for value in (self.document, *self.events) if isinstance(value, Mapping)]
        errors = [holder["error"] for holder in holders if isinstance(holder.get("error"), Mapping)]
        return errors[-1] if errors else {}


def event_type(event: Any) -> str:
    return str(event.get("type", "")) if isinstance(event, Mapping) else ""


def read_intended(plan: Plan, faults: tuple[Any, ...]) -> Content:
    """The content after the faults that change content, without those that change its serialization or transport."""
    content_faults = [fault for fault in faults if FAULTS[fault.name].layer in CONTENT_LAYERS]
    return read_sent(apply_faults(plan, content_faults, lambda what, low, high: low).plan)


def read_sent(plan: Plan) -> Content:
    """Everything that a lenient client could read from the plan's bytes, also from a response that was cut off."""
    status, headers, body = _parse(plan)
    if headers.get("content-encoding") == "gzip":
        body = zlib.decompressobj(31).decompress(body)
    events: tuple[Any, ...] = ()
    document = None
    try:
        document = json.loads(body.decode("utf-8", "replace"))
    except ValueError:
        events = tuple(_parse_events(body))
    return Content(status, document, events, any(isinstance(step, End) for step in plan))


def _parse(plan: Plan) -> tuple[int | None, dict[str, str], bytes]:
    head = next((step for step in plan if isinstance(step, Head)), None)
    data = b"".join(step.data for step in plan if isinstance(step, Chunk | Raw))
    if head is not None:
        return head.status, dict(head.headers), data
    top, _, body = data.partition(b"\r\n\r\n")
    first, *lines = top.decode("latin-1").split("\r\n")
    match = re.match(r"HTTP/1\.. ([0-9]{3})", first)
    if not match or b"\r\n\r\n" not in data:
        return None, {}, b""
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return int(match[1]), headers, _decode_chunked(body) if "transfer-encoding" in headers else body


def _decode_chunked(data: bytes) -> bytes:
    decoded = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        try:
            length = int(size, 16)
        except ValueError:
            break
        decoded, data = decoded + data[:length], data[length + 2 :]
    return decoded


def _parse_events(body: bytes) -> Iterator[Any]:
    """The data of each event that is JSON."""
    for event in sse.parse(body):
        with contextlib.suppress(ValueError):
            yield json.loads(event.data)
