"""The capability table: what each model accepts and costs, by date. Read from contracts/models.yaml."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from mockserver.contract import sizes
from mockserver.contract.asof import AsOf
from mockserver.core import data_files


@dataclass(frozen=True, slots=True, eq=False)
class Capability:
    """One model's row, with everything that it inherits."""

    model: str
    row: Mapping[str, Any]

    @property
    def group(self) -> str:
        group: str = self.row["group"]
        return group

    @property
    def released(self) -> date:
        day: date = self.row["released"]
        return day

    @property
    def shutdown(self) -> date | None:
        return self.row.get("shutdown")

    def is_served(self, as_of: AsOf, endpoint: str) -> bool:
        is_available = as_of.is_any or as_of.holds(self.released, self.shutdown)
        return is_available and endpoint in self.row["endpoints"]

    def parameter_schema(self, name: str) -> Any:
        """The JSON Schema to merge over a parameter's own, or False if the model does not support the parameter."""
        return self.row["parameters"].get(name, {})

    def rules(self, as_of: AsOf) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for family, rule in self.row["refusals"].items():
            if as_of.holds(rule.get("since"), rule.get("until")):
                yield family, rule

    def grid(self, values: Mapping[str, Any]) -> tuple[int, int]:
        if values.get("output_format") != "gif":
            return 1, 1
        frames = self.row["frames"]
        return sizes.sheet_grid(frames, values.get("frame_count", frames["count"]))

    def substitute_family(self, family: str, body: str, as_of: AsOf) -> str:
        for row in self.row["substitutes"]:
            is_valid = as_of.holds(row.get("since"), row["until"])
            if is_valid and row["problem"] == family and row.get("body", body) == body:
                by: str = row["by"]
                return by
        return family


# For bodies without a model: no schema is changed.
ANY_MODEL = Capability("", {"parameters": {}, "images": {"maximum": 16, "types": None}, "refusals": {}})


def merge(base: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in overlay.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


@cache
def table(provider: str = "openai") -> Mapping[str, Capability]:
    data = data_files.contract("models.yaml")
    raw = data["families"] | data["models"]

    def resolve(name: str) -> dict[str, Any]:
        row = raw[name]
        return merge(resolve(row["like"]), row) if "like" in row else dict(row)

    overlay: Mapping[str, Any] = data["providers"].get(provider, {}).get("parameters", {})

    def build(name: str) -> Capability:
        row = resolve(name)
        supported = {param: schema for param, schema in overlay.items() if row["parameters"].get(param)}
        return Capability(name, merge(row, {"parameters": supported}))

    return {name: build(name) for name in data["models"]}


def longest_served_model(endpoint: str, as_of: AsOf) -> str:
    """The model that remains available longest at an endpoint on a date; of several, the oldest."""
    served = (capability for capability in table().values() if capability.is_served(as_of, endpoint))
    return max(served, key=lambda capability: capability.shutdown or date.max).model


def default_model(endpoint: str, as_of: AsOf, given: Mapping[str, Any]) -> str | None:
    rows = data_files.contract("models.yaml")["default_model"][endpoint]
    row = next(r for r in rows if (r.get("any") if as_of.is_any else as_of.holds(r.get("since"), r.get("until"))))
    has_trigger = any(name in given for name in row.get("unless_given", ()))
    model: str | None = row["then"] if has_trigger else row["model"]
    return model
