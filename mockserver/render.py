"""Answers as plans: headers in the recorded order, bodies and events as recorded. Decides nothing, sends nothing."""

import base64
import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from functools import cache
from typing import Any

import xxhash

from mockserver import resources
from mockserver.contract import tokens
from mockserver.contract.asof import AsOf
from mockserver.contract.catalogue import Row
from mockserver.images import paint
from mockserver.job import Job
from mockserver.wire import sse
from mockserver.wire.plan import Chunk, End, Head, Headers, Plan, whole

EVENTS = {"images/edits": "image_edit", "images/generations": "image_generation"}
MEDIA_TYPES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}


@dataclass(frozen=True, slots=True)
class Moment:
    """When and for whom something is answered; every id is drawn from it.

    `now` is in seconds since 1970, `position` counts the turns that the session has taken before,
    `attempt` how often the same job has come, this time included.
    """

    now: float
    session: str
    position: int
    seed: int
    attempt: int = 1

    def draw(self, what: str, size: int = 16) -> str:
        """A deterministic hexadecimal id of `size` bytes for this moment."""
        key = f"{self.seed}/{self.session}/{self.position}/{what}".encode()
        return hashlib.blake2b(key, digest_size=size).hexdigest()

    def between(self, what: str, low: int, high: int) -> int:
        """A deterministic whole number from `low` to `high`."""
        return low + int(self.draw(what, 8), 16) % (high - low + 1)

    def identities(self) -> dict[str, str]:
        """The ids that texts and headers speak of."""
        names = resources.contract("headers.yaml")
        return {
            "request_id": f"req_{self.draw('request')}",
            "organization": names["organization"],
            "project": names["project"],
        }


@dataclass(frozen=True, slots=True)
class Sent:
    """A picture of an answer: its bytes, media type and xxh3 digest."""

    data: bytes
    media_type: str
    digest: str


@cache
def _header_rows() -> tuple[tuple[str, str, str | None, int | None], ...]:
    rows = resources.contract("headers.yaml")["headers"]
    return tuple((row["name"], str(row["value"]), row.get("only"), row.get("unless")) for row in rows)


def headers(moment: Moment, status: int, content_type: str, length: int | None) -> Headers:
    """The headers of an answer. Without a `length` it is a served one, sent in chunks."""
    kind = "served" if length is None else "refused"
    low, high = resources.contract("headers.yaml")["processing_ms"][kind]
    facts = {
        "date": formatdate(math.floor(moment.now), usegmt=True),
        "content_type": content_type,
        "length": length,
        "processing_ms": moment.between("processing", low, high),
        "cookie": moment.draw("cookie"),
        "ray": moment.draw("ray", 8),
        **moment.identities(),
    }
    return tuple(
        (name, value.format_map(facts))
        for name, value, only, unless in _header_rows()
        if only in (None, kind) and unless != status
    )


def refusal(row: Row, facts: Mapping[str, Any], moment: Moment, extra: Headers = ()) -> Plan:
    """The plan of a refusal, its body and Content-Length as recorded. `extra` headers come last."""
    body = row.body({**moment.identities(), **facts})
    if row.wire == "empty":
        date = formatdate(math.floor(moment.now), usegmt=True)
        return whole(row.status, (("date", date), ("content-length", "0"), *row.headers.items(), *extra), body)
    head = headers(moment, row.status, "application/json", len(body))
    return whole(row.status, (*head, *row.headers.items(), *extra), body)


def retry_after(seconds: float | None) -> Headers:
    """The headers that ask a client to wait: whole seconds, and milliseconds beside them for a fraction."""
    if seconds is None:
        return ()
    rounded = ("retry-after", str(math.ceil(seconds)))
    return (rounded,) if seconds == int(seconds) else (rounded, ("retry-after-ms", f"{seconds * 1000:.0f}"))


def usage(job: Job, as_of: AsOf) -> dict[str, Any] | None:
    """The usage block of a served job, or None where the model has none."""
    if not job.capability.row["usage"]:
        return None
    return tokens.usage(
        job.capability,
        as_of,
        endpoint=job.endpoint,
        prompt=job.prompt,
        images=[picture.facts.size for picture in job.images],
        size=job.size,
        parameters=job.parameters,
        partials=job.parameters["partial_images"] if job.stream else 0,
    )


def pictures(job: Job, style: str, seed: int) -> tuple[Sent, ...]:
    """The pictures of an answer: `n` of them, or for a stream its partials and then the final one."""
    parameters = job.parameters
    canvas = paint.Canvas(
        *job.size,
        format=parameters.get("output_format", "png"),
        compression=parameters.get("output_compression", 100),
        transparent=parameters.get("background") == "transparent",
    )
    drawn = [paint.paint(style, canvas, _subject(job, number, seed)) for number in range(1, parameters["n"] + 1)]
    if job.stream:
        count = parameters["partial_images"]
        drawn = [*(paint.blur(drawn[0], index, count) for index in range(count)), drawn[0]]
    encoded = [paint.encode(picture, canvas) for picture in drawn]
    return tuple(Sent(data, MEDIA_TYPES[canvas.format], xxhash.xxh3_128_hexdigest(data)) for data in encoded)


def _subject(job: Job, number: int, seed: int) -> paint.Subject:
    shown = ("quality", "background", "input_fidelity", "output_format", "output_compression", "n")
    details = tuple((name, str(job.parameters[name])) for name in shown if name in job.parameters)
    return paint.Subject(
        prompt=job.prompt,
        model=job.model,
        details=details,
        images=tuple(picture.part.data for picture in job.images),
        mask=job.mask.part.data if job.mask else None,
        number=number,
        of=job.parameters["n"],
        seed=f"{seed}/{job.scene}".encode(),
    )


def served(job: Job, sent: tuple[Sent, ...], usage: dict[str, Any] | None, moment: Moment, origin: str) -> Plan:
    """The plan of a served job: one JSON body, or one event after the other."""
    if job.stream:
        head = headers(moment, 200, "text/event-stream", None)
        return (Head(200, head), *map(Chunk, events(job, sent, usage or {}, moment)), End())
    body = json.dumps(_response(job, sent, usage, moment, origin), indent=2).encode("ascii")
    return whole(200, headers(moment, 200, "application/json", None), body)


def _response(
    job: Job, sent: tuple[Sent, ...], usage: dict[str, Any] | None, moment: Moment, origin: str
) -> dict[str, Any]:
    # Key order and what is absent: success.md section 5.
    if usage is None:
        by_url = job.parameters["response_format"] == "url"
        extra = {"revised_prompt": job.prompt} if job.capability.row.get("revised_prompt") else {}
        urls = [f"{origin}/__mock/pictures/{hashlib.sha256(picture.data).hexdigest()}" for picture in sent]
        items = [{"url": url} if by_url else {"b64_json": _b64(p)} for url, p in zip(urls, sent, strict=True)]
        return {"created": math.floor(moment.now), "data": [extra | item for item in items]}
    chosen = job.parameters
    return {
        "created": math.floor(moment.now),
        "background": chosen["background"],
        "data": [{"b64_json": _b64(picture)} for picture in sent],
        "output_format": chosen["output_format"],
        "quality": chosen["quality"],
        "size": chosen["size"],
        "usage": usage,
    }


def events(job: Job, sent: tuple[Sent, ...], usage: dict[str, Any], moment: Moment) -> Iterator[bytes]:
    """The frames of a stream, keys in the order recorded in March and July 2026 (success.md section 3)."""
    family, chosen = EVENTS[job.endpoint], job.parameters
    for index, picture in enumerate(sent):
        last = picture is sent[-1]
        name = f"{family}.completed" if last else f"{family}.partial_image"
        event = {
            "created_at": math.floor(moment.now),
            "type": name,
            "b64_json": _b64(picture),
            "background": chosen["background"],
            "output_format": chosen["output_format"],
        }
        event |= {} if last else {"partial_image_index": index}
        event |= {"quality": chosen["quality"], "sequence_number": index, "size": chosen["size"]}
        if last:
            # No event was ever seen with output_tokens_details, which the plain answer has.
            event["usage"] = {key: value for key, value in usage.items() if key != "output_tokens_details"}
        yield sse.frame(name, event)


def _b64(picture: Sent) -> str:
    return base64.b64encode(picture.data).decode("ascii")
