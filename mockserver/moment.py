"""When and for whom something is answered: every id of an answer is drawn from it, nothing is left to chance."""

import hashlib
from dataclasses import dataclass, replace

from mockserver import resources
from mockserver.contract.asof import AsOf


def drawn(seed: int, session: str, position: int, what: str, size: int = 8) -> int:
    """A deterministic whole number of `size` bytes, for one turn of a session."""
    key = f"{seed}/{session}/{position}/{what}".encode()
    return int.from_bytes(hashlib.blake2b(key, digest_size=size).digest(), "big")


@dataclass(frozen=True, slots=True)
class Moment:
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
        return replace(self, now=self.now + seconds) if seconds else self

    def draw(self, what: str, size: int = 16) -> str:
        """A deterministic hexadecimal id of `size` bytes for this moment."""
        return f"{drawn(self.seed, self.session, self.position, what, size):0{2 * size}x}"

    def between(self, what: str, low: int, high: int) -> int:
        """A deterministic whole number from `low` to `high`."""
        return low + int(self.draw(what, 8), 16) % (high - low + 1)

    def identities(self) -> dict[str, str]:
        """The ids that texts and headers speak of."""
        names = resources.contract("headers.yaml")
        return {
            "request_id": f"req_{self.draw('request')}",
            "organization": names["organization"],
            "project": names["project"],
        }
