"""The shape of a fault, and of an order for one. Knows none by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mockserver.core.plan import Plan

Parameters = Mapping[str, Any]
# (what, low, high) -> a whole number from low to high, the same for the same moment.
RandInt = Callable[[str, int, int], int]
Apply = Callable[[Plan, Parameters, RandInt], Plan | None]
# Where a fault works, from the inside out: each can still be done to what those before it have left.
LAYERS = ("document", "events", "frames", "spaces", "ends", "http", "wire", "bytes", "pieces")
KEEP = {"description": "The share that is kept.", "type": "number", "minimum": 0, "maximum": 1, "default": 0.5}

BYTES = {"description": "After so many bytes of the body; left out: after half of it.", "type": "integer", "minimum": 0}


@dataclass(frozen=True, slots=True)
class Fault:
    """One row of the table.

    `mark` is `legal` (a correct client must cope and succeed) or `hostile` (it must fail cleanly, or retry). `on` says
    what it applies to. `parameters` are JSON Schemas by name, defaults in them; `short` is the one that stands for
    itself where a scenario gives no mapping. `apply` returns None where it finds nothing to disturb.
    """

    name: str
    about: str
    mark: Literal["legal", "hostile"]
    on: Literal["any answer", "JSON body", "JSON", "stream", "upload"]
    layer: str
    apply: Apply
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    short: str | None = None

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of what a scenario says of it."""
        whole = {"type": "object", "additionalProperties": False, "properties": dict(self.parameters)}
        if self.short is None:
            return {"description": f"{self.about} ({self.mark})", **whole}
        alone = {key: value for key, value in self.parameters[self.short].items() if key != "default"}
        return {"description": f"{self.about} ({self.mark})", "if": {"type": "object"}, "then": whole, "else": alone}

    def ordered(self, given: Any) -> "RequestedFault":
        """An order for it, from what a scenario says that satisfies the schema."""
        named = given if isinstance(given, Mapping) else {str(self.short): given}
        defaults = {name: schema["default"] for name, schema in self.parameters.items() if "default" in schema}
        whole = {name: _whole(value) for name, value in named.items()}
        return RequestedFault(self.name, {**defaults, **whole})


def _whole(value: Any) -> Any:
    """JSON Schema takes 7.0 for an integer too; here it is one."""
    if isinstance(value, list):
        return list(map(_whole, value))
    return int(value) if isinstance(value, float) and value.is_integer() else value


@dataclass(frozen=True, slots=True)
class RequestedFault:
    """A fault that a step orders, by name, with all its parameters."""

    name: str
    parameters: Parameters = field(default_factory=dict)
