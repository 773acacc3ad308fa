"""The variants of a fault: its defaults, and other values of each parameter."""

from collections.abc import Iterator, Mapping
from typing import Any

from mockserver.scenario.faults.fault import Fault

VALUES: Mapping[str, list[int]] = {"keep": [0, 1], "after": [0, 2], "by": [-10, 1000], "bytes": [1]}


def generate_variants(fault: Fault) -> Iterator[dict[str, Any]]:
    """The parameters of a fault: its defaults, then other values, one parameter at a time."""
    yield shorten_waits(fault, {})
    for name, schema in fault.parameters.items():
        for value in _other_values(fault, name, schema):
            position = {"at": "body"} if name == "bytes" and "at" in fault.parameters else {}
            yield shorten_waits(fault, {name: value, **position})
    if fault.name == "huge_event":
        yield from ({"bytes": size} for size in (70_000, 1_100_000))
    if fault.name == "new_enum":
        yield {"value": "日本🦊"}


def _other_values(fault: Fault, name: str, schema: Mapping[str, Any]) -> list[Any]:
    if "enum" in schema:
        return [value for value in schema["enum"] if value != schema.get("default")]
    # Each stall lasts as long as the client waits, so one is enough.
    if (fault.name, name) == ("stall", "bytes") or (name == "bytes" and "default" in schema):
        return []
    return VALUES.get(name, [])


def shorten_waits(fault: Fault, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters with a short wait where the default is long."""
    short = {name: 0.002 for name in ("seconds",) if "default" in fault.parameters.get(name, {})}
    if fault.name == "drip":
        short |= {"bytes": 64}
    return {**short, **parameters}
