"""What is tried: a call, and the scenario that answers it. Plain values, which a file can hold."""

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
    """A picture that a call brings: the name of its file, and the recipe of its bytes."""

    name: str = "a.png"
    recipe: Json = field(default_factory=lambda: SMALL)

    @property
    def data(self) -> bytes:
        """Its bytes."""
        return _made(json.dumps(self.recipe, sort_keys=True))

    @property
    def media_type(self) -> str:
        """Its content type."""
        return recipes.media_type(self.recipe)


@functools.lru_cache(maxsize=64)
def _made(recipe: str) -> bytes:
    return recipes.make(json.loads(recipe))


@dataclass(frozen=True)
class Case:
    """A call and its answer.

    `steps` and `then` are as in a scenario; none stands for a server that answers as the API does. `deadline` is in
    seconds. `label` says in a word or two what is special about it: a fault's name, say.
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
        """The same for the same case, whatever its label."""
        return json.dumps(replace(self, label="").described(), sort_keys=True)

    def described(self) -> dict[str, Any]:
        """The case as JSON."""
        return {
            "prompt": self.prompt,
            "images": [{"name": one.name, **one.recipe} for one in self.images],
            "mask": self.mask and {"name": self.mask.name, **self.mask.recipe},
            "options": dict(self.options),
            "stream": self.stream,
            "steps": list(self.steps),
            "then": self.then,
            "deadline_s": self.deadline,
        }

    @property
    def answers(self) -> int:
        """How many pictures the answer holds: as many as were asked for, or a stream's partials and the last."""
        return int(self.options.get("partial_images") or 0) + 1 if self.stream else int(self.options.get("n") or 1)

    @property
    def faults(self) -> Sequence[str]:
        """The faults that its steps order, by name."""
        return [name for step in self.steps for one in step.get("faults", ()) for name in one]


def put(file: File, folder: Path) -> str:
    """The path, below a folder, of a file with that name and those bytes."""
    digest = hashlib.blake2b(file.data, digest_size=6).hexdigest()
    path = folder / digest / file.name
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        written(path, file.data)
    return str(path)


def call(case: Case, number: str, base_url: str, model: str, folder: Path) -> dict[str, Any]:
    """The call as the client gets it, contracts/schemas/fuzz-call.json; its files are put into the folder."""
    return {
        "id": number,
        "base_url": base_url,
        "api_key": KEY,
        "prompt": case.prompt,
        "model": model,
        "images": [put(file, folder) for file in case.images],
        "mask": put(case.mask, folder) if case.mask else None,
        "options": dict(case.options),
        "stream": case.stream,
        "deadline_s": case.deadline,
    }


def pictures(count: int) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of the pictures of answers: small, and each another."""
    for number in range(count):
        yield f"p{number}.png", _made(json.dumps({"png": {"size": f"{24 + 8 * number}x32", "alpha_hole": True}}))


def scenario(case: Case, name: str, day: str, about: str = "") -> dict[str, Any]:
    """The scenario that answers a case, as a file has it; its pictures are those of `pictures`."""
    given = [one for one, _ in pictures(case.answers)]
    steps = [
        {**step, "ok": {"pictures": given, **step["ok"]}} if "ok" in step else dict(step)
        for step in case.steps or ({"ok": {}},)
    ]
    told = {"about": about} if about else {}
    return {"scenario": name, **told, "seed": 0, "as_of": day, "steps": steps, "then": case.then}
