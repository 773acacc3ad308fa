"""How many connections the operating system allows this process."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

# Windows has no such limits.
resource: Any = import_module("resource") if find_spec("resource") else None

# Files that a process needs for itself.
SPARE = 64


def count_allowed_connections(limit: int) -> int:
    if resource is None:
        return limit
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return limit if allowed == resource.RLIM_INFINITY else max(1, min(limit, allowed - SPARE))


def raise_open_files_limit(connections: int) -> None:
    """Raise the soft limit of open files, as far as the hard limit allows, to hold so many connections."""
    if resource is None:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + SPARE
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
