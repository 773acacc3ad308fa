"""How a limit per minute that is used up is told: family, facts, headers. Decides nothing."""

import math
from typing import Any

from mockserver.core import data_files
from mockserver.core.plan import Headers
from mockserver.scenario.rate_limits import LimitExceeded


def family() -> str:
    """The family of the catalogue that refuses what is beyond a limit."""
    name: str = data_files.contract("limits.yaml")["family"]
    return name


def facts(limited: LimitExceeded) -> dict[str, Any]:
    """What the text of the refusal speaks of."""
    return {
        "per": data_files.contract("limits.yaml")["limits"][limited.name]["per"],
        "limit": limited.limit,
        "used": limited.used,
        "requested": limited.requested,
        "wait": duration(limited.wait),
    }


def headers(limited: LimitExceeded) -> Headers:
    """The headers of the refusal: how long to wait, in whole seconds, and how each limit stands."""
    rows = data_files.contract("limits.yaml")["limits"]
    told = [("retry-after", str(math.ceil(limited.wait)))]
    for name, limit in limited.limits.items():
        end = rows[name]["header"]
        told.append((f"x-ratelimit-limit-{end}", str(limit)))
        told.append((f"x-ratelimit-remaining-{end}", str(limited.remaining[name])))
        told.append((f"x-ratelimit-reset-{end}", duration(limited.reset[name])))
    return tuple(told)


def duration(seconds: float) -> str:
    """Seconds as the API writes them: `12s`, `1.5s`, `20ms`, `2m30s`."""
    milliseconds = math.ceil(seconds * 1000 - 1e-6)
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{f'{minutes}m' if minutes else ''}{rest / 1000:g}s"
