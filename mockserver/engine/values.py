"""The values that both halves of the engine share: settings, sources, and a request that was understood."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mockserver.contract.asof import AsOf, as_of
from mockserver.contract.catalogue import Problem
from mockserver.core.request import Part
from mockserver.core.uploads import Upload
from mockserver.engine.context import Context
from mockserver.engine.job import Job
from mockserver.limits import DEFAULT_LIMITS
from mockserver.scenario.matching import RequestFacts


@dataclass(frozen=True, slots=True)
class Settings:
    """How a server behaves.

    `auth` is `open` (no key needed), `bearer` (any key, the default) or `exact` (one of `keys`). `paint` is
    `receipt`, `flat` or `noise`. `accept` names guesses of ours that are not enforced: families of the catalogue, or
    keys of the capability table such as `images.modes`. `latency` is in seconds; None draws it from recorded values.
    `moderation` lists the words that the safety system rejects, `limits` what a session may use per minute, both as in
    a scenario file. `bare` leaves out all headers that a client does not need. `validate` says what is checked of a
    request for images: `strict` for everything, `schema` for types, enums and required fields only, or `off`. `dialect`
    is one of contracts/dialects.yaml. `urls` maps URLs to their bytes.
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
        return (self.as_of, self.auth, self.keys, self.accept, self.validate, self.dialect)


def _find_nothing(url: str) -> bytes | None:
    return None


@dataclass(frozen=True, slots=True)
class Sources:
    """What a request may refer to without containing it. Nothing is downloaded.

    `files` are the session's uploads by id, `room` is how many bytes it may still upload, and `find` returns the bytes
    at a URL: an image URL of this server, or a URL that a scenario defines.
    """

    files: Mapping[str, Upload] = field(default_factory=dict)
    room: int = DEFAULT_LIMITS.session_upload_bytes
    find: Callable[[str], bytes | None] = _find_nothing


@dataclass(frozen=True, slots=True)
class UploadRequest:
    """A valid upload to `/v1/files`. `lifetime` is in seconds, None where the file does not expire."""

    part: Part
    purpose: str
    lifetime: int | None

    def build_file(self, context: Context) -> Upload:
        now = int(context.now)
        return Upload(
            id=f"file-{context.token('file', 12)}",
            name=self.part.filename or "upload",
            purpose=self.purpose,
            data=self.part.data,
            digest=self.part.digest,
            created_at=now,
            expires_at=None if self.lifetime is None else now + self.lifetime,
        )


@dataclass(frozen=True, slots=True)
class Understood:
    """A request understood: a job, or the problem that the API has with the request.

    `group` is the group of models that the request named, `document` the object of a JSON body, and `provider` the API
    whose error texts apply. For requests about models and files, `reply` is the whole response, `content` a file to
    send, `upload` a file to store, and `removes` the id of a file to delete.

    The rest describes the request to others: `call` is a digest that repeats of the call share, `record` is the part of
    the journal entry about the request, `facts` is what a scenario matches against, and `secrets` must not appear in
    the rest of the entry.
    """

    job: Job | None = None
    problem: Problem | None = None
    group: str = "gpt-image"
    document: Mapping[str, Any] | None = None
    provider: str = "openai"
    reply: Mapping[str, Any] | None = None
    content: Upload | None = None
    upload: UploadRequest | None = None
    removes: str | None = None
    call: str = ""
    record: Mapping[str, Any] = field(default_factory=dict, repr=False)
    facts: RequestFacts = field(default_factory=RequestFacts)
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
