"""What is made of a request before a turn is taken for it; one that came before is recognised by its bytes. Pure."""

from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

import xxhash

from mockserver.core.cache import Shelf
from mockserver.core.request import Part, Request
from mockserver.engine.asking import asking, needs
from mockserver.engine.body import is_form
from mockserver.engine.entry import arrived, secrets
from mockserver.engine.meaning import SHORT, Meaning, hashed, weight
from mockserver.engine.values import Settings, Understood
from mockserver.scenario.matching import RequestFacts


class Heard(NamedTuple):
    """A request and what it means; `unread` where it is answered before its body was read.

    `call` is the digest of the call, `arrival` the part of the journal's entry that tells of it, and `secrets` what
    must not show in the rest of that.
    """

    request: Request
    settings: Settings
    understood: Understood
    call: str
    arrival: Mapping[str, Any]
    secrets: frozenset[str]
    asked: RequestFacts
    unread: bool = False


class Known(NamedTuple):
    """What is kept of a request, for it may come again: of its head no more than the journal shows.

    `asked` is of an earlier time, and of other limits.
    """

    parts: tuple[Part, ...]
    meaning: Meaning
    arrival: Mapping[str, Any]
    asked: RequestFacts


def _weight(known: Known) -> float:
    return weight(known.meaning) + sum(len(part.data) for part in known.parts)


KNOWN_BYTES = 16 * 1024 * 1024
KNOWN = Shelf[Known](KNOWN_BYTES, _weight)


def heard(request: Request, meant: Meaning, settings: Settings, now: float) -> Heard:
    """What is made of a request that was understood, in second `now` since 1970."""
    hidden = secrets(request, meant.understood.document)
    arrival = arrived(request, meant.told, hidden)
    wants = asking(meant, dict(arrival["request"]["headers"]), settings, now)
    return Heard(request, settings, meant.understood, meant.call, arrival, hidden, wants)


def keep(told: Heard, meant: Meaning, body: bytes | None) -> None:
    """Keep what was made of a request whose meaning is kept; `body` holds all its bytes, if they are at hand."""
    if body:
        known = Known(told.request.parts, meant, told.arrival, told.asked)
        KNOWN.get(_key(told.request, body, told.settings), lambda: known)


def again(head: Request, body: bytes | None, settings: Settings, now: float) -> Heard | None:
    """What was made of the same request, if it came before with the same head and is still at hand."""
    if not body or not (len(body) <= SHORT or is_form(head)):
        return None
    known = KNOWN.find(_key(head, body, settings))
    if known is None:
        return None
    parts, meant, arrival, asked = known
    request = Request(head.method, head.path, head.headers, head.query, b"" if parts else body, parts)
    hidden = secrets(request, meant.understood.document)
    wants = asked._replace(now=now, needs=needs(meant.understood, settings, now))
    return Heard(request, settings, meant.understood, meant.call, arrival, hidden, wants)


def _key(request: Request, body: bytes, settings: Settings) -> tuple[Hashable, ...]:
    """What a whole request is recognised by, its keys in no readable way."""
    head = hashed((request.method, request.path, request.query, request.headers))
    return settings.judging, head, len(body), xxhash.xxh3_128_digest(body)
