"""Limits per minute: buckets that fill up evenly, as plain data. Pure; knows no clock and no HTTP."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

MINUTE = 60
# What the clock's own grain may cost, as a part of the limit.
GRAIN = 1e-8

# By the name of a limit: how much is left of it, and when that was so.
Levels = Mapping[str, list[float]]


@dataclass(frozen=True, slots=True)
class LimitExceeded:
    """A limit that a request runs into. `wait` is in seconds until the same request passes, in whole milliseconds.

    `remaining` and `reset` (in seconds until nothing is used) tell of each limit, by its name, with `limits`.
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
    """Take from each bucket what a request needs: the levels afterwards. One that is refused takes nothing.

    What asks for more than a limit never passes; its `wait` is what the formula says.
    """
    held = {name: _level(limit, levels.get(name), now) for name, limit in limits.items()}
    waits = {
        name: (needs[name] - held[name]) * MINUTE / limit
        for name, limit in limits.items()
        if needs.get(name, 0) > held[name] + limit * GRAIN
    }
    if not waits:
        return None, {name: [max(0.0, level - needs.get(name, 0)), now] for name, level in held.items()}
    name = max(waits, key=lambda name: waits[name])
    remaining = {name: math.floor(level + limits[name] * GRAIN) for name, level in held.items()}
    reset = {name: (limits[name] - level) * MINUTE / limits[name] for name, level in held.items()}
    wait, used = math.ceil(waits[name] * 1000) / 1000, limits[name] - remaining[name]
    limited = LimitExceeded(name, limits[name], used, needs[name], wait, limits, remaining, reset)
    return limited, {name: [level, now] for name, level in held.items()}


def _level(limit: int, held: list[float] | None, now: float) -> float:
    if held is None:
        return float(limit)
    level, then = held
    return min(float(limit), level + max(0.0, now - then) * limit / MINUTE)
