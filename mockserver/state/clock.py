"""The clock of a server: a base that runs or stands still, and how far each session was moved on."""

import time
from collections.abc import Callable

from cachetools import FIFOCache

from mockserver.limits import DEFAULT_LIMITS, Limits

# Some thirty years: dates stay dates.
FURTHEST = 1_000_000_000.0
# Within the year 9987.
LAST = 253_000_000_000.0


class Clock:
    """Seconds since 1970, with one offset for all sessions and offsets of single sessions.

    `base` is the time without any offset. `watch` always runs, even if `base` is frozen, and measures how long clients
    waited.
    """

    def __init__(
        self,
        base: Callable[[], float] = time.time,
        watch: Callable[[], float] = time.monotonic,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self.base, self.watch = base, watch
        self._all = 0.0
        self._own = FIFOCache[str, float](limits.sessions)

    def __call__(self, session: str | None = None) -> float:
        return self.base() + self.advanced(session)

    def advanced(self, session: str | None = None) -> float:
        return self._all + self._own.get(session or "", 0.0)

    def advance(self, seconds: float, session: str | None = None) -> None:
        """Move the time of one session on, or that of all.

        Raises ValueError for seconds out of range, OverflowError if the sum would be.
        """
        if not 0 <= seconds <= FURTHEST:
            raise ValueError(f"the clock moves on by 0 to {FURTHEST:.0f} seconds, not by {seconds}")
        if seconds > min(FURTHEST - self.advanced(session), LAST - self(session)):
            raise OverflowError(f"the clock moves on by {FURTHEST:.0f} seconds in all, and {seconds} more are too many")
        if session is None:
            self._all += seconds
        else:
            self._own[session] = self._own.get(session, 0.0) + seconds

    def reset(self, session: str | None = None) -> None:
        if session is None:
            self._all = 0.0
            self._own.clear()
        else:
            self._own.pop(session, None)

    def restore(self, all_offset: float, own: float, session: str) -> None:
        """Set the offsets of the clock of all sessions and of one session, in seconds."""
        self._all, self._own[session] = all_offset, own
