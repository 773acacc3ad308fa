"""Whether a client keeps its connection waiting for too long. Knows no sockets and no clock."""

from typing import NamedTuple


class Awaited(NamedTuple):
    """What a client is waited for: at least `minimum` more `progress` (bytes) within each `seconds`.

    `what` is None where nothing is due; another value starts a new wait.
    """

    what: object
    progress: int
    seconds: float
    minimum: float


NOTHING = Awaited(None, 0, 0, 0)


class Timeout:
    """The wait of one connection, measured by the times that `is_over` is called with."""

    def __init__(self, awaited: Awaited, now: float) -> None:
        self._awaited, self.since = awaited, now

    def is_over(self, awaited: Awaited, now: float) -> bool:
        """Whether the client has made too little progress. Any progress that is enough starts the next window."""
        before = self._awaited
        if awaited.what != before.what:
            self._awaited, self.since = awaited, now
        elif awaited.what is not None and now - self.since >= awaited.seconds:
            if awaited.progress - before.progress < awaited.minimum:
                return True
            self._awaited, self.since = awaited, now
        return False
