"""What an answer says: read from the plan that was meant, or from the bytes that a plan really sends. Sends nothing."""

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

INSIDE = ("document", "events")


@dataclass(frozen=True)
class Content:
    """A status, the JSON of a body (None where it is none), and the data of each event. `whole` is without a cut."""

    status: int | None
    document: Any
    events: tuple[Any, ...]
    whole: bool = True

    @property
    def pictures(self) -> list[Any]:
        """The final pictures as base64: those of the body, or that of the completed event."""
        if isinstance(self.document, Mapping):
            items = self.document.get("data")
            found = (
                [item.get("b64_json") for item in items if isinstance(item, Mapping)] if isinstance(items, list) else []
            )
            return [one for one in found if one is not None]
        return [event.get("b64_json") for event in self.completed]

    @property
    def completed(self) -> list[Any]:
        """The events that end a stream well."""
        return [event for event in self.events if kind(event).endswith(".completed")]

    @property
    def usage(self) -> Any:
        """The usage that was told, or None."""
        holder = self.document if isinstance(self.document, Mapping) else next(iter(self.completed[-1:]), {})
        return holder.get("usage")

    @property
    def error(self) -> Mapping[str, Any]:
        """The error that was told, in a body or by an event."""
        holders = [self.document, *self.events]
        found = [one["error"] for one in holders if isinstance(one, Mapping) and isinstance(one.get("error"), Mapping)]
        return found[-1] if found else {}


def kind(event: Any) -> str:
    """The type of an event."""
    return str(event.get("type", "")) if isinstance(event, Mapping) else ""


def meant(plan: Plan, faults: tuple[Any, ...]) -> Content:
    """What an answer says after the faults of its content, however the others spell and send it."""
    inner = [one for one in faults if FAULTS[one.name].layer in INSIDE]
    return received(apply_faults(plan, inner, lambda what, low, high: low).plan)


def received(plan: Plan) -> Content:
    """All that a plan's bytes say, read with patience: what was cut after it had been said counts."""
    status, headers, body = _parsed(plan)
    if headers.get("content-encoding") == "gzip":
        body = zlib.decompressobj(31).decompress(body)
    events: tuple[Any, ...] = ()
    document = None
    try:
        document = json.loads(body.decode("utf-8", "replace"))
    except ValueError:
        events = tuple(_events(body))
    return Content(status, document, events, any(isinstance(step, End) for step in plan))


def _parsed(plan: Plan) -> tuple[int | None, dict[str, str], bytes]:
    head = next((step for step in plan if isinstance(step, Head)), None)
    data = b"".join(step.data for step in plan if isinstance(step, Chunk | Raw))
    if head is not None:
        return head.status, dict(head.headers), data
    top, _, body = data.partition(b"\r\n\r\n")
    first, *lines = top.decode("latin-1").split("\r\n")
    found = re.match(r"HTTP/1\.. ([0-9]{3})", first)
    if not found or b"\r\n\r\n" not in data:
        return None, {}, b""
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return int(found[1]), headers, _unchunked(body) if "transfer-encoding" in headers else body


def _unchunked(data: bytes) -> bytes:
    found = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        try:
            length = int(size, 16)
        except ValueError:
            break
        found, data = found + data[:length], data[length + 2 :]
    return found


def _events(body: bytes) -> Iterator[Any]:
    """The data of each event that is JSON."""
    for event in sse.parse(body):
        with contextlib.suppress(ValueError):
            yield json.loads(event.data)
