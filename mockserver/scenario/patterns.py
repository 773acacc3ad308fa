"""Regular expressions that cannot hang the server.

Python's engine backtracks, so a search may take as many steps as the product of all choices in a pattern. That product
and the length of the text are limited before anything is searched.
"""

import importlib
import math
import re
import warnings
from collections.abc import Iterable
from typing import Any

# Python's own parser of patterns; typeshed has no stubs for it.
constants: Any = importlib.import_module("re._constants")
parser: Any = importlib.import_module("re._parser")
# Characters of a text that are searched, and the steps that all patterns of a scenario may take at worst: a second.
TEXT = 1_000
STEPS = TEXT**3
REPEATS = (constants.MAX_REPEAT, constants.MIN_REPEAT)
PLAIN = (constants.LITERAL, constants.NOT_LITERAL, constants.ANY, constants.IN, constants.AT)


def search(pattern: str, text: str) -> bool:
    return re.search(pattern, text[:TEXT]) is not None


def search_cost(pattern: str) -> int:
    """The steps that a search takes at worst. Raises ValueError for an invalid pattern and for one without a limit."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(pattern)
            return TEXT * _count_paths(parser.parse(pattern))
    except (re.error, OverflowError, RecursionError, Warning) as error:
        raise ValueError(f"is not a regular expression: {error}") from None


def _count_paths(nodes: Iterable[tuple[Any, Any]]) -> int:
    return math.prod(_count_node(kind, value) for kind, value in nodes)


def _count_node(kind: Any, value: Any) -> int:
    if kind in PLAIN:
        return 1
    if kind in REPEATS:
        low, high, body = value
        inner = _count_paths(body)
        if inner > 1 and high > 9:
            raise ValueError("repeats a group that has choices or repeats; expected no nested repeats")
        if not body.getwidth()[0]:
            raise ValueError("repeats a group that may be empty; expected at least one character in each repetition")
        return int(inner**high * min(high + (low == 0), TEXT))
    if kind is constants.SUBPATTERN:
        return _count_paths(value[-1])
    if kind is constants.BRANCH:
        return sum(map(_count_paths, value[1]))
    raise ValueError(f"uses {str(kind).lower()}; expected no look-around and no backreference")
