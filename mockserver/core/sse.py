"""Server-sent events as the API frames them: an event line, one data line, a blank line.

Source: recorded streams of 2025-10 to 2026-07; no keep-alive comments and no `[DONE]` were ever seen.
"""


def frame(event: str, data: bytes) -> bytes:
    """One event with its data, which is one line, ready to send."""
    return b"".join((b"event: ", event.encode("ascii"), b"\ndata: ", data, b"\n\n"))
