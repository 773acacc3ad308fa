"""What a server counts of its requests: how many, how they were answered, how long that took. Knows no format."""

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

# Upper ends of the histogram's buckets, in seconds; one more bucket has none.
BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(slots=True)
class RequestStats:
    """Counts that only grow, and how many answers and streams are under way.

    `requests` counts by endpoint, status and family of the refusal, each empty where there is none. `seconds` is the
    sum of the times from the beginning of each request until its answer was decided: what scenarios let clients wait
    comes after that. `taken` are the numbers of such times by bucket.
    """

    requests: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    taken: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    seconds: float = 0.0
    answers: int = 0
    streams: int = 0

    def note(self, endpoint: str, status: int | None, family: str, seconds: float) -> None:
        """Count a request that is about to be answered."""
        self.requests[endpoint, str(status or ""), family] += 1
        self.taken[bisect_left(BUCKETS, seconds)] += 1
        self.seconds += seconds

    def begin(self, stream: bool) -> None:
        """An answer begins to leave."""
        self.answers += 1
        self.streams += stream

    def end(self, stream: bool) -> None:
        """It has left, as far as it will."""
        self.answers -= 1
        self.streams -= stream
