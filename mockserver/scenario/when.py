"""Matches a request against a `when`: for the turns of a session and for queries of the journal."""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from reprlib import Repr
from typing import Any

from mockserver.scenario import patterns
from mockserver.scenario.matching import RequestFacts

SHORT = Repr()
SHORT.maxstring = SHORT.maxother = 80


def matches(when: Mapping[str, Any], request: RequestFacts) -> bool:
    return not when or all(_holds(expected, actual) for _, expected, actual in _compare(when, request))


def find_mismatches(when: Mapping[str, Any], request: RequestFacts) -> list[str]:
    return [
        f"{name}: expected {SHORT.repr(expected)}, was {SHORT.repr(actual)}"
        for name, expected, actual in _compare(when, request)
        if not _holds(expected, actual)
    ]


def _compare(when: Mapping[str, Any], request: RequestFacts) -> Iterator[tuple[str, Any, Any]]:
    for name, expected in when.items():
        if name in ("fields", "headers"):
            values = getattr(request, name)
            for key, value in expected.items():
                yield f"{name}.{key}", value, values.get(key.lower() if name == "headers" else key)
        else:
            yield name, expected, getattr(request, name)


def _holds(expected: Any, actual: Any) -> bool:
    if expected is None or actual is None:
        return expected is actual
    if isinstance(actual, list):
        return any(_holds(expected, item) for item in actual)
    if isinstance(expected, Mapping):
        return all(TESTS[name](limit, actual) for name, limit in expected.items())
    return _to_text(expected) == _to_text(actual)


def _to_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if whole else json.dumps(value)


def _to_number(value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    try:
        return float(value) if isinstance(value, str) else math.nan
    except ValueError:
        return math.nan


TESTS: Mapping[str, Callable[[Any, Any], bool]] = {
    "contains": lambda part, actual: part in _to_text(actual),
    "regex": lambda pattern, actual: patterns.search(pattern, _to_text(actual)),
    "minimum": lambda limit, actual: limit <= _to_number(actual),
    "maximum": lambda limit, actual: _to_number(actual) <= limit,
}
