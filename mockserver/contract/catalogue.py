"""The catalogue of API errors: contracts/errors.yaml as rows, and how a row becomes a response body.

The code that finds a problem knows only its family and the facts: `raise Problem("size-ratio", param="size", ...)`.
Status, type, code, message and hint are data. A family has one row for each text that the API used for it, with the
dates between which that text was observed, the groups of models it applies to, a source and a confidence; what was not
observed is marked as a guess. `find_row` chooses the row for a date, a group and a provider. If no row of the family is
valid on that date, it chooses the oldest later one, else the newest, because a wrong wording is better than no error.

Rows render bodies byte for byte as they were recorded: key order, indentation and trailing newline differ between
parts of the API, so `wire` names one of a few serializers, and `absent` names the keys that a body lacks. Messages are
templates that are filled with facts. Never correct a message, not even its typing errors: clients match on it.

`at` is the stage at which the API reports an error: `admit | parse | shape | facts | judge | stream`. A request with
several problems gets the error of the earliest stage; a rate limit at `admit` therefore wins over an invalid parameter.
Nothing here decides whether a request is rejected.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any

from mockserver.contract.asof import AsOf
from mockserver.core import data_files

# The stages of a request at which errors are reported, in order.
STAGES = ("admit", "parse", "shape", "facts", "judge", "stream")


class Problem(Exception):
    """Why the API rejects a request: a family of the catalogue, and the facts that fill its texts."""

    def __init__(self, family: str, **facts: Any) -> None:
        super().__init__(family)
        self.family = family
        self.facts = facts

    def copy(self) -> "Problem":
        """A copy to store: a raised exception references its traceback, and with it the whole request."""
        return Problem(self.family, **self.facts)


@dataclass(frozen=True, slots=True)
class Row:
    """One dated row of contracts/errors.yaml, whose first comment explains every key."""

    id: str
    family: str
    at: str
    status: int
    message: str | None
    source: str
    confidence: str
    hint: str
    type: str | None = None
    param: str | None = None
    code: str | None = None
    since: date | None = None
    until: date | None = None
    models: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    guesses: tuple[str, ...] = ()
    note: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    wire: str = "pretty"
    provider: str = "openai"
    absent: tuple[str, ...] = ()
    covers: tuple[str, ...] = ()

    @property
    def stage(self) -> int:
        return STAGES.index(self.at)

    def error(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        known = {**self.facts, **facts}
        keys = [name for name in ("message", "type", "param", "code") if name not in self.absent]
        error = {name: fill_template(getattr(self, name), known) for name in keys}
        return error | {name: fill_template(value, known) for name, value in self.extra.items()}

    def body(self, facts: Mapping[str, Any]) -> bytes:
        return WIRES[self.wire](self.error(facts))

    def render_hint(self, facts: Mapping[str, Any]) -> str:
        text: str = fill_template(self.hint, {**self.facts, **facts})
        return text


def fill_template(value: Any, facts: Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        return value.format_map(facts)
    if isinstance(value, Mapping):
        return {name: fill_template(item, facts) for name, item in value.items()}
    if isinstance(value, list):
        # A fact that lists several values becomes several items.
        return [part for item in value for part in _spread(fill_template(item, facts))]
    return value


def _spread(item: Any) -> list[Any]:
    return item.split(", ") if isinstance(item, str) else [item]


def _dump(indent: int | None, sort: bool, end: str) -> Callable[[Mapping[str, Any]], bytes]:
    separators = (",", ":") if indent is None else (",", ": ")

    def dump(error: Mapping[str, Any]) -> bytes:
        text = json.dumps({"error": error}, indent=indent, sort_keys=sort, separators=separators)
        return (text + end).encode("ascii")

    return dump


WIRES: Mapping[str, Callable[[Mapping[str, Any]], bytes]] = {
    "pretty": _dump(2, False, ""),
    "pretty-sorted-newline": _dump(2, True, "\n"),
    "compact-sorted": _dump(None, True, ""),
    "string": lambda error: json.dumps({"error": error["message"]}).encode("ascii"),
    "message": lambda error: json.dumps({"error": {"message": error["message"]}}).encode("ascii"),
    "empty": lambda error: b"",
}


@cache
def rows() -> tuple[Row, ...]:
    return tuple(map(_row, data_files.contract("errors.yaml")["rows"]))


def _row(data: Mapping[str, Any]) -> Row:
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}
    return Row(**values)


@cache
def families(provider: str = "openai") -> Mapping[str, tuple[Row, ...]]:
    grouped: dict[str, tuple[Row, ...]] = {}
    for row in rows():
        if row.provider == provider:
            grouped[row.family] = (*grouped.get(row.family, ()), row)
    return grouped


def find_row(family: str, as_of: AsOf, group: str = "gpt-image", provider: str = "openai") -> Row:
    """The row of a family that is valid on a date for a group of models. Raises KeyError for an unknown family.

    Falls back to the oldest later row, else to the newest; and to OpenAI's if the provider has no row of its own.
    """
    known = families(provider).get(family) or families()[family]
    candidates = [row for row in known if not row.models or group in row.models] or known
    # Rows are in order of time: the first that has not ended is valid already, or is the oldest later one.
    return next((row for row in candidates if as_of.holds(None, row.until)), candidates[-1])


def find_families(name: str) -> tuple[str, ...]:
    """Return the families that a name in a scenario means: a family itself, or all that have it as their API code."""
    if name in families():
        return (name,)
    return tuple(sorted({row.family for family_rows in families().values() for row in family_rows if row.code == name}))


def join_quoted(values: Iterable[Any], last: str) -> str:
    quoted = [f"'{value}'" for value in values]
    if len(quoted) < 3:
        return f" {last} ".join(quoted)
    return f"{', '.join(quoted[:-1])}, {last} {quoted[-1]}"
