"""What the journal keeps of a large request: its beginning, in so much room. Pure; knows no secrets."""

from collections.abc import Mapping
from typing import Any

# Characters that are kept of a request's fields, of its files, and of what was understood; a value counts for some.
ROOM = 200_000
VALUE = 16
# Characters of one text, where there is room.
TEXT = 100_000
# Bytes of a body, its files apart, and parts of a form, up to which nothing has to be cut.
SMALL = 16_384
FEW = 64
CUT = "..."
# Characters that say how long a text was which was cut before.
NOTE = 40


def brief(told: Mapping[str, Any]) -> dict[str, Any]:
    """An entry's `request` and `job` without what is beyond their room. What was cut ends in `...`."""
    request, job = told["request"], told["job"]
    request = {**request, "fields": shrink(request["fields"]), "files": shrink(request["files"])}
    if job:
        parameters = shrink(job["parameters"])
        job = {**job, "prompt": shrink(job["prompt"]), "images": job["images"][:FEW], "parameters": parameters}
    return {"request": request, "job": job}


def shrink(value: Any) -> Any:
    """A JSON-like value in its order until there is no room; objects in lists stay whole, but for their texts."""
    return _shrink(value, [ROOM])


def _shrink(value: Any, left: list[int]) -> Any:
    left[0] -= VALUE
    if isinstance(value, str):
        kept = value[: max(0, min(TEXT + NOTE, left[0]))]
        left[0] -= len(kept)
        return value if kept == value else f"{kept}{CUT}"
    if isinstance(value, Mapping):
        return dict(_items(value, left))
    if isinstance(value, list):
        found: list[Any] = []
        for item in value:
            if left[0] <= 0:
                return found
            found.append(_shrink(item, left))
        return found
    return value


def _items(value: Mapping[str, Any], left: list[int]) -> Any:
    for key, item in value.items():
        if left[0] <= 0 and len(value) > FEW:
            yield CUT, f"{len(value)} in all"
            return
        yield (key if len(key) <= TEXT else key[:TEXT] + CUT), _shrink(item, left)
        left[0] -= len(key)
