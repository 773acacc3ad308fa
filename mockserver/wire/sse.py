"""Server-sent events as the API frames them: an event line, one data line of compact JSON, a blank line.

Source: recorded streams of 2025-10 to 2026-07; no keep-alive comments and no `[DONE]` were ever seen.
"""

import json
from collections.abc import Mapping
from typing import Any


def frame(event: str, data: Mapping[str, Any]) -> bytes:
    """One event with its data, ready to send."""
    return f"event: {event}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode("ascii")
