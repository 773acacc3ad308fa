"""When and for whom something is answered: every id of an answer is drawn from it, nothing is left to chance."""

import hashlib
from typing import NamedTuple

from mockserver.contract.asof import AsOf
from mockserver.core import data_files


def drawn(seed: int, session: str, position: int, what: str) -> int:
    """A deterministic whole number of 8 bytes, for one turn of a session."""
    return int.from_bytes(_digest(seed, session, position, what, 8).digest(), "big")


def _digest(seed: int, session: str, position: int, what: str, size: int) -> hashlib.blake2b:
    return hashlib.blake2b(f"{seed}/{session}/{position}/{what}".encode(), digest_size=size)


class Moment(NamedTuple):
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

    def later(self, seconds: float) -> "Moment":
        """The same, so many seconds on."""
        return self._replace(now=self.now + seconds) if seconds else self

    def draw(self, what: str, size: int = 16) -> str:
        """A deterministic hexadecimal id of `size` bytes for this moment."""
        return _digest(self.seed, self.session, self.position, what, size).hexdigest()

    def between(self, what: str, low: int, high: int) -> int:
        """A deterministic whole number from `low` to `high`."""
        return low + drawn(self.seed, self.session, self.position, what) % (high - low + 1)

    def identities(self) -> dict[str, str]:
        """The ids that texts and headers speak of."""
        names = data_files.contract("headers.yaml")
        return {
            "request_id": f"req_{self.draw('request')}",
            "organization": names["organization"],
            "project": names["project"],
        }
