"""The limits of the server: what a client could otherwise make grow, or keep waiting, without end."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """A server's limits. Each field names its unit and what happens beyond it."""

    head_bytes: int = 65_536
    """Bytes of a request's head, of its trailers, or of a chunk's extensions. Beyond it: 431 and close."""
    pipelined_requests: int = 1_000
    """Requests waiting on one connection for an earlier response. Beyond it: 400 and close."""
    idle_seconds: float = 60
    """Time for the head of a request, from the connection's start or the response before it.

    A connection without a byte is closed; half a head gets 408.
    """
    pace_seconds: float = 30
    """The window in which `pace` is measured, and in which a client must read anything of a response."""
    pace: int = 100
    """The slowest upload, in bytes a second. A steady upload is never cut off, however long it takes."""
    linger_seconds: float = 5
    """Time to read the final response and close, after which the connection is aborted."""
    connections: int = 10_000
    """Connections, where the system allows as many. Beyond it: the one idle longest is closed."""
