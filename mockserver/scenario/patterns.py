"""Regular expressions that cannot hang the server: of what they may cost at worst, before anything is searched.

Python's engine tries again and again, so a search may take as long as the product of all its choices. That product is
bounded here, and so is the text. Knows nothing of requests.

RE2 searches in linear time but reads patterns differently: its `\\b`, `\\w`, `\\d` and `\\s` know ASCII only, `$` does
not match before a final newline, `{,3}` is literal text, and a lone surrogate in the text is an error.
"""

import importlib
import math
import re
import warnings
from collections.abc import Iterable
from typing import Any

# Python's own parser of patterns, which its stubs leave out.
constants: Any = importlib.import_module("re._constants")
parser: Any = importlib.import_module("re._parser")
# So many characters of a text are searched, and so many steps may all patterns of a scenario take at worst: a second.
TEXT = 1_000
STEPS = TEXT**3
REPEATS = (constants.MAX_REPEAT, constants.MIN_REPEAT)
PLAIN = (constants.LITERAL, constants.NOT_LITERAL, constants.ANY, constants.IN, constants.AT)


def search(pattern: str, text: str) -> bool:
    """Is the pattern found in the first characters of a text?"""
    return re.search(pattern, text[:TEXT]) is not None


def search_cost(pattern: str) -> int:
    """How many steps a search may take at worst. Raises ValueError for what is no pattern, or one that has no bound."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(pattern)
            return TEXT * _paths(parser.parse(pattern))
    except (re.error, OverflowError, RecursionError, Warning) as error:
        raise ValueError(f"is no regular expression: {error}") from None


def _paths(nodes: Iterable[tuple[Any, Any]]) -> int:
    return math.prod(_path(kind, value) for kind, value in nodes)


def _path(kind: Any, value: Any) -> int:
    if kind in PLAIN:
        return 1
    if kind in REPEATS:
        low, high, body = value
        inner = _paths(body)
        if inner > 1 and high > 9:
            raise ValueError("repeats what has choices or repeats inside; expected one repeat at a time")
        if not body.getwidth()[0]:
            raise ValueError("repeats what may be empty; expected something in each round")
        return int(inner**high * min(high + (low == 0), TEXT))
    if kind is constants.SUBPATTERN:
        return _paths(value[-1])
    if kind is constants.BRANCH:
        return sum(map(_paths, value[1]))
    raise ValueError(f"uses {str(kind).lower()}; expected no look-around and no reference to a group")
