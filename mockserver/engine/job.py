"""The request understood: endpoint, model, prompt, pictures and typed parameters. A value; it decides nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import xxhash

from mockserver.contract.capabilities import Capability
from mockserver.core.request import Part
from mockserver.images.inspect import ImageInfo


@dataclass(frozen=True, slots=True)
class InputImage:
    """A file of the request and what it holds."""

    part: Part
    facts: ImageInfo


@dataclass(frozen=True, slots=True)
class Job:
    """What to do. `parameters` are typed, with defaults filled in and every `auto` resolved.

    `digest` is the same for the same call, however its form was cut into boundaries; `scene` is the same for
    calls that differ only in how the answer is delivered. `hints` are worth telling although it is served, `dialect`
    is the one that it is answered in. `resolved` is a digest of the parameters, which depend on day and dialect too;
    `stream` says whether the answer is a stream of events.
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
        spelled = repr(sorted(self.parameters.items())).encode("utf-8", "backslashreplace")
        object.__setattr__(self, "resolved", xxhash.xxh3_64_hexdigest(spelled))
        object.__setattr__(self, "stream", bool(self.parameters.get("stream")))

    @property
    def model(self) -> str:
        """The name that the caller used, or the default that it stands for."""
        return self.capability.model

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the answer in pixels."""
        width, height = self.parameters["size"].split("x")
        return int(width), int(height)

    @property
    def sheet(self) -> tuple[int, int]:
        """What is drawn at once, in pixels: the frames of a gif side by side, else the size."""
        columns, rows = self.capability.grid(self.parameters)
        return self.size[0] * columns, self.size[1] * rows

    def described(self) -> dict[str, Any]:
        """The job as the journal shows it."""
        return {
            "endpoint": self.endpoint,
            "model": self.model,
            "prompt": self.prompt,
            "images": [picture.part.digest for picture in self.images],
            "mask": self.mask and self.mask.part.digest,
            "parameters": dict(self.parameters),
            "stream": self.stream,
        }
