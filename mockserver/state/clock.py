"""The clock of a server: a base that runs or stands still, and how far each session was moved on."""

import time
from collections.abc import Callable

from cachetools import FIFOCache

SESSIONS = 10_000
# Some thirty years: dates stay dates.
FURTHEST = 1_000_000_000.0
# Within the year 9987.
LAST = 253_000_000_000.0


class Clock:
    """Seconds since 1970, for all sessions and for those that were moved on by themselves.

    `base` is the time without any offset. `watch` always runs, also where `base` stands still, and measures how long
    clients waited.
    """

    def __init__(self, base: Callable[[], float] = time.time, watch: Callable[[], float] = time.monotonic) -> None:
        self.base, self.watch = base, watch
        self._all = 0.0
        self._own = FIFOCache[str, float](SESSIONS)

    def __call__(self, session: str | None = None) -> float:
        """The time of a session, or of all that were not moved on by themselves."""
        return self.base() + self.advanced(session)

    def advanced(self, session: str | None = None) -> float:
        """Seconds that a session's time is ahead of the base."""
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
        """Reset one session to the time of all, or all to the base."""
        if session is None:
            self._all = 0.0
            self._own.clear()
        else:
            self._own.pop(session, None)

    def restore(self, all_offset: float, own: float, session: str) -> None:
        """Set how far the time of all sessions, and that of one, is ahead of the base."""
        self._all, self._own[session] = all_offset, own
