"""What a request means, and what the journal and a scenario get to know of it; kept at hand for those that come again.

A form means the same whenever its parts and its head are the same, however its boundary was drawn; so does a short JSON
body that brings along no pictures. Pure.
"""

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from mockserver.core.cache import Shelf
from mockserver.core.request import Request
from mockserver.engine.body import is_form
from mockserver.engine.entry import KEY_NAMES, call, secrets, told
from mockserver.engine.input_images import REFERRING
from mockserver.engine.understand import understand
from mockserver.engine.values import Settings, Sources, Understood
from mockserver.scenario.matching import RequestFacts, facts_of_entry


@dataclass(frozen=True, slots=True)
class Meaning:
    """A request understood; what its entry tells of it, and what it asks for, both but for its headers; and its call.

    `call` is the digest of the call, `texts` the bytes that all but its pictures may take.
    """

    understood: Understood
    told: Mapping[str, Any]
    asked: RequestFacts
    call: str
    texts: int = 0


def weight(meaning: Meaning) -> float:
    """What was served is kept, unless it speaks of pictures that lie elsewhere. The rest is understood anew."""
    job, document = meaning.understood.job, meaning.understood.document or {}
    if job is None or not document.keys().isdisjoint(REFERRING):
        return math.inf
    pictures = sum(len(picture.part.data) for picture in (*job.images, *filter(None, [job.mask])))
    return 4_096 + pictures + meaning.texts


# Bytes of a JSON body that may be kept, and how many times as much its values may take.
SHORT, VALUES = 16_384, 50
# How many times as much the texts of a form may take: its entry and its job each hold them, up to 4 bytes a character.
COPIES = 16
# Bytes that a part takes in what its form is found by.
PART = 512
FORM_BYTES = 16 * 1024 * 1024
FORMS = Shelf[Meaning](FORM_BYTES, weight)


def recalled(request: Request, settings: Settings) -> Meaning | None:
    """The meaning of a request that came before, if it is still at hand."""
    key = _key(request, settings)
    return FORMS.find(key) if key else None


def meaning(request: Request, settings: Settings, sources: Sources) -> Meaning:
    """The meaning of a whole request; `sources` as for `understand`."""

    def new() -> Meaning:
        return mean(request, understand(request, settings, sources))

    key = _key(request, settings)
    return FORMS.get(key, new) if key else new()


def mean(request: Request, understood: Understood) -> Meaning:
    """The meaning of what was understood of a request."""
    found = told(request, understood, secrets(request, understood.document))
    fields = sum(len(part.data) for part in request.parts if part.filename is None)
    texts = VALUES * len(request.body) + COPIES * fields + PART * len(request.parts)
    return Meaning(understood, found, facts_of_entry(found), call(request, understood), texts)


def _key(request: Request, settings: Settings) -> tuple[Hashable, ...] | None:
    """What a request is understood by, its keys in no readable way; None for what is worth no look."""
    body = request.body
    if request.fault or not (request.parts or 0 < len(body) <= SHORT or is_form(request)):
        return None
    doors = [pair for pair in request.headers if pair[0] in KEY_NAMES]
    said = hashed((request.path, request.query, doors), body)
    parts = tuple([(part.name, part.filename, part.content_type, part.digest) for part in request.parts])
    kind = request.media_type if body else ""
    return settings.judging, request.method, kind, said, parts


def hashed(said: object, more: bytes = b"") -> bytes:
    """A digest of texts, and of bytes after them, from which no key can be read."""
    return blake2b(repr(said).encode("utf-8", "backslashreplace") + more, digest_size=16).digest()
