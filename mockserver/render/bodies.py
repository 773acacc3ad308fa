"""The plans of served calls: one JSON body, or a stream of events, in the shape of their day. Sends nothing."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any
from urllib.parse import quote

from mockserver import resources
from mockserver.contract import tokens
from mockserver.contract.asof import AsOf
from mockserver.contract.catalogue import Row
from mockserver.contract.dialects import dialect
from mockserver.files import File
from mockserver.job import Job
from mockserver.moment import Moment
from mockserver.render.gallery import Sent
from mockserver.render.heads import headers
from mockserver.render.links import link
from mockserver.render.replies import fixed
from mockserver.render.text import dumped
from mockserver.shelf import Shelf
from mockserver.wire import sse
from mockserver.wire.plan import Chunk, End, Head, Plan, Step, Wait, whole

# Answers asked for again are not counted and spelled again.
USAGE = Shelf[tuple[dict[str, Any], float | None]](4_096, lambda _: 1)
TEXT_BYTES = 16 * 1024 * 1024
TEXTS = Shelf[bytes](TEXT_BYTES, len)
# Long ones are not even copied again within a second.
LONG = 64 * 1024
TIMED_BYTES = 16 * 1024 * 1024
TIMED = Shelf[bytes](TIMED_BYTES, len)
FRAMES = Shelf[tuple[bytes, ...]](TIMED_BYTES, lambda frames: sum(map(len, frames)))
BEGINNING = b'{\n  "created": '
EVENTS = {"images/edits": "image_edit", "images/generations": "image_generation"}


def usage(job: Job, moment: Moment) -> tuple[dict[str, Any] | None, float | None]:
    """The usage block of a served job and its price in US dollars, each None where the model has none."""
    if not job.capability.row["usage"]:
        return None, None
    partials = job.parameters["partial_images"] if job.stream else 0
    key = (job.digest, job.endpoint, job.resolved, moment.as_of.label)
    return USAGE.get(key, lambda: _counted(job, moment.as_of, partials))


def _counted(job: Job, as_of: AsOf, partials: int) -> tuple[dict[str, Any], float | None]:
    used = tokens.usage(
        job.capability,
        as_of,
        endpoint=job.endpoint,
        prompt=job.prompt,
        images=[picture.facts.size for picture in job.images],
        size=job.sheet,
        parameters=job.parameters,
        partials=partials,
    )
    return used, tokens.price(job.capability, used)


def latency(job: Job, moment: Moment) -> float:
    """How many seconds the API would take: drawn, by seed, from what was recorded of the model and quality."""
    low, high = job.capability.row["latency"][job.parameters["quality"]]
    return moment.between("latency", round(low * 1000), round(high * 1000)) / 1000


def served(
    job: Job,
    sent: tuple[Sent, ...],
    usage: Mapping[str, Any] | None,
    moment: Moment,
    origin: str,
    wait: float,
    ok: Mapping[str, Any] | None = None,
) -> Plan:
    """The plan of a served job that takes `wait` seconds: one JSON body, or one event after the other.

    `ok` is what a scenario's step fixes of it.
    """
    took = latency(job, moment)
    if job.stream:
        head = Head(200, headers(moment, 200, "text/event-stream", None, took))
        return (head, *paced(_frames(job, sent, usage or {}, moment, wait, ok), wait), End())
    done = moment.later(wait)
    body = _body(job, sent, usage, done, origin, ok)
    plan = whole(200, headers(done, 200, "application/json", None, took), body)
    return (Wait(wait), *plan) if wait else plan


def _body(
    job: Job,
    sent: tuple[Sent, ...],
    usage: Mapping[str, Any] | None,
    moment: Moment,
    origin: str,
    ok: Mapping[str, Any] | None,
) -> bytes:
    """The JSON of an answer. But for when it was made it depends on the job and its pictures alone, and is kept."""
    if usage is None or ok:
        values = _response(job, sent, usage, moment, origin)
        return dumped(fixed(values, ok) if ok else values, sent, indent=2)
    key = _key(job, sent, moment)
    rest, second = TEXTS.get(key, lambda: _timeless(job, sent, usage, moment, origin)), math.floor(moment.now)

    def timed() -> bytes:
        return b"%s%d%s" % (BEGINNING, second, rest)

    return timed() if len(rest) < LONG else TIMED.get((second, *key), timed)


def _frames(
    job: Job,
    sent: tuple[Sent, ...],
    usage: Mapping[str, Any],
    moment: Moment,
    wait: float,
    ok: Mapping[str, Any] | None,
) -> Sequence[bytes]:
    """The frames of a stream. They too depend on the job, its pictures and the seconds alone, and are kept."""
    made = partial(events, job, sent, usage, moment, wait, ok)
    if ok:
        return tuple(made())
    return FRAMES.get((*_seconds(moment, wait, len(sent)), *_key(job, sent, moment)), lambda: tuple(made()))


def _seconds(moment: Moment, wait: float, count: int) -> list[int]:
    """When each event of a stream over `wait` seconds was made."""
    return [math.floor(moment.later(wait * (index + 1) / count).now) for index in range(count)]


def _key(job: Job, sent: tuple[Sent, ...], moment: Moment) -> tuple[str, ...]:
    """All that an answer depends on but for when it was made."""
    return job.digest, job.endpoint, job.resolved, job.dialect, moment.as_of.label, *[one.digest for one in sent]


def _timeless(job: Job, sent: tuple[Sent, ...], usage: Mapping[str, Any], moment: Moment, origin: str) -> bytes:
    """What follows the time in the JSON of an answer, which is always its first value."""
    values = _response(job, sent, usage, moment, origin)
    text = dumped({**values, "created": 0}, sent, indent=2)
    return text.removeprefix(BEGINNING + b"0")


def told(reply: Mapping[str, Any], moment: Moment) -> Plan:
    """The plan of an answer that only tells something."""
    body = json.dumps(reply, indent=2).encode("ascii")
    return whole(200, headers(moment, 200, "application/json", None, moment.between("processing", 30, 41) / 1000), body)


def handed(file: File, moment: Moment) -> Plan:
    """The plan that hands an uploaded file out again. Its headers are a guess beyond type and length."""
    took = moment.between("processing", 30, 41) / 1000
    head = headers(moment, 200, "application/octet-stream", len(file.data), took)
    safe = quote(file.name, safe=" !#$&+-.^_`|~()")
    name = f'filename="{file.name}"' if safe == file.name else f"filename*=UTF-8''{quote(file.name, safe='')}"
    return whole(200, (*head, ("content-disposition", f"attachment; {name}")), file.data)


def paced(frames: Sequence[bytes], wait: float) -> Iterator[Step]:
    """Frames as chunks, spaced evenly so that the last one is due after `wait` seconds."""
    for frame in frames:
        if wait:
            yield Wait(wait / len(frames), steady=True)
        yield Chunk(frame)


def _response(
    job: Job, sent: tuple[Sent, ...], usage: Mapping[str, Any] | None, moment: Moment, origin: str
) -> dict[str, Any]:
    # Key order and what is absent: success.md section 5.
    if usage is None:
        by_url = job.parameters["response_format"] == "url"
        extra = {"revised_prompt": job.prompt} if job.capability.row.get("revised_prompt") else {}
        urls = [link(origin, moment, picture.digest) for picture in sent]
        items = [{"url": url} if by_url else {"b64_json": p.stand_in} for url, p in zip(urls, sent, strict=True)]
        return {"created": math.floor(moment.now), "data": [dict(sorted((extra | item).items())) for item in items]}
    values = _echo(job) | {
        "created": math.floor(moment.now),
        "data": [{"b64_json": picture.stand_in} for picture in sent],
        "usage": usage,
        "svg_usage": _authored(job, sent[0]),
    }
    left = dialect(job.dialect)
    values["usage"] = {key: usage[key] for key in left.get("usage", usage) if key in usage}
    keys = left.get("answer", _shape("body", moment.as_of)["keys"])
    return {key: values[key] for key in keys if values[key] is not None}


def _authored(job: Job, sent: Sent) -> dict[str, Any] | None:
    """What the author of an SVG used. The shape is documented; the counts are ours, its thoughts from the table."""
    svg = job.parameters.get("svg")
    if svg is None:
        return None
    rule = job.capability.row["svg"]
    thought = rule["reasoning"][svg.get("reasoning", {}).get("effort", rule["effort"])]
    asked, wrote = tokens.text_tokens(job.prompt), tokens.text_tokens(sent.data.decode()) + thought
    return {
        "input_tokens": asked,
        "model": svg["model"],
        "output_tokens": wrote,
        "reasoning_tokens": thought,
        "total_tokens": asked + wrote,
    }


def events(
    job: Job,
    sent: tuple[Sent, ...],
    usage: Mapping[str, Any],
    moment: Moment,
    wait: float = 0,
    ok: Mapping[str, Any] | None = None,
) -> Iterator[bytes]:
    """The frames of a stream over `wait` seconds: its partial pictures, then the completed one, fixed as `ok` says."""
    family, echo, seconds = EVENTS[job.endpoint], _echo(job), _seconds(moment, wait, len(sent))
    for index, picture in enumerate(sent):
        kind = "completed" if index == len(sent) - 1 else "partial_image"
        shape = _shape(kind, moment.as_of)
        values = echo | {
            "type": f"{family}.{kind}",
            "created_at": seconds[index],
            "b64_json": picture.stand_in,
            "partial_image_index": index,
            "sequence_number": index,
            "usage": {key: usage[key] for key in shape.get("usage", ()) if key in usage},
        }
        event = {key: values[key] for key in shape["keys"] if values[key] is not None}
        data = fixed(event, ok) if ok and kind == "completed" else event
        yield sse.frame(values["type"], dumped(data, [picture]))


def interrupted(
    job: Job, sent: tuple[Sent, ...], row: Row, facts: Mapping[str, Any], moment: Moment, wait: float
) -> Plan:
    """The plan of a stream that breaks off with an error, after its partial pictures."""
    partials = list(events(job, sent, {}, moment, wait))[:-1]
    error = row.error({**moment.identities(), **facts})
    ordered = {key: error[key] for key in _shape("error", moment.as_of)["keys"]}
    frame = sse.frame("error", dumped({"type": "error", "error": ordered}, ()))
    head = Head(200, headers(moment, 200, "text/event-stream", None, latency(job, moment)))
    return (head, *paced([*partials, frame], wait), End())


def _echo(job: Job) -> dict[str, Any]:
    """What an answer repeats of the job: values as they were resolved, never `auto`.

    The identifier is that of the end user, by its new name or its old one (SDK types, 2026-10-16).
    """
    names = (job.parameters.get(key) for key in ("safety_identifier", "user"))
    echoed = {key: job.parameters.get(key) for key in ("background", "output_format", "quality", "size")}
    return {**echoed, "safety_identifier": next((name for name in names if name and isinstance(name, str)), None)}


@cache
def _shape(kind: str, as_of: AsOf) -> Mapping[str, Any]:
    """The row of contracts/answers.yaml that holds on a day."""
    rows: list[Mapping[str, Any]] = resources.contract("answers.yaml")[kind]
    return next(row for row in rows if as_of.holds(row.get("since"), row.get("until")))
