"""The journal's entry of one request, as JSON-like data: what arrived, what was understood, what was sent, why."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl

import xxhash

from mockserver.core.plan import Head, Plan
from mockserver.core.request import Part, Request
from mockserver.engine.admission import api_key
from mockserver.engine.context import Context
from mockserver.engine.respond import Response
from mockserver.engine.truncate import FEW, SMALL, TEXT, brief
from mockserver.engine.values import Understood
from mockserver.images.inspect import detect_type, find_inspected
from mockserver.journal.store import REDACTED, SECRET_HEADERS, without
from mockserver.scenario.faults.table import FaultedPlan
from mockserver.scenario.machine import Turn

# Names under which keys are sent where none belongs.
KEY_NAMES = frozenset(
    ("api_key", "api-key", "apikey", "access_token", "authorization", "x-api-key", "openai-api-key", "key")
)
NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?", re.ASCII)
# Headers that ask a client to wait.
WAITS = ("retry-after", "retry-after-ms")
# Characters of a hint, or of a parameter's name.
HINT = 2_000
# A text where a file belongs may be a picture in disguise, and the journal holds no image bytes.
FILE_TEXT = 64
FILE_FIELDS = ("image", "mask", "markup", "images", "file")


def build_entry(
    called: str,
    arrival: Mapping[str, Any],
    secrets: frozenset[str],
    turn: Turn,
    context: Context,
    given: Response,
    entry_id: str,
) -> dict[str, Any]:
    """The entry, in the shape of contracts/schemas/journal.json; secrets are left out of it.

    `called` is the digest of the call, and `arrival` the part that tells of the request, as `arrived` gives it. Until
    the journal is read, the `sha256` of a file holds its xxh3 digest, and headers and what was `sent` are tuples.
    `repeats`, `waited`, `told` and what has left of the answer are left for others to fill in.
    """
    noted = {
        "id": entry_id,
        "session": context.session,
        "time": datetime.fromtimestamp(context.now, UTC).isoformat(timespec="milliseconds"),
        "as_of": context.as_of.label,
        "attempt": context.attempt,
        "call": called,
        "repeats": None,
        "waited": None,
        "request": None,
        "job": None,
        "turn": turn.to_json(),
        "answer": {
            "status": given.status,
            "code": given.error.get("code"),
            "param": (given.error.get("param") or "")[:HINT] or None,
            "row": given.row and given.row.id,
            "outcome": given.outcome,
            "retry_after": retry_after(given.plan, context.now),
            "sent_bytes": 0,
            "complete": False,
            "pictures": [picture.digest for picture in given.pictures],
            "sent": [],
        },
        "hints": [hint[:HINT] for hint in given.hints],
        "usage": given.usage,
        "cost": given.cost,
        "told": None,
    }
    return {**without(noted, secrets, _spelled(noted, given, turn)), **arrival}


def _spelled(noted: Mapping[str, Any], given: Response, turn: Turn) -> str | None:
    """All texts of an entry in which a secret may stand, if they are plain; no others come from outside."""
    if given.status >= 400 or (turn.step and turn.step.ok):
        return None
    text = "\n".join((noted["session"], turn.scenario, *given.hints))
    return text if text.isascii() else None


def told(request: Request, understood: Understood, secrets: frozenset[str]) -> dict[str, Any]:
    """The part of an entry that tells of the request, but for its headers: `request` and `job`, secrets left out."""
    found = {
        "request": {
            "method": request.method,
            "path": request.path,
            "query": [list(pair) for pair in parse_qsl(request.query, keep_blank_values=True)],
            "headers": [],
            "fields": _fields(request.parts) if understood.document is None else _short(understood.document),
            "files": [_file(part) for part in _files(request, understood)],
        },
        "job": understood.job and understood.job.described(),
    }
    if _large(request):
        found = brief(found)
    cleaned: dict[str, Any] = without(found, secrets)
    return cleaned


def arrived(request: Request, told: Mapping[str, Any], secrets: frozenset[str]) -> dict[str, Any]:
    """The part of an entry that tells of the request, its headers included, but for those that hold secrets."""
    headers = [(name, REDACTED) if name in SECRET_HEADERS else (name, value) for name, value in request.headers]
    spelled = "\n".join([text for header in headers for text in header])
    return {**told, "request": {**told["request"], "headers": without(headers, secrets, spelled)}}


def call(request: Request, understood: Understood) -> str:
    """A digest that is the same for the same call: that of the job, else of method, path and all that was sent.

    Boundaries of forms and the order of headers do not count.
    """
    if understood.job:
        return understood.job.digest
    parts = [(part.name, part.filename, part.content_type, part.digest) for part in request.parts]
    # Of bytes that could not be read, nothing but their number is left.
    length = request.header("content-length") if request.fault else None
    spelled = (request.method, request.path, request.query, parts, xxhash.xxh3_128_hexdigest(request.body), length)
    return xxhash.xxh3_128_hexdigest(repr(spelled).encode("utf-8", "backslashreplace"))


def retry_after(plan: Plan, now: float) -> float | None:
    """The seconds that an answer asks its client to wait, as the official clients read it, or None."""
    given = next((step.headers for step in plan if isinstance(step, Head)), ())
    asked = {name: value for name, value in given if name in WAITS}
    if not asked:
        return None
    exact, rounded = asked.get("retry-after-ms", ""), asked.get("retry-after", "")
    if NUMBER.fullmatch(exact):
        return float(exact) / 1000
    if NUMBER.fullmatch(rounded):
        return float(rounded)
    try:
        return max(0.0, round(parsedate_to_datetime(rounded).timestamp() - now, 3))
    except (ValueError, OverflowError):
        return None


def _large(request: Request) -> bool:
    """Might a request have more to tell than the journal has room for?"""
    texts = sum(len(part.data) for part in request.parts if part.filename is None)
    return len(request.parts) > FEW or len(request.body) + texts > SMALL


def secrets(request: Request, document: Mapping[str, Any] | None) -> frozenset[str]:
    """The key, and what else was sent under a name that keys have. Anything shorter could be a word of the prompt.

    `document` is the object of a JSON body.
    """
    heads = [value for name, value in request.headers if name in KEY_NAMES]
    # Whatever the scheme, and though another header of that name counts.
    keys = [api_key(request), *heads, *[value.rpartition(" ")[2] for value in heads]]
    keys += [part.data[:1000].decode("utf-8", "replace") for part in request.parts if keyed(part.name)]
    if request.query or document:
        named = (*parse_qsl(request.query), *_pairs(document))
        keys += [value for name, value in named if keyed(name) and isinstance(value, str)]
    return frozenset([key for key in keys if len(key) >= 8])


def _pairs(value: Any) -> Iterator[tuple[str, Any]]:
    """All names of a JSON value with what stands under them, at every level."""
    if isinstance(value, Mapping):
        yield from value.items()
    for inner in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        yield from _pairs(inner)


def keyed(name: str) -> bool:
    """Is it a name that keys are sent under?"""
    return name.lower() in KEY_NAMES


def record_faults(noted: dict[str, Any], done: FaultedPlan) -> None:
    """Note in an entry what the faults of its turn did to the answer."""
    noted["turn"].update(faults=list(done.applied), hostile=done.hostile)
    if done.applied:
        noted["answer"]["outcome"] = "faulted"
    if done.status != noted["answer"]["status"]:
        noted["answer"].update(status=done.status, code=None, param=None, row=None)
    if done.skipped:
        noted["hints"].append(f"Faults that found nothing to disturb in this answer: {', '.join(done.skipped)}.")


def list_images(understood: Understood, given: Response) -> Iterator[tuple[str, bytes, str]]:
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
    facts = find_inspected(part)
    return {
        "field": part.name,
        "filename": part.filename,
        "declared_type": part.content_type,
        "real_type": facts.real_type if facts else detect_type(part.data),
        "bytes": len(part.data),
        "sha256": part.digest,
        "width": facts and facts.width,
        "height": facts and facts.height,
        "mode": facts and facts.mode,
    }
