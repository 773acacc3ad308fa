"""How a server answers, and what it makes of a request: the values that the engine's two halves share."""

from dataclasses import dataclass, field

from mockserver.contract.asof import AsOf, as_of
from mockserver.contract.catalogue import Problem
from mockserver.job import Job


@dataclass(frozen=True, slots=True)
class Settings:
    """How a server answers.

    `auth` is `open` (no key needed), `bearer` (any key, the default) or `exact` (one of `keys`); `paint` is
    `receipt`, `flat` or `noise`.
    """

    as_of: AsOf = field(default_factory=lambda: as_of("any"))
    auth: str = "bearer"
    keys: frozenset[str] = frozenset()
    paint: str = "receipt"


@dataclass(frozen=True, slots=True)
class Understood:
    """What a request means: a job, or the problem that the API has with it."""

    job: Job | None = None
    problem: Problem | None = None
    group: str = "gpt-image"

    @property
    def digest(self) -> str | None:
        """The digest of the job, by which attempts of the same call are counted."""
        return self.job.digest if self.job else None
