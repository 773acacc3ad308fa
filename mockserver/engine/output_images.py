"""The pictures of an answer: drawn for a job, encoded, and known by their digests. Knows nothing of HTTP."""

import base64
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import xxhash

from mockserver.core.cache import Shelf
from mockserver.engine.job import Job
from mockserver.images import render, svg
from mockserver.images.inspect import detect_type

T = TypeVar("T")
Gone = Callable[[], bool]
# What a stand-in begins with: no text of ours holds it.
MARK = "\0picture/"
MEDIA_TYPES = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "svg": "image/svg+xml",
}

# What a receipt tells of the parameters.
SHOWN = (
    "quality",
    "background",
    "input_fidelity",
    "output_format",
    "output_compression",
    "n",
    "complexity",
    "frame_count",
    "frame_duration_ms",
)


@dataclass(frozen=True, slots=True)
class OutputImage:
    """A picture of an answer: its bytes, media type and xxh3 digest, and its bytes as base64.

    In the values of an answer its `stand_in` stands for that, until they are spelled.
    """

    data: bytes
    media_type: str
    digest: str
    base64: bytes

    @property
    def stand_in(self) -> str:
        """What stands for its base64 in the values of an answer."""
        return MARK + self.digest


# Answers asked for again are not painted again.
KEPT_BYTES = 32 * 1024 * 1024
KEPT = Shelf[tuple[OutputImage, ...]](KEPT_BYTES, lambda sent: sum(len(one.data) + len(one.base64) for one in sent))


def ready(job: Job, style: str, seed: int) -> bool:
    """Are the pictures of an answer at hand?"""
    return KEPT.holds(_key(job, style, seed))


class Abandoned(Exception):
    """Nobody waits any more for pictures that are not all painted."""


def pictures(job: Job, style: str, seed: int, gone: Gone) -> tuple[OutputImage, ...]:
    """The pictures of an answer: `n` of them, or for a stream its partials and then the final one.

    Raises Abandoned where the client has `gone` before the last of them is begun.
    """
    return KEPT.get(_key(job, style, seed), lambda: _painted(job, style, seed, gone))


def _key(job: Job, style: str, seed: int) -> tuple[Any, ...]:
    return style, seed, job.scene, job.resolved


def files(job: Job, given: tuple[bytes, ...]) -> tuple[OutputImage, ...]:
    """The pictures of an answer from files, as they are. A stream completes with the last of them.

    Its partials are those before it in order; where they are too few, the last of all once more.
    """
    sent = tuple(_sent(data, detect_type(data)) for data in given)
    if not job.stream:
        return sent
    count = job.parameters["partial_images"]
    return (*(sent[min(index, len(sent) - 1)] for index in range(count)), sent[-1])


def _painted(job: Job, style: str, seed: int, gone: Gone) -> tuple[OutputImage, ...]:
    parameters = job.parameters
    canvas = render.Canvas(
        *job.size,
        format=parameters.get("output_format", "png"),
        compression=parameters.get("output_compression", 100),
        transparent=parameters.get("background") == "transparent",
        frames=parameters.get("frame_count", 1),
        milliseconds=parameters.get("frame_duration_ms", 0),
    )

    def wanted(items: Iterable[T]) -> Iterator[T]:
        for item in items:
            if gone():
                raise Abandoned
            yield item

    if canvas.format == "svg":
        drafts = [svg.draw(style, canvas, _subject(job, number, seed)) for number in wanted([1])]
        return (_sent(drafts[0], MEDIA_TYPES["svg"]),)
    numbers = range(1, parameters["n"] + 1)
    drawn = [render.render_image(style, canvas, _subject(job, number, seed)) for number in wanted(numbers)]
    if job.stream:
        count = parameters["partial_images"]
        drawn = [*(render.blur(drawn[0], index, count) for index in wanted(range(count))), drawn[0]]
    encoded = [render.encode(picture, canvas) for picture in wanted(drawn)]
    return tuple(_sent(data, MEDIA_TYPES[canvas.format]) for data in encoded)


def _sent(data: bytes, media_type: str) -> OutputImage:
    return OutputImage(data, media_type, xxhash.xxh3_128_hexdigest(data), base64.b64encode(data))


def _subject(job: Job, number: int, seed: int) -> render.Subject:
    details = tuple((name, str(job.parameters[name])) for name in SHOWN if name in job.parameters)
    return render.Subject(
        prompt=job.prompt,
        model=job.model,
        details=details,
        images=tuple(picture.part.data for picture in job.images),
        mask=job.mask.part.data if job.mask else None,
        number=number,
        of=job.parameters["n"],
        seed=f"{seed}/{job.scene}".encode(),
    )
