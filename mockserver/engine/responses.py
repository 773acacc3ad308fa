"""The plans of successful responses: a JSON body, or a stream of events, in the shape of their date."""

import json
import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from mockserver.contract import tokens
from mockserver.contract.catalogue import Row
from mockserver.contract.dialects import find_dialect
from mockserver.core import sse
from mockserver.core.cache import Cache
from mockserver.core.plan import End, Head, Plan, Wait, single_chunk
from mockserver.core.uploads import Upload
from mockserver.engine.context import Context
from mockserver.engine.echo import build_key, echo_job, find_shape
from mockserver.engine.events import build_frames, iterate_frames, pace
from mockserver.engine.headers import build_headers
from mockserver.engine.image_urls import build_url
from mockserver.engine.job import Job
from mockserver.engine.json_splice import serialize
from mockserver.engine.output_images import OutputImage
from mockserver.engine.replies import override
from mockserver.engine.usage import draw_latency

# Serializing takes 36 of about 200 µs of CPU time that a repeated request takes.
TEXT_BYTES = 16 * 1024 * 1024
TEXTS = Cache[bytes](TEXT_BYTES, len)
# Bodies of repeats within a second, see `_insert_time`; smaller ones are not cached.
BODY_BYTES = 16 * 1024 * 1024
BODIES = Cache[bytes](BODY_BYTES, len)
LARGE = 64 * 1024
START = b'{\n  "created": '


def plan_images(
    job: Job,
    images: tuple[OutputImage, ...],
    usage: Mapping[str, Any] | None,
    context: Context,
    origin: str,
    wait: float,
    ok: Mapping[str, Any] | None = None,
) -> Plan:
    processing = draw_latency(job, context)
    if job.stream:
        head = Head(200, build_headers(context, 200, "text/event-stream", None, processing))
        return (head, *pace(build_frames(job, images, usage or {}, context, wait, ok), wait), End())
    end = context.later(wait)
    body = _build_body(job, images, usage, end, origin, ok)
    plan = single_chunk(200, build_headers(end, 200, "application/json", None, processing), body)
    return (Wait(wait), *plan) if wait else plan


def plan_json(reply: Mapping[str, Any], context: Context) -> Plan:
    body = json.dumps(reply, indent=2).encode("ascii")
    return single_chunk(200, build_headers(context, 200, "application/json", None, _draw_processing(context)), body)


def plan_file(file: Upload, context: Context) -> Plan:
    """A download of an uploaded file. Its headers, other than type and length, are a guess."""
    headers = build_headers(context, 200, "application/octet-stream", len(file.data), _draw_processing(context))
    safe = quote(file.name, safe=" !#$&+-.^_`|~()")
    name = f'filename="{file.name}"' if safe == file.name else f"filename*=UTF-8''{quote(file.name, safe='')}"
    return single_chunk(200, (*headers, ("content-disposition", f"attachment; {name}")), file.data)


def plan_interrupted_stream(
    job: Job, images: tuple[OutputImage, ...], row: Row, facts: Mapping[str, Any], context: Context, wait: float
) -> Plan:
    partials = list(iterate_frames(job, images, {}, context, wait))[:-1]
    error = row.error({**context.ids(), **facts})
    ordered = {name: error[name] for name in find_shape("error", context.as_of)["keys"]}
    frame = sse.frame("error", serialize({"type": "error", "error": ordered}, ()))
    head = Head(200, build_headers(context, 200, "text/event-stream", None, draw_latency(job, context)))
    return (head, *pace([*partials, frame], wait), End())


def _draw_processing(context: Context) -> float:
    return context.randint("processing", 30, 41) / 1000


def _build_body(
    job: Job,
    images: tuple[OutputImage, ...],
    usage: Mapping[str, Any] | None,
    context: Context,
    origin: str,
    ok: Mapping[str, Any] | None,
) -> bytes:
    if usage is None or ok:
        values = _build_values(job, images, usage, context, origin)
        return serialize(override(values, ok) if ok else values, images, indent=2)

    def build_rest() -> bytes:
        values = _build_values(job, images, usage, context, origin)
        return serialize({**values, "created": 0}, images, indent=2).removeprefix(START + b"0")

    key, second = build_key(job, images, context), math.floor(context.now)
    return _insert_time(TEXTS.get_or_build(key, build_rest), second, key)


def _insert_time(rest: bytes, second: int, key: tuple[str, ...]) -> bytes:
    """The body from the text after the time.

    Large bodies are cached for repeats within the same second: without copying them, a response with noise (several
    megabytes) takes 22 % less CPU time. Small ones gain nothing.
    """

    def join() -> bytes:
        return b"%s%d%s" % (START, second, rest)

    return join() if len(rest) < LARGE else BODIES.get_or_build((second, *key), join)


def _build_values(
    job: Job, images: tuple[OutputImage, ...], usage: Mapping[str, Any] | None, context: Context, origin: str
) -> dict[str, Any]:
    # The order of keys, and which are absent: success.md section 5.
    if usage is None:
        items = [_build_item(job, image, context, origin) for image in images]
        return {"created": math.floor(context.now), "data": items}
    differences = find_dialect(job.dialect)
    values = echo_job(job) | {
        "created": math.floor(context.now),
        "data": [{"b64_json": image.placeholder} for image in images],
        "usage": {name: usage[name] for name in differences.get("usage", usage) if name in usage},
        "svg_usage": _count_svg_usage(job, images[0]),
    }
    names = differences.get("answer", find_shape("body", context.as_of)["keys"])
    return {name: values[name] for name in names if values[name] is not None}


def _build_item(job: Job, image: OutputImage, context: Context, origin: str) -> dict[str, Any]:
    is_url = job.parameters["response_format"] == "url"
    item = {"url": build_url(origin, context, image.digest)} if is_url else {"b64_json": image.placeholder}
    if job.capability.row.get("revised_prompt"):
        item["revised_prompt"] = job.prompt
    return dict(sorted(item.items()))


def _count_svg_usage(job: Job, image: OutputImage) -> dict[str, Any] | None:
    svg = job.parameters.get("svg")
    if svg is None:
        return None
    rule = job.capability.row["svg"]
    reasoning = rule["reasoning"][svg.get("reasoning", {}).get("effort", rule["effort"])]
    read, written = tokens.count_text_tokens(job.prompt), tokens.count_text_tokens(image.data.decode()) + reasoning
    return {
        "input_tokens": read,
        "model": svg["model"],
        "output_tokens": written,
        "reasoning_tokens": reasoning,
        "total_tokens": read + written,
    }
