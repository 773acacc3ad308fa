"""What a request means, and what the journal and a scenario get to know of it; kept at hand for forms that come again.

A form means the same whenever its parts and its head are the same, however its boundary was drawn. Pure.
"""

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from mockserver.engine.entry import KEY_NAMES, call, secrets, told
from mockserver.engine.fields import is_form
from mockserver.engine.understand import understand
from mockserver.engine.values import Settings, Sources, Understood
from mockserver.scenario.asked import Asked, asked
from mockserver.shelf import Shelf
from mockserver.wire.request import Request


@dataclass(frozen=True, slots=True)
class Meaning:
    """A request understood; what its entry tells of it, and what it asks for, both but for its headers; and its call.

    `call` is the digest of the call.
    """

    understood: Understood
    told: Mapping[str, Any]
    asked: Asked
    call: str


def _weight(meaning: Meaning) -> float:
    """What was served is kept. The rest is understood anew."""
    job = meaning.understood.job
    if job is None:
        return math.inf
    return 4_096 + sum(len(picture.part.data) for picture in (*job.images, *filter(None, [job.mask])))


FORM_BYTES = 16 * 1024 * 1024
FORMS = Shelf[Meaning](FORM_BYTES, _weight)


def recalled(request: Request, settings: Settings) -> Meaning | None:
    """The meaning of a form that came before, if it is still at hand."""
    key = _key(request, settings)
    return key and FORMS.find(key)


def meaning(request: Request, settings: Settings, sources: Sources) -> Meaning:
    """The meaning of a whole request; `sources` as for `understand`."""

    def new() -> Meaning:
        return mean(request, understand(request, settings, sources))

    key = _key(request, settings)
    return FORMS.get(key, new) if key else new()


def mean(request: Request, understood: Understood) -> Meaning:
    """The meaning of what was understood of a request."""
    found = told(request, understood, secrets(request, understood.document))
    return Meaning(understood, found, asked(found), call(request, understood))


def _key(request: Request, settings: Settings) -> tuple[Hashable, bytes] | None:
    """What a form is understood by, its keys in no readable way; None for what is no form."""
    if request.fault or not is_form(request):
        return None
    doors = [pair for pair in request.headers if pair[0] in KEY_NAMES]
    parts = [(part.name, part.filename, part.content_type, part.digest) for part in request.parts]
    said = repr((request.method, request.path, request.query, doors, parts)).encode("utf-8", "backslashreplace")
    return settings.judging, blake2b(said, digest_size=16).digest()
