"""What a fault is, and a request for one by a step."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mockserver.core.plan import Plan

Parameters = Mapping[str, Any]
# (what, low, high) -> an integer from low to high, always the same for the same turn.
RandInt = Callable[[str, int, int], int]
Apply = Callable[[Plan, Parameters, RandInt], Plan | None]
# What a fault changes, from the inside out: each layer can still be applied to what the layers before it produced.
LAYERS = ("document", "events", "frames", "spaces", "ends", "http", "wire", "bytes", "pieces")
KEEP = {"description": "The share that is sent.", "type": "number", "minimum": 0, "maximum": 1, "default": 0.5}

BYTES = {
    "description": "The number of body bytes sent before; default: half of the body.",
    "type": "integer",
    "minimum": 0,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One row of the table.

    `mark` is `legal` (a correct client must cope and succeed) or `hostile` (it must fail cleanly, or retry). `on` names
    the responses that it applies to. `parameters` are JSON Schemas, with defaults, by name; a scenario may give the
    value of `short` alone instead of a mapping. `apply` returns None if there is nothing that it could change.
    """

    name: str
    about: str
    mark: Literal["legal", "hostile"]
    on: Literal["any response", "JSON body", "JSON", "stream", "upload"]
    layer: str
    apply: Apply
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    short: str | None = None

    def schema(self) -> dict[str, Any]:
        whole = {"type": "object", "additionalProperties": False, "properties": dict(self.parameters)}
        if self.short is None:
            return {"description": f"{self.about} ({self.mark})", **whole}
        alone = {key: value for key, value in self.parameters[self.short].items() if key != "default"}
        return {"description": f"{self.about} ({self.mark})", "if": {"type": "object"}, "then": whole, "else": alone}

    def request(self, value: Any) -> "RequestedFault":
        named = value if isinstance(value, Mapping) else {str(self.short): value}
        defaults = {name: schema["default"] for name, schema in self.parameters.items() if "default" in schema}
        return RequestedFault(self.name, {**defaults, **{name: _to_int(item) for name, item in named.items()}})


def _to_int(value: Any) -> Any:
    if isinstance(value, list):
        return list(map(_to_int, value))
    return int(value) if isinstance(value, float) and value.is_integer() else value


@dataclass(frozen=True, slots=True)
class RequestedFault:
    """A fault that a step requests, with all its parameters."""

    name: str
    parameters: Parameters = field(default_factory=dict)
