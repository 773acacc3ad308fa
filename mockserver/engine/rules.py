"""The rules beyond the schema: combinations of parameters that a model does not accept, from its row."""

import math
from collections.abc import Mapping
from functools import cache
from typing import Any

from mockserver.contract.asof import AsOf
from mockserver.contract.capabilities import Capability
from mockserver.contract.catalogue import Problem
from mockserver.engine.values import Settings


def check_rules(values: Mapping[str, Any], capability: Capability, settings: Settings) -> None:
    for family, rule in _list_rules(capability, settings.as_of):
        if family in settings.accept or not all(meets(values, *condition) for condition in rule["when"].items()):
            continue
        if "forbids" not in rule:
            raise Problem(family, model=capability.model)
        for condition in rule["forbids"].items():
            if meets(values, *condition):
                raise Problem(family, model=capability.model, param=condition[0])


@cache
def _list_rules(capability: Capability, as_of: AsOf) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    return tuple(capability.rules(as_of))


def meets(values: Mapping[str, Any], path: str, condition: Any) -> bool:
    value: Any = values
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    if value is None or condition == "absent":
        return value is None and condition == "absent"
    if isinstance(condition, Mapping):
        if "not" in condition:
            return bool(value != condition["not"])
        return bool(condition.get("minimum", -math.inf) <= value <= condition.get("maximum", math.inf))
    return condition == "any" or bool(value == condition)
