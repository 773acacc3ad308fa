"""The plans of served calls: one JSON body, or a stream of events, in the shape of their day. Sends nothing."""

import json
import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from mockserver.contract import tokens
from mockserver.contract.catalogue import Row
from mockserver.contract.dialects import find_dialect
from mockserver.core import sse
from mockserver.core.cache import Shelf
from mockserver.core.plan import End, Head, Plan, Wait, single_chunk
from mockserver.core.uploads import Upload
from mockserver.engine.context import Context
from mockserver.engine.echo import echo, key, shape
from mockserver.engine.events import events, frames, paced
from mockserver.engine.headers import headers
from mockserver.engine.image_urls import link
from mockserver.engine.job import Job
from mockserver.engine.json_splice import dumped
from mockserver.engine.output_images import OutputImage
from mockserver.engine.replies import fixed
from mockserver.engine.usage import latency

# Answers asked for again are not spelled again.
TEXT_BYTES = 16 * 1024 * 1024
TEXTS = Shelf[bytes](TEXT_BYTES, len)
# Long ones are not even copied again within a second.
LONG = 64 * 1024
TIMED_BYTES = 16 * 1024 * 1024
TIMED = Shelf[bytes](TIMED_BYTES, len)
BEGINNING = b'{\n  "created": '


def served(
    job: Job,
    sent: tuple[OutputImage, ...],
    usage: Mapping[str, Any] | None,
    context: Context,
    origin: str,
    wait: float,
    ok: Mapping[str, Any] | None = None,
) -> Plan:
    """The plan of a served job that takes `wait` seconds: one JSON body, or one event after the other.

    `ok` is what a scenario's step fixes of it.
    """
    took = latency(job, context)
    if job.stream:
        head = Head(200, headers(context, 200, "text/event-stream", None, took))
        return (head, *paced(frames(job, sent, usage or {}, context, wait, ok), wait), End())
    done = context.later(wait)
    body = _body(job, sent, usage, done, origin, ok)
    plan = single_chunk(200, headers(done, 200, "application/json", None, took), body)
    return (Wait(wait), *plan) if wait else plan


def _body(
    job: Job,
    sent: tuple[OutputImage, ...],
    usage: Mapping[str, Any] | None,
    context: Context,
    origin: str,
    ok: Mapping[str, Any] | None,
) -> bytes:
    """The JSON of an answer. But for when it was made it depends on the job and its pictures alone, and is kept."""
    if usage is None or ok:
        values = _response(job, sent, usage, context, origin)
        return dumped(fixed(values, ok) if ok else values, sent, indent=2)
    all_of_it = key(job, sent, context)
    rest, second = TEXTS.get(all_of_it, lambda: _timeless(job, sent, usage, context, origin)), math.floor(context.now)

    def timed() -> bytes:
        return b"%s%d%s" % (BEGINNING, second, rest)

    return timed() if len(rest) < LONG else TIMED.get((second, *all_of_it), timed)


def _timeless(
    job: Job, sent: tuple[OutputImage, ...], usage: Mapping[str, Any], context: Context, origin: str
) -> bytes:
    """What follows the time in the JSON of an answer, which is always its first value."""
    values = _response(job, sent, usage, context, origin)
    text = dumped({**values, "created": 0}, sent, indent=2)
    return text.removeprefix(BEGINNING + b"0")


def told(reply: Mapping[str, Any], context: Context) -> Plan:
    """The plan of an answer that only tells something."""
    body = json.dumps(reply, indent=2).encode("ascii")
    return single_chunk(
        200, headers(context, 200, "application/json", None, context.randint("processing", 30, 41) / 1000), body
    )


def handed(file: Upload, context: Context) -> Plan:
    """The plan that hands an uploaded file out again. Its headers are a guess beyond type and length."""
    took = context.randint("processing", 30, 41) / 1000
    head = headers(context, 200, "application/octet-stream", len(file.data), took)
    safe = quote(file.name, safe=" !#$&+-.^_`|~()")
    name = f'filename="{file.name}"' if safe == file.name else f"filename*=UTF-8''{quote(file.name, safe='')}"
    return single_chunk(200, (*head, ("content-disposition", f"attachment; {name}")), file.data)


def _response(
    job: Job, sent: tuple[OutputImage, ...], usage: Mapping[str, Any] | None, context: Context, origin: str
) -> dict[str, Any]:
    # Key order and what is absent: success.md section 5.
    if usage is None:
        by_url = job.parameters["response_format"] == "url"
        extra = {"revised_prompt": job.prompt} if job.capability.row.get("revised_prompt") else {}
        urls = [link(origin, context, picture.digest) for picture in sent]
        items = [{"url": url} if by_url else {"b64_json": p.stand_in} for url, p in zip(urls, sent, strict=True)]
        return {"created": math.floor(context.now), "data": [dict(sorted((extra | item).items())) for item in items]}
    values = echo(job) | {
        "created": math.floor(context.now),
        "data": [{"b64_json": picture.stand_in} for picture in sent],
        "usage": usage,
        "svg_usage": _authored(job, sent[0]),
    }
    left = find_dialect(job.dialect)
    values["usage"] = {name: usage[name] for name in left.get("usage", usage) if name in usage}
    names = left.get("answer", shape("body", context.as_of)["keys"])
    return {name: values[name] for name in names if values[name] is not None}


def _authored(job: Job, sent: OutputImage) -> dict[str, Any] | None:
    """What the author of an SVG used. The shape is documented; the counts are ours, its thoughts from the table."""
    svg = job.parameters.get("svg")
    if svg is None:
        return None
    rule = job.capability.row["svg"]
    thought = rule["reasoning"][svg.get("reasoning", {}).get("effort", rule["effort"])]
    asked, wrote = tokens.count_text_tokens(job.prompt), tokens.count_text_tokens(sent.data.decode()) + thought
    return {
        "input_tokens": asked,
        "model": svg["model"],
        "output_tokens": wrote,
        "reasoning_tokens": thought,
        "total_tokens": asked + wrote,
    }


def interrupted(
    job: Job, sent: tuple[OutputImage, ...], row: Row, facts: Mapping[str, Any], context: Context, wait: float
) -> Plan:
    """The plan of a stream that breaks off with an error, after its partial pictures."""
    partials = list(events(job, sent, {}, context, wait))[:-1]
    error = row.error({**context.ids(), **facts})
    ordered = {name: error[name] for name in shape("error", context.as_of)["keys"]}
    frame = sse.frame("error", dumped({"type": "error", "error": ordered}, ()))
    head = Head(200, headers(context, 200, "text/event-stream", None, latency(job, context)))
    return (head, *paced([*partials, frame], wait), End())
