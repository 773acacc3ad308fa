"""The events of a stream: partial images and the completed one, as frames spaced in time."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mockserver.core import sse
from mockserver.core.cache import Cache
from mockserver.core.plan import Chunk, Step, Wait
from mockserver.engine.context import Context
from mockserver.engine.echo import build_key, echo_job, find_shape
from mockserver.engine.job import Job
from mockserver.engine.json_splice import serialize
from mockserver.engine.output_images import OutputImage
from mockserver.engine.replies import override

# Serializing three frames takes 35 µs (flat images) to 65 µs (receipts) of about 200 µs of CPU time that a repeated
# request takes.
FRAME_BYTES = 16 * 1024 * 1024
FRAMES = Cache[tuple[bytes, ...]](FRAME_BYTES, lambda frames: sum(map(len, frames)))
EVENTS = {"images/edits": "image_edit", "images/generations": "image_generation"}


def build_frames(
    job: Job,
    images: tuple[OutputImage, ...],
    usage: Mapping[str, Any],
    context: Context,
    wait: float,
    ok: Mapping[str, Any] | None,
) -> Sequence[bytes]:
    if ok:
        return tuple(iterate_frames(job, images, usage, context, wait, ok))
    key = (*_list_seconds(context, wait, len(images)), *build_key(job, images, context))
    return FRAMES.get_or_build(key, lambda: tuple(iterate_frames(job, images, usage, context, wait)))


def _list_seconds(context: Context, wait: float, count: int) -> list[int]:
    return [math.floor(context.later(wait * (index + 1) / count).now) for index in range(count)]


def iterate_frames(
    job: Job,
    images: tuple[OutputImage, ...],
    usage: Mapping[str, Any],
    context: Context,
    wait: float = 0,
    ok: Mapping[str, Any] | None = None,
) -> Iterator[bytes]:
    family, echoed = EVENTS[job.endpoint], echo_job(job)
    seconds = _list_seconds(context, wait, len(images))
    for index, image in enumerate(images):
        kind = "completed" if index == len(images) - 1 else "partial_image"
        shape = find_shape(kind, context.as_of)
        values = echoed | {
            "type": f"{family}.{kind}",
            "created_at": seconds[index],
            "b64_json": image.placeholder,
            "partial_image_index": index,
            "sequence_number": index,
            "usage": {name: usage[name] for name in shape.get("usage", ()) if name in usage},
        }
        event = {name: values[name] for name in shape["keys"] if values[name] is not None}
        data = override(event, ok) if ok and kind == "completed" else event
        yield sse.frame(values["type"], serialize(data, [image]))


def pace(frames: Sequence[bytes], wait: float) -> Iterator[Step]:
    """Frames as chunks, spaced evenly so that the last one is due after `wait` seconds."""
    for frame in frames:
        if wait:
            yield Wait(wait / len(frames), steady=True)
        yield Chunk(frame)
