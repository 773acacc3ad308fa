"""The journal's entry of one request, as JSON-like data: what arrived, what was understood, what was sent, why."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from mockserver.engine.answer import Answer
from mockserver.engine.door import api_key
from mockserver.engine.values import Understood
from mockserver.images.facts import known, real_type
from mockserver.journal import without
from mockserver.moment import Moment
from mockserver.scenario.faults.table import Disturbed
from mockserver.scenario.machine import Turn
from mockserver.wire.request import Part, Request

SECRET_HEADERS = ("authorization", "api-key", "cookie", "proxy-authorization")
TEXT = 100_000
# A text where a file belongs may be a picture in disguise, and the journal holds no image bytes.
FILE_TEXT = 64
FILE_FIELDS = ("image", "mask", "markup", "images")


def entry(
    request: Request, understood: Understood, turn: Turn, moment: Moment, given: Answer, entry_id: str
) -> dict[str, Any]:
    """The entry, in the shape of contracts/schemas/journal.json; secrets are left out of it.

    The `sha256` of a file holds its xxh3 digest until the journal is read.
    """
    key = api_key(request)
    noted = {
        "id": entry_id,
        "session": moment.session,
        "time": datetime.fromtimestamp(moment.now, UTC).isoformat(timespec="milliseconds"),
        "attempt": moment.attempt,
        "request": {
            "method": request.method,
            "path": request.path,
            "headers": [[name, "[redacted]" if name in SECRET_HEADERS else value] for name, value in request.headers],
            "fields": _fields(request.parts) if understood.document is None else _short(understood.document),
            "files": [_file(part) for part in _files(request, understood)],
        },
        "job": understood.job and understood.job.described(),
        "turn": turn.described(),
        "answer": {
            "status": given.status,
            "code": given.error.get("code"),
            "param": given.error.get("param"),
            "row": given.row and given.row.id,
            "outcome": given.outcome,
            "sent_bytes": 0,
            "complete": False,
        },
        "hints": list(given.hints),
        "cost": given.cost,
    }
    # Anything shorter could be a word of the prompt.
    cleaned: dict[str, Any] = without(noted, frozenset({key} if len(key) >= 8 else ()))
    return cleaned


def amend(noted: dict[str, Any], done: Disturbed) -> None:
    """Note in an entry what the faults of its turn did to the answer."""
    noted["turn"]["faults"] = list(done.struck)
    if done.struck:
        noted["answer"]["outcome"] = "faulted"
    if done.status != noted["answer"]["status"]:
        noted["answer"].update(status=done.status, code=None, param=None, row=None)
    if done.missed:
        noted["hints"].append(f"Faults that found nothing to disturb in this answer: {', '.join(done.missed)}.")


def pictures(understood: Understood, given: Answer) -> Iterator[tuple[str, bytes, str]]:
    """Digest, bytes and media type of each picture received (where it was understood) and sent."""
    job = understood.job
    if job:
        for picture in (*job.images, *filter(None, [job.mask])):
            yield picture.part.digest, picture.part.data, picture.facts.real_type
    for sent in given.pictures:
        yield sent.digest, sent.data, sent.media_type


def _fields(parts: tuple[Part, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in parts:
        if part.filename is None:
            limit = FILE_TEXT if part.name.removesuffix("[]") in FILE_FIELDS else TEXT
            text = part.data[: limit * 4].decode("utf-8", "replace")
            if len(text) > limit:
                text = f"{text[:limit]}... ({len(part.data)} bytes)"
            found.setdefault(part.name, []).append(text)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _files(request: Request, understood: Understood) -> list[Part]:
    """The files of a form, or those that a JSON body held in its data URLs, once they were understood."""
    job = understood.job
    if understood.document is None or job is None:
        return [part for part in request.parts if part.filename is not None]
    return [picture.part for picture in (*job.images, *filter(None, [job.mask]))]


def _short(value: Any) -> Any:
    """A JSON value with its long texts cut, and with hardly more than the type of each data URL."""
    if isinstance(value, str):
        limit = FILE_TEXT if value.startswith("data:") else TEXT
        return value if len(value) <= limit else f"{value[:limit]}... ({len(value)} characters)"
    if isinstance(value, Mapping):
        return {key: _short(item) for key, item in value.items()}
    return [_short(item) for item in value] if isinstance(value, list) else value


def _file(part: Part) -> Mapping[str, Any]:
    facts = known(part)
    return {
        "field": part.name,
        "filename": part.filename,
        "declared_type": part.content_type,
        "real_type": facts.real_type if facts else real_type(part.data),
        "bytes": len(part.data),
        "sha256": part.digest,
        "width": facts and facts.width,
        "height": facts and facts.height,
        "mode": facts and facts.mode,
    }
