"""The catalogue of refusals: a problem names a family, the catalogue knows status, type, text and hint.

It renders bodies as they were recorded (errors.md, section 0) and never decides whether a request is refused.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any

from mockserver.contract.asof import AsOf
from mockserver.core import data_files

# Where in the life of a request a row bites, in order.
STAGES = ("admit", "parse", "shape", "facts", "judge", "stream")


class Problem(Exception):
    """A refusal: the catalogue's family, and the facts that its texts speak of."""

    def __init__(self, family: str, **facts: Any) -> None:
        super().__init__(family)
        self.family = family
        self.facts = facts

    def copy(self) -> "Problem":
        """The same, to be kept: what was raised holds all that was under way then, the request included."""
        return Problem(self.family, **self.facts)


@dataclass(frozen=True, slots=True)
class Row:
    """One dated row of contracts/errors.yaml; its comment there explains each key."""

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
        """The place of `at` in the order of stages."""
        return STAGES.index(self.at)

    def error(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """The error object, its texts filled in; facts that the row knows examples of may be left out."""
        known = {**self.facts, **facts}
        keys = [name for name in ("message", "type", "param", "code") if name not in self.absent]
        error = {name: fill_template(getattr(self, name), known) for name in keys}
        return error | {name: fill_template(value, known) for name, value in self.extra.items()}

    def body(self, facts: Mapping[str, Any]) -> bytes:
        """The body as it goes over the wire."""
        return WIRES[self.wire](self.error(facts))

    def render_hint(self, facts: Mapping[str, Any]) -> str:
        """The hint, its texts filled in."""
        text: str = fill_template(self.hint, {**self.facts, **facts})
        return text


def fill_template(value: Any, facts: Mapping[str, Any]) -> Any:
    """A template or nested value with `{name}` replaced by facts; what is no text stays as it is."""
    if isinstance(value, str):
        return value.format_map(facts)
    if isinstance(value, Mapping):
        return {name: fill_template(item, facts) for name, item in value.items()}
    if isinstance(value, list):
        # A fact that names several things makes several items.
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
    """Every row of contracts/errors.yaml, in its order."""
    return tuple(map(_row, data_files.contract("errors.yaml")["rows"]))


def _row(data: Mapping[str, Any]) -> Row:
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}
    return Row(**values)


@cache
def families(provider: str = "openai") -> Mapping[str, tuple[Row, ...]]:
    """The rows of a provider, by family: OpenAI itself, or `azure`."""
    found: dict[str, tuple[Row, ...]] = {}
    for row in rows():
        if row.provider == provider:
            found[row.family] = (*found.get(row.family, ()), row)
    return found


def find_row(family: str, as_of: AsOf, group: str = "gpt-image", provider: str = "openai") -> Row:
    """The row of a family that holds on that day for a group of models.

    A family that nobody saw on that day is answered by its oldest later row, else its newest; one that a provider has
    no words of its own for, by OpenAI's. Raises KeyError for an unknown family.
    """
    known = families(provider).get(family) or families()[family]
    candidates = [row for row in known if not row.models or group in row.models] or known
    # They follow each other in time: the first that is not over holds already, or is the oldest later one.
    return next((row for row in candidates if as_of.holds(None, row.until)), candidates[-1])


def find_families(name: str) -> tuple[str, ...]:
    """The families that a scenario may mean by `name`: a family, or an API code that belongs to some."""
    if name in families():
        return (name,)
    return tuple(sorted({row.family for some in families().values() for row in some if row.code == name}))


def join_quoted(values: Iterable[Any], last: str) -> str:
    """Values as the API lists them: `'a'`, `'a' and 'b'`, `'a', 'b', and 'c'`."""
    quoted = [f"'{value}'" for value in values]
    if len(quoted) < 3:
        return f" {last} ".join(quoted)
    return f"{', '.join(quoted[:-1])}, {last} {quoted[-1]}"
