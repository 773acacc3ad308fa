"""The capability table: what each model accepts and costs, by date. Reads contracts/models.yaml; names no model."""

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
    """One model's row, with all that it inherits."""

    model: str
    row: Mapping[str, Any]

    @property
    def group(self) -> str:
        """The group of models that a catalogue row may be limited to."""
        group: str = self.row["group"]
        return group

    @property
    def released(self) -> date:
        """The first day on which the model was served."""
        day: date = self.row["released"]
        return day

    @property
    def shutdown(self) -> date | None:
        """The first day on which it was served no more, or None while nothing is announced."""
        return self.row.get("shutdown")

    def served(self, as_of: AsOf, endpoint: str) -> bool:
        """Is the model there on that day, at that endpoint?"""
        there = as_of.is_any or as_of.holds(self.released, self.shutdown)
        return there and endpoint in self.row["endpoints"]

    def parameter_schema(self, name: str) -> Any:
        """The JSON Schema fragment laid over a parameter: a mapping, or False where the model lacks it."""
        return self.row["parameters"].get(name, {})

    def rules(self, as_of: AsOf) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The rules beyond the schema that hold on that day: the catalogue's family, and the rule."""
        for family, rule in self.row["refusals"].items():
            if as_of.holds(rule.get("since"), rule.get("until")):
                yield family, rule

    def grid(self, values: Mapping[str, Any]) -> tuple[int, int]:
        """The columns and rows of the sheet that one picture is drawn on: more than one for the frames of a gif."""
        if values.get("output_format") != "gif":
            return 1, 1
        frames = self.row["frames"]
        return sizes.sheet_grid(frames, values.get("frame_count", frames["count"]))

    def substitute_family(self, family: str, body: str, as_of: AsOf) -> str:
        """The family that the API gave in place of another, for that body on that day; else the same."""
        for row in self.row["substitutes"]:
            held = as_of.holds(row.get("since"), row["until"])
            if held and row["problem"] == family and row.get("body", body) == body:
                by: str = row["by"]
                return by
        return family


# Where no model is spoken of, or none counts: nothing is laid over a schema.
ANY_MODEL = Capability("", {"parameters": {}, "images": {"maximum": 16, "types": None}, "refusals": {}})


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`above` laid over `below`: mappings merge, everything else is replaced."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


@cache
def table(provider: str = "openai") -> Mapping[str, Capability]:
    """Every model ever documented, in the order of contracts/models.yaml, as a provider serves it."""
    data = data_files.contract("models.yaml")
    raw = data["families"] | data["models"]

    def whole(name: str) -> dict[str, Any]:
        row = raw[name]
        return merge(whole(row["like"]), row) if "like" in row else dict(row)

    laid: Mapping[str, Any] = data["providers"].get(provider, {}).get("parameters", {})

    def served(name: str) -> Capability:
        row = whole(name)
        known = {param: schema for param, schema in laid.items() if row["parameters"].get(param)}
        return Capability(name, merge(row, {"parameters": known}))

    return {name: served(name) for name in data["models"]}


def longest_served_model(endpoint: str, as_of: AsOf) -> str:
    """The model that is served there and then for the longest, of several the oldest."""
    served = (capability for capability in table().values() if capability.served(as_of, endpoint))
    return max(served, key=lambda capability: capability.shutdown or date.max).model


def default_model(endpoint: str, as_of: AsOf, given: Mapping[str, Any]) -> str | None:
    """What an omitted model means there and then: a model's name, or None where one must be given."""
    rows = data_files.contract("models.yaml")["default_model"][endpoint]
    row = next(r for r in rows if (r.get("any") if as_of.is_any else as_of.holds(r.get("since"), r.get("until"))))
    other = any(name in given for name in row.get("unless_given", ()))
    model: str | None = row["then"] if other else row["model"]
    return model
