"""Does a request meet the conditions of a `when`, and if not, why. One matcher for turns and for the journal."""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from reprlib import Repr
from typing import Any

from mockserver.scenario import patterns
from mockserver.scenario.matching import RequestFacts

SHORT = Repr()
SHORT.maxstring = SHORT.maxother = 80


def matches(when: Mapping[str, Any], asked: RequestFacts) -> bool:
    """Do all conditions hold? An empty `when` holds for anything."""
    return not when or all(_holds(wanted, found) for _, wanted, found in _conditions(when, asked))


def find_mismatches(when: Mapping[str, Any], asked: RequestFacts) -> list[str]:
    """What does not hold, each in words: what was expected, and what was there."""
    return [
        f"{name}: expected {SHORT.repr(wanted)}, was {SHORT.repr(found)}"
        for name, wanted, found in _conditions(when, asked)
        if not _holds(wanted, found)
    ]


def _conditions(when: Mapping[str, Any], asked: RequestFacts) -> Iterator[tuple[str, Any, Any]]:
    for name, wanted in when.items():
        if name in ("fields", "headers"):
            there = getattr(asked, name)
            for key, value in wanted.items():
                yield f"{name}.{key}", value, there.get(key.lower() if name == "headers" else key)
        else:
            yield name, wanted, getattr(asked, name)


def _holds(wanted: Any, found: Any) -> bool:
    if wanted is None or found is None:
        return wanted is found
    if isinstance(found, list):
        return any(_holds(wanted, one) for one in found)
    if isinstance(wanted, Mapping):
        return all(TESTS[name](bound, found) for name, bound in wanted.items())
    return _spelled(wanted) == _spelled(found)


def _spelled(value: Any) -> str:
    """A value as a form would send it."""
    if isinstance(value, str):
        return value
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if whole else json.dumps(value)


def _number(value: Any) -> float:
    """A value as a number; NaN, which lies in no range, where it is none."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    try:
        return float(value) if isinstance(value, str) else math.nan
    except ValueError:
        return math.nan


TESTS: Mapping[str, Callable[[Any, Any], bool]] = {
    "contains": lambda part, found: part in _spelled(found),
    "regex": lambda pattern, found: patterns.search(pattern, _spelled(found)),
    "minimum": lambda bound, found: bound <= _number(found),
    "maximum": lambda bound, found: _number(found) <= bound,
}
