"""The time and the session of a response. Every id in a response is drawn from them, so nothing is left to chance."""

from typing import NamedTuple

from mockserver.contract.asof import AsOf
from mockserver.core import data_files
from mockserver.core.rng import draw_digest, draw_int


class Context(NamedTuple):
    """When a response is made, and for which request of which session.

    `now` is in seconds since 1970, `position` is the number of turns that the session has taken before, and `attempt`
    counts the requests for the same job, from 1.
    """

    now: float
    session: str
    position: int
    seed: int
    as_of: AsOf
    attempt: int = 1

    def later(self, seconds: float) -> "Context":
        return self._replace(now=self.now + seconds) if seconds else self

    def token(self, purpose: str, size: int = 16) -> str:
        return draw_digest(self.seed, self.session, self.position, purpose, size).hexdigest()

    def randint(self, purpose: str, low: int, high: int) -> int:
        return low + draw_int(self.seed, self.session, self.position, purpose) % (high - low + 1)

    def ids(self) -> dict[str, str]:
        names = data_files.contract("headers.yaml")
        return {
            "request_id": f"req_{self.token('request')}",
            "organization": names["organization"],
            "project": names["project"],
        }
