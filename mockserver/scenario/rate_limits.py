"""Limits per minute as token buckets, kept as plain data."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

MINUTE = 60
# Tolerance for the clock's resolution, as a share of the limit.
GRAIN = 1e-8

# By the name of a limit: how much is left of it, and at what time.
Levels = Mapping[str, list[float]]


@dataclass(frozen=True, slots=True)
class LimitExceeded:
    """The limit that a request exceeds. `wait` is in seconds, in whole milliseconds, until the same request passes.

    `limits`, `remaining` and `reset` (seconds until the bucket is full) are by the name of each limit.
    """

    name: str
    limit: int
    used: int
    requested: int
    wait: float
    limits: Mapping[str, int]
    remaining: Mapping[str, int]
    reset: Mapping[str, float]


def consume(
    limits: Mapping[str, int], levels: Levels, needs: Mapping[str, int], now: float
) -> tuple[LimitExceeded | None, Levels]:
    """Take what a request needs from each bucket, and return the levels afterwards. A rejected request takes nothing.

    A request that needs more than a whole limit never passes; its `wait` is what the formula yields.
    """
    refilled = {name: _refill(limit, levels.get(name), now) for name, limit in limits.items()}
    waits = {
        name: (needs[name] - refilled[name]) * MINUTE / limit
        for name, limit in limits.items()
        if needs.get(name, 0) > refilled[name] + limit * GRAIN
    }
    if not waits:
        return None, {name: [max(0.0, level - needs.get(name, 0)), now] for name, level in refilled.items()}
    name = max(waits, key=lambda name: waits[name])
    remaining = {name: math.floor(level + limits[name] * GRAIN) for name, level in refilled.items()}
    reset = {name: (limits[name] - level) * MINUTE / limits[name] for name, level in refilled.items()}
    wait, used = math.ceil(waits[name] * 1000) / 1000, limits[name] - remaining[name]
    exceeded = LimitExceeded(name, limits[name], used, needs[name], wait, limits, remaining, reset)
    return exceeded, {name: [level, now] for name, level in refilled.items()}


def _refill(limit: int, stored: list[float] | None, now: float) -> float:
    if stored is None:
        return float(limit)
    level, then = stored
    return min(float(limit), level + max(0.0, now - then) * limit / MINUTE)
