"""Which connections to a port hold bytes that their client has not read: from Linux's own tables. Empty elsewhere."""

from collections.abc import Iterator
from pathlib import Path

TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
# Established, and closed by the other side only.
OPEN = ("01", "08")


def unread(port: int) -> frozenset[int]:
    """The ports of clients that are connected to this port and have left something unread."""
    return frozenset(own for own, other, waiting in _rows() if other == port and waiting)


def _rows() -> Iterator[tuple[int, int, bool]]:
    for table in TABLES:
        try:
            lines = table.read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            _, own, other, state, queues, *_ = line.split()
            # The end of a connection counts as one byte.
            waiting = int(queues.partition(":")[2], 16) > 1
            yield int(own.rpartition(":")[2], 16), int(other.rpartition(":")[2], 16), waiting and state in OPEN
