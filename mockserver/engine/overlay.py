"""The settings of a scenario in place of the server's."""

from dataclasses import replace
from typing import Any

from mockserver.contract.asof import as_of
from mockserver.engine.values import Settings
from mockserver.scenario.machine import Scenario

# Settings that have the same form in a scenario and a server.
SAME = ("paint", "validate", "dialect", "moderation", "limits", "urls")
LATENCIES = {"none": 0, "realistic": None}


def apply_scenario(settings: Settings, scenario: Scenario, day: str | None) -> Settings:
    changes: dict[str, Any] = {name: value for name in SAME if (value := getattr(scenario, name))}
    if day:
        changes["as_of"] = as_of(day)
    if scenario.auth:
        changes |= {"auth": scenario.auth, "keys": scenario.keys}
    if scenario.latency is not None:
        latency = scenario.latency
        changes["latency"] = LATENCIES[latency] if isinstance(latency, str) else latency
    if scenario.accept:
        changes["accept"] = settings.accept | scenario.accept
    return replace(settings, **changes) if changes else settings
