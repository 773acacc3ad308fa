"""The events of a stream: its partial pictures and the completed one, as frames spaced in time. Sends nothing."""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from mockserver.core import sse
from mockserver.core.cache import Shelf
from mockserver.core.plan import Chunk, Step, Wait
from mockserver.engine.context import Context
from mockserver.engine.echo import echo, key, shape
from mockserver.engine.job import Job
from mockserver.engine.json_splice import dumped
from mockserver.engine.output_images import OutputImage
from mockserver.engine.replies import fixed

# Streams asked for again are not spelled again.
FRAME_BYTES = 16 * 1024 * 1024
FRAMES = Shelf[tuple[bytes, ...]](FRAME_BYTES, lambda frames: sum(map(len, frames)))
EVENTS = {"images/edits": "image_edit", "images/generations": "image_generation"}


def frames(
    job: Job,
    sent: tuple[OutputImage, ...],
    usage: Mapping[str, Any],
    context: Context,
    wait: float,
    ok: Mapping[str, Any] | None,
) -> Sequence[bytes]:
    """The frames of a stream. They too depend on the job, its pictures and the seconds alone, and are kept."""
    made = partial(events, job, sent, usage, context, wait, ok)
    if ok:
        return tuple(made())
    return FRAMES.get((*_seconds(context, wait, len(sent)), *key(job, sent, context)), lambda: tuple(made()))


def _seconds(context: Context, wait: float, count: int) -> list[int]:
    """When each event of a stream over `wait` seconds was made."""
    return [math.floor(context.later(wait * (index + 1) / count).now) for index in range(count)]


def events(
    job: Job,
    sent: tuple[OutputImage, ...],
    usage: Mapping[str, Any],
    context: Context,
    wait: float = 0,
    ok: Mapping[str, Any] | None = None,
) -> Iterator[bytes]:
    """The frames of a stream over `wait` seconds: its partial pictures, then the completed one, fixed as `ok` says."""
    family, same, seconds = EVENTS[job.endpoint], echo(job), _seconds(context, wait, len(sent))
    for index, picture in enumerate(sent):
        kind = "completed" if index == len(sent) - 1 else "partial_image"
        row = shape(kind, context.as_of)
        values = same | {
            "type": f"{family}.{kind}",
            "created_at": seconds[index],
            "b64_json": picture.stand_in,
            "partial_image_index": index,
            "sequence_number": index,
            "usage": {name: usage[name] for name in row.get("usage", ()) if name in usage},
        }
        event = {name: values[name] for name in row["keys"] if values[name] is not None}
        data = fixed(event, ok) if ok and kind == "completed" else event
        yield sse.frame(values["type"], dumped(data, [picture]))


def paced(frames: Sequence[bytes], wait: float) -> Iterator[Step]:
    """Frames as chunks, spaced evenly so that the last one is due after `wait` seconds."""
    for frame in frames:
        if wait:
            yield Wait(wait / len(frames), steady=True)
        yield Chunk(frame)
