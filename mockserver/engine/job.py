"""A request understood as a job: endpoint, model, prompt, images and typed parameters."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import xxhash

from mockserver.contract.capabilities import Capability
from mockserver.core.request import Part
from mockserver.images.inspect import ImageInfo


@dataclass(frozen=True, slots=True)
class InputImage:
    """An image of the request, and the result of decoding it."""

    part: Part
    facts: ImageInfo


@dataclass(frozen=True, slots=True)
class Job:
    """What to do. `parameters` are typed, with defaults filled in and every `auto` resolved.

    `digest` is equal for repeats of a call, whatever the boundary of the form; `scene` is equal for calls that differ
    only in how the response is delivered. `hints` are advice although the request is valid. `resolved` is a digest of
    the parameters, which depend on date and dialect too.
    """

    endpoint: str
    capability: Capability
    prompt: str
    images: tuple[InputImage, ...]
    mask: InputImage | None
    parameters: Mapping[str, Any]
    digest: str
    scene: str
    hints: tuple[str, ...] = ()
    dialect: str = "openai"
    resolved: str = field(init=False, repr=False, compare=False)
    stream: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        text = repr(sorted(self.parameters.items())).encode("utf-8", "backslashreplace")
        object.__setattr__(self, "resolved", xxhash.xxh3_64_hexdigest(text))
        object.__setattr__(self, "stream", bool(self.parameters.get("stream")))

    @property
    def input_images(self) -> tuple[InputImage, ...]:
        return (*self.images, self.mask) if self.mask else self.images

    @property
    def model(self) -> str:
        return self.capability.model

    @property
    def size(self) -> tuple[int, int]:
        width, height = self.parameters["size"].split("x")
        return int(width), int(height)

    @property
    def sheet(self) -> tuple[int, int]:
        """Width and height of what is rendered at once: for a GIF its frames side by side."""
        columns, rows = self.capability.grid(self.parameters)
        return self.size[0] * columns, self.size[1] * rows

    def describe(self) -> dict[str, Any]:
        return {
            "endpoint": self.endpoint,
            "model": self.model,
            "prompt": self.prompt,
            "images": [image.part.digest for image in self.images],
            "mask": self.mask and self.mask.part.digest,
            "parameters": dict(self.parameters),
            "stream": self.stream,
        }
