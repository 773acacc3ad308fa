"""The rules beyond the schema: what does not go together, from the model's row. Pure; names no rule and no model."""

import math
from collections.abc import Mapping
from typing import Any

from mockserver.contract.capabilities import Capability
from mockserver.contract.catalogue import Problem
from mockserver.engine.values import Settings


def judge(values: Mapping[str, Any], capability: Capability, settings: Settings) -> None:
    """Raise the Problem of the first rule that a request breaks, unless it is a guess that the settings relax."""
    for family, rule in capability.rules(settings.as_of):
        if family in settings.accept or not all(meets(values, *condition) for condition in rule["when"].items()):
            continue
        if "forbids" not in rule:
            raise Problem(family, model=capability.model)
        for condition in rule["forbids"].items():
            if meets(values, *condition):
                raise Problem(family, model=capability.model, param=condition[0])


def meets(values: Mapping[str, Any], path: str, wanted: Any) -> bool:
    """Does the value at a path of keys meet a condition of contracts/models.yaml?"""
    value: Any = values
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    if value is None or wanted == "absent":
        return value is None and wanted == "absent"
    if isinstance(wanted, Mapping):
        if "not" in wanted:
            return bool(value != wanted["not"])
        return bool(wanted.get("minimum", -math.inf) <= value <= wanted.get("maximum", math.inf))
    return wanted == "any" or bool(value == wanted)
