"""The ways of a fault: its parameters, one value after the other."""

from collections.abc import Iterator, Mapping
from typing import Any

from mockserver.scenario.faults.fault import Fault


def ways(row: Fault) -> Iterator[dict[str, Any]]:
    """The parameters of a fault: its defaults, then each other value of each parameter, one at a time."""
    yield quick(row, {})
    for name, schema in row.parameters.items():
        if "enum" in schema:
            others = [value for value in schema["enum"] if value != schema.get("default")]
        elif (row.name, name) == ("stall", "bytes"):
            others = []  # each takes as long as a client waits
        elif name in ("keep", "after", "by", "bytes") and (name != "bytes" or "default" not in schema):
            others = {"keep": [0, 1], "after": [0, 2], "by": [-10, 1000], "bytes": [1]}[name]
        else:
            others = []
        for value in others:
            at = {"at": "body"} if name == "bytes" and "at" in row.parameters else {}
            yield quick(row, {name: value, **at})
    if row.name == "huge_event":
        yield from ({"bytes": size} for size in (70_000, 1_100_000))
    if row.name == "new_enum":
        yield {"value": "日本🦊"}


def quick(row: Fault, given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters with short waits in place of long ones."""
    short = {name: 0.002 for name in ("seconds",) if "default" in row.parameters.get(name, {})}
    if row.name == "drip":
        short |= {"bytes": 64}
    return {**short, **given}
