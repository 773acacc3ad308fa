"""The images of a response: rendered for a job, encoded, and identified by their digests."""

import base64
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import xxhash

from mockserver.core.cache import Cache
from mockserver.engine.job import Job
from mockserver.images import render, svg
from mockserver.images.inspect import detect_type

T = TypeVar("T")
IsGone = Callable[[], bool]
# The start of every placeholder; no text of the API contains it.
PLACEHOLDER = "\0picture/"
MEDIA_TYPES = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "svg": "image/svg+xml",
}
# The parameters that a receipt image shows.
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
    """An image of a response: its bytes, media type, xxh3 digest and base64."""

    data: bytes
    media_type: str
    digest: str
    base64: bytes

    @property
    def placeholder(self) -> str:
        return PLACEHOLDER + self.digest


# Rendering takes several milliseconds, most of the time of a request with a new prompt.
IMAGES_BYTES = 32 * 1024 * 1024
IMAGES = Cache[tuple[OutputImage, ...]](
    IMAGES_BYTES, lambda images: sum(len(image.data) + len(image.base64) for image in images)
)


class Abandoned(Exception):
    """The client disconnected before all images were rendered."""


def are_cached(job: Job, style: str, seed: int) -> bool:
    return IMAGES.has(_build_key(job, style, seed))


def render_images(job: Job, style: str, seed: int, is_gone: IsGone) -> tuple[OutputImage, ...]:
    """The images of a response: `n` of them, or the partial images of a stream and then the final one.

    Raises Abandoned if the client is gone before the last of them is begun.
    """
    return IMAGES.get_or_build(_build_key(job, style, seed), lambda: _render(job, style, seed, is_gone))


def _build_key(job: Job, style: str, seed: int) -> tuple[Any, ...]:
    return style, seed, job.scene, job.resolved


def load_images(job: Job, files: tuple[bytes, ...]) -> tuple[OutputImage, ...]:
    """The images of a response from a scenario's files. The last file completes a stream.

    The files before it are the partial images; if there are too few, the last file is repeated.
    """
    images = tuple(_encode(data, detect_type(data)) for data in files)
    if not job.stream:
        return images
    count = job.parameters["partial_images"]
    return (*(images[min(index, len(images) - 1)] for index in range(count)), images[-1])


def _render(job: Job, style: str, seed: int, is_gone: IsGone) -> tuple[OutputImage, ...]:
    parameters = job.parameters
    canvas = render.Canvas(
        *job.size,
        format=parameters.get("output_format", "png"),
        compression=parameters.get("output_compression", 100),
        transparent=parameters.get("background") == "transparent",
        frames=parameters.get("frame_count", 1),
        milliseconds=parameters.get("frame_duration_ms", 0),
    )

    def while_connected(items: Iterable[T]) -> Iterator[T]:
        for item in items:
            if is_gone():
                raise Abandoned
            yield item

    if canvas.format == "svg":
        drawings = [svg.draw(style, canvas, _describe(job, number, seed)) for number in while_connected([1])]
        return (_encode(drawings[0], MEDIA_TYPES["svg"]),)
    numbers = range(1, parameters["n"] + 1)
    images = [render.render_image(style, canvas, _describe(job, number, seed)) for number in while_connected(numbers)]
    if job.stream:
        count = parameters["partial_images"]
        images = [*(render.blur(images[0], index, count) for index in while_connected(range(count))), images[0]]
    encoded = [render.encode(image, canvas) for image in while_connected(images)]
    return tuple(_encode(data, MEDIA_TYPES[canvas.format]) for data in encoded)


def _encode(data: bytes, media_type: str) -> OutputImage:
    return OutputImage(data, media_type, xxhash.xxh3_128_hexdigest(data), base64.b64encode(data))


def _describe(job: Job, number: int, seed: int) -> render.Subject:
    details = tuple((name, str(job.parameters[name])) for name in SHOWN if name in job.parameters)
    return render.Subject(
        prompt=job.prompt,
        model=job.model,
        details=details,
        images=tuple(image.part.data for image in job.images),
        mask=job.mask.part.data if job.mask else None,
        number=number,
        of=job.parameters["n"],
        seed=f"{seed}/{job.scene}".encode(),
    )
