"""How the API reports an exhausted limit per minute: family, facts and headers."""

import math
from typing import Any

from mockserver.core import data_files
from mockserver.core.plan import Headers
from mockserver.scenario.rate_limits import LimitExceeded


def find_family() -> str:
    name: str = data_files.contract("limits.yaml")["family"]
    return name


def build_facts(limited: LimitExceeded) -> dict[str, Any]:
    return {
        "per": data_files.contract("limits.yaml")["limits"][limited.name]["per"],
        "limit": limited.limit,
        "used": limited.used,
        "requested": limited.requested,
        "wait": format_duration(limited.wait),
    }


def build_limit_headers(limited: LimitExceeded) -> Headers:
    rows = data_files.contract("limits.yaml")["limits"]
    headers = [("retry-after", str(math.ceil(limited.wait)))]
    for name, limit in limited.limits.items():
        suffix = rows[name]["header"]
        headers.append((f"x-ratelimit-limit-{suffix}", str(limit)))
        headers.append((f"x-ratelimit-remaining-{suffix}", str(limited.remaining[name])))
        headers.append((f"x-ratelimit-reset-{suffix}", format_duration(limited.reset[name])))
    return tuple(headers)


def format_duration(seconds: float) -> str:
    """Seconds as the API formats them: `12s`, `1.5s`, `20ms`, `2m30s`."""
    milliseconds = math.ceil(seconds * 1000 - 1e-6)
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{f'{minutes}m' if minutes else ''}{rest / 1000:g}s"
