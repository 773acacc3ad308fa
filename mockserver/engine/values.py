"""How a server answers, and what it makes of a request: the values that the engine's two halves share."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mockserver.contract.asof import AsOf, as_of
from mockserver.contract.catalogue import Problem
from mockserver.core.uploads import SESSION_BYTES, Upload
from mockserver.engine.job import Job

if TYPE_CHECKING:
    from mockserver.engine.files_api import NewUpload


@dataclass(frozen=True, slots=True)
class Settings:
    """How a server answers.

    `auth` is `open` (no key needed), `bearer` (any key, the default) or `exact` (one of `keys`); `paint` is
    `receipt`, `flat` or `noise`. `accept` names guesses of ours that are not to be enforced: families of the
    catalogue, or keys of the capability table such as `images.modes`. `latency` is in seconds; None draws it from
    what was recorded. `moderation` are the words that the safety system refuses, and `limits` what a session may use
    per minute, both as a scenario file says them. `bare` leaves out all headers that a client does not need.
    `validate` says what of a request for pictures is checked: `strict` for all of it, `schema` for types, enums and
    required fields alone, or `off`. `dialect` is one of contracts/dialects.yaml, `urls` holds what stands at URLs.
    """

    as_of: AsOf = field(default_factory=lambda: as_of("any"))
    auth: str = "bearer"
    keys: frozenset[str] = frozenset()
    paint: str = "receipt"
    accept: frozenset[str] = frozenset()
    latency: float | None = 0
    bare: bool = False
    validate: str = "strict"
    dialect: str = "openai"
    moderation: tuple[Mapping[str, Any], ...] = ()
    limits: Mapping[str, int] = field(default_factory=dict)
    urls: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    @property
    def judging(self) -> tuple[Hashable, ...]:
        """What of them a form is understood by."""
        return (self.as_of, self.auth, self.keys, self.accept, self.validate, self.dialect)


def _nothing(url: str) -> bytes | None:
    return None


@dataclass(frozen=True, slots=True)
class Sources:
    """What a request may speak of without bringing it along.

    `files` are the session's own by id, `room` is how many bytes it may still upload, and `find` gives what stands at a
    URL: of this server itself, or one that a scenario provided for. Nothing is fetched.
    """

    files: Mapping[str, Upload] = field(default_factory=dict)
    room: int = SESSION_BYTES
    find: Callable[[str], bytes | None] = _nothing


@dataclass(frozen=True, slots=True)
class Understood:
    """What a request means: a job, or the problem that the API has with it.

    `group` is the group of models that it spoke of, `document` the object of a JSON body, `provider` whose texts it
    is answered with. `reply` is the whole answer to what only asks about models and files, `content` a file to hand
    out, `upload` one to keep, and `removes` the id of one to forget.
    """

    job: Job | None = None
    problem: Problem | None = None
    group: str = "gpt-image"
    document: Mapping[str, Any] | None = None
    provider: str = "openai"
    reply: Mapping[str, Any] | None = None
    content: Upload | None = None
    upload: "NewUpload | None" = None
    removes: str | None = None

    @property
    def digest(self) -> str | None:
        """The digest of the job, by which attempts of the same call are counted."""
        return self.job.digest if self.job else None
