"""Finds connections with bytes that the client has not read, in Linux's socket tables. Finds none elsewhere."""

from collections.abc import Iterator
from pathlib import Path

TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
# Established, and closed by the other side only.
OPEN = ("01", "08")


def find_unread(port: int) -> frozenset[int]:
    """The local ports of clients that are connected to this port and have unread bytes."""
    return frozenset(local for local, remote, is_unread in _read_tables() if remote == port and is_unread)


def _read_tables() -> Iterator[tuple[int, int, bool]]:
    for table in TABLES:
        try:
            lines = table.read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            _, local, remote, state, queues, *_ = line.split()
            # The end of a connection counts as one byte.
            is_unread = int(queues.partition(":")[2], 16) > 1
            yield int(local.rpartition(":")[2], 16), int(remote.rpartition(":")[2], 16), is_unread and state in OPEN
