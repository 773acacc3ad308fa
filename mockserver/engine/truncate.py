"""Truncating what the journal stores of a large request. The result must still be redacted."""

from collections.abc import Iterator, Mapping
from typing import Any

# Characters stored of a request's fields, of its files, and of its job; each value counts as some.
ROOM = 200_000
VALUE = 16
# Characters of one text, where there is room.
TEXT = 100_000
# Requests with at most so many bytes, files apart, and so many parts are never truncated.
SMALL = 16_384
FEW = 64
CUT = "..."
# Characters of the note that states the length of a text that was cut before.
NOTE = 40


def shorten(record: Mapping[str, Any]) -> dict[str, Any]:
    request, job = record["request"], record["job"]
    request = {**request, "fields": shrink(request["fields"]), "files": shrink(request["files"])}
    if job:
        parameters = shrink(job["parameters"])
        job = {**job, "prompt": shrink(job["prompt"]), "images": job["images"][:FEW], "parameters": parameters}
    return {"request": request, "job": job}


def shrink(value: Any) -> Any:
    return _shrink(value, [ROOM])


def _shrink(value: Any, room: list[int]) -> Any:
    room[0] -= VALUE
    if isinstance(value, str):
        text = value[: max(0, min(TEXT + NOTE, room[0]))]
        room[0] -= len(text)
        return value if text == value else f"{text}{CUT}"
    if isinstance(value, Mapping):
        return dict(_shrink_items(value, room))
    if isinstance(value, list):
        items: list[Any] = []
        for item in value:
            if room[0] <= 0:
                return items
            items.append(_shrink(item, room))
        return items
    return value


def _shrink_items(value: Mapping[str, Any], room: list[int]) -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        if room[0] <= 0 and len(value) > FEW:
            yield CUT, f"{len(value)} in all"
            return
        yield (key if len(key) <= TEXT else key[:TEXT] + CUT), _shrink(item, room)
        room[0] -= len(key)
