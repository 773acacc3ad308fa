"""Which requests are the same call again: tells repetitions from calls that run side by side. Knows no bodies."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

from cachetools import FIFOCache

from mockserver.limits import DEFAULT_LIMITS, Limits

# Of the same call under way many times, so many are asked whether their clients have gone; the rest will tell.
NEWEST = 16


@dataclass(slots=True)
class Call:
    """One call of a session.

    `answered` is the newest entry whose answer has left, with the second in which it had, or None for one whose client
    did not wait for it.
    """

    answered: tuple[str, float | None] | None = None
    under_way: dict[str, Callable[[], bool]] = field(default_factory=dict)


class RepeatTracker:
    """The calls of all sessions, by digest; those that came longest ago are forgotten."""

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self._calls = FIFOCache[tuple[str, str], Call](limits.tracked_calls)

    def begin(
        self, session: str, digest: str, entry: str, at: float, gone: Callable[[], bool]
    ) -> tuple[str | None, float | None]:
        """Note that a request came in second `at`; `gone` tells whether its client has hung up.

        Returns the entry of the same call that it repeats, and how many seconds after that one's answer it came.
        It repeats one whose answer had left, or whose client did not wait for it (the seconds are then None).
        """
        self._calls[session, digest] = call = self._calls.get((session, digest)) or Call()
        newest = islice(reversed(call.under_way.items()), NEWEST)
        gone_before = next((other for other, has_gone in newest if has_gone()), None)
        call.under_way[entry] = gone
        if gone_before:
            return gone_before, None
        if not call.answered:
            return None, None
        before, left_at = call.answered
        if left_at is None:
            return before, None
        return (before, round(at - left_at, 3)) if left_at <= at else (None, None)

    def end(self, session: str, digest: str, entry: str, at: float | None) -> None:
        """Note that the answer has left, as far as it will; `at` is None when its client did not wait for it."""
        call = self._calls.get((session, digest))
        if call and call.under_way.pop(entry, None):
            call.answered = (entry, at)

    def discard(self, session: str, digest: str, entry: str) -> None:
        """Note that a call is no longer under way, where another tracker notes how it ended."""
        self._calls.get((session, digest), Call()).under_way.pop(entry, None)

    def forget(self, session: str | None = None) -> None:
        """Forget the calls of one session, or all."""
        for key in [key for key in self._calls if session in (None, key[0])]:
            del self._calls[key]
