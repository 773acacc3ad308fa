"""A call and the scenario that responds to it, as plain values that can be saved."""

import functools
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mockserver.harness.conformance import recipes
from mockserver.journal.report.files import written

KEY = "sk-fuzz-5up3rs3cr3tk3y-0123456789"
DEADLINE = 5.0
SMALL: Mapping[str, Any] = {"png": {"size": "16x16", "alpha_hole": True}}
Json = Mapping[str, Any]


@dataclass(frozen=True)
class File:
    """An image file of a call: its name, and the recipe of its bytes."""

    name: str = "a.png"
    recipe: Json = field(default_factory=lambda: SMALL)

    @property
    def data(self) -> bytes:
        return _make(json.dumps(self.recipe, sort_keys=True))

    @property
    def media_type(self) -> str:
        return recipes.media_type(self.recipe)


@functools.lru_cache(maxsize=64)
def _make(recipe: str) -> bytes:
    return recipes.make(json.loads(recipe))


@dataclass(frozen=True)
class Case:
    """A call and its response.

    `steps` and `then` are those of a scenario; without steps the server responds as the API does. `deadline` is in
    seconds. `label` names what is special about the case, such as a fault.
    """

    prompt: str = "x"
    images: tuple[File, ...] = (File(),)
    mask: File | None = None
    options: Json = field(default_factory=dict)
    stream: bool = False
    steps: tuple[Json, ...] = ()
    then: str = "repeat"
    deadline: float = DEADLINE
    label: str = ""

    @property
    def key(self) -> str:
        """Equal for equal cases, whatever their labels."""
        return json.dumps(replace(self, label="").to_json(), sort_keys=True)

    def to_json(self) -> dict[str, Any]:
        return {
            "prompt": self.prompt,
            "images": [{"name": file.name, **file.recipe} for file in self.images],
            "mask": self.mask and {"name": self.mask.name, **self.mask.recipe},
            "options": dict(self.options),
            "stream": self.stream,
            "steps": list(self.steps),
            "then": self.then,
            "deadline_s": self.deadline,
        }

    @property
    def image_count(self) -> int:
        """The number of images in the response; a stream holds the partial images and the final one."""
        return int(self.options.get("partial_images") or 0) + 1 if self.stream else int(self.options.get("n") or 1)

    @property
    def faults(self) -> Sequence[str]:
        """The names of the faults in its steps."""
        return [name for step in self.steps for fault in step.get("faults", ()) for name in fault]


def write_file(file: File, folder: Path) -> str:
    """Write a file under the folder, in a subfolder named by its digest, and return its path."""
    digest = hashlib.blake2b(file.data, digest_size=6).hexdigest()
    path = folder / digest / file.name
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        written(path, file.data)
    return str(path)


def build_call(case: Case, number: str, base_url: str, model: str, folder: Path) -> dict[str, Any]:
    """The call as contracts/schemas/fuzz-call.json defines it. Writes its files into the folder."""
    return {
        "id": number,
        "base_url": base_url,
        "api_key": KEY,
        "prompt": case.prompt,
        "model": model,
        "images": [write_file(file, folder) for file in case.images],
        "mask": write_file(case.mask, folder) if case.mask else None,
        "options": dict(case.options),
        "stream": case.stream,
        "deadline_s": case.deadline,
    }


def make_response_images(count: int) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of the images in a response. They are small and differ in size, so that a client cannot confuse
    them unnoticed."""
    for number in range(count):
        yield f"p{number}.png", _make(json.dumps({"png": {"size": f"{24 + 8 * number}x32", "alpha_hole": True}}))


def build_scenario(case: Case, name: str, day: str, about: str = "") -> dict[str, Any]:
    """The scenario that responds to a case, with the images of `make_response_images`."""
    images = [image for image, _ in make_response_images(case.image_count)]
    steps = [
        {**step, "ok": {"pictures": images, **step["ok"]}} if "ok" in step else dict(step)
        for step in case.steps or ({"ok": {}},)
    ]
    description = {"about": about} if about else {}
    return {"scenario": name, **description, "seed": 0, "as_of": day, "steps": steps, "then": case.then}
