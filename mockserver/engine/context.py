"""When and for whom something is answered: every id of an answer is drawn from it, nothing is left to chance."""

from typing import NamedTuple

from mockserver.contract.asof import AsOf
from mockserver.core import data_files
from mockserver.core.rng import draw_digest, draw_int


class Context(NamedTuple):
    """When and for whom something is answered; every id is drawn from it.

    `now` is in seconds since 1970, `position` counts the turns that the session has taken before,
    `attempt` how often the same job has come, this time included.
    """

    now: float
    session: str
    position: int
    seed: int
    as_of: AsOf
    attempt: int = 1

    def later(self, seconds: float) -> "Context":
        """The same, so many seconds on."""
        return self._replace(now=self.now + seconds) if seconds else self

    def token(self, what: str, size: int = 16) -> str:
        """A deterministic hexadecimal id of `size` bytes for this context."""
        return draw_digest(self.seed, self.session, self.position, what, size).hexdigest()

    def randint(self, what: str, low: int, high: int) -> int:
        """A deterministic whole number from `low` to `high`."""
        return low + draw_int(self.seed, self.session, self.position, what) % (high - low + 1)

    def ids(self) -> dict[str, str]:
        """The ids that texts and headers speak of."""
        names = data_files.contract("headers.yaml")
        return {
            "request_id": f"req_{self.token('request')}",
            "organization": names["organization"],
            "project": names["project"],
        }
