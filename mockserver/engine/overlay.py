"""What a scenario says of how to answer, laid over the server's settings. Pure; plays nothing."""

from dataclasses import replace
from typing import Any

from mockserver.contract.asof import as_of
from mockserver.engine.values import Settings
from mockserver.scenario.machine import Scenario

# Settings that a scenario says as the server does.
SAME = ("paint", "validate", "dialect", "moderation", "limits", "urls")
LATENCIES = {"none": 0, "realistic": None}


def overlaid(settings: Settings, scenario: Scenario, day: str | None) -> Settings:
    """The settings with those that the scenario says, as of that day if it is given."""
    changed: dict[str, Any] = {name: value for name in SAME if (value := getattr(scenario, name))}
    if day:
        changed["as_of"] = as_of(day)
    if scenario.auth:
        changed |= {"auth": scenario.auth, "keys": scenario.keys}
    if scenario.latency is not None:
        latency = scenario.latency
        changed["latency"] = LATENCIES[latency] if isinstance(latency, str) else latency
    if scenario.accept:
        changed["accept"] = settings.accept | scenario.accept
    return replace(settings, **changed) if changed else settings
