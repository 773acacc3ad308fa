"""Which entries of the journal somebody asks for, from the words of a query. Pure; says what is wrong with a query."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Entry = Mapping[str, Any]
OUTCOMES = ("served", "refused", "faulted")
ID = re.compile(r"e([0-9]{6,15})", re.ASCII)
STATUS = re.compile(r"[1-5]([0-9]{2}|xx)", re.ASCII)
LIMIT = re.compile(r"[1-9][0-9]{0,5}", re.ASCII)


def _model(entry: Entry) -> Any:
    """The model that a request spoke of, also where it was refused."""
    return entry["job"]["model"] if entry["job"] else entry["request"]["fields"].get("model")


# What a word of the query is compared with.
VALUES: Mapping[str, Callable[[Entry], Any]] = {
    "session": lambda entry: entry["session"],
    "status": lambda entry: entry["answer"]["status"],
    "outcome": lambda entry: entry["answer"]["outcome"],
    "code": lambda entry: entry["answer"]["code"],
    "row": lambda entry: entry["answer"]["row"],
    "model": _model,
    "endpoint": lambda entry: entry["job"] and entry["job"]["endpoint"],
}
# What a word of the query may be, and how that is told.
FORMS: Mapping[str, tuple[re.Pattern[str], str]] = {
    "status": (STATUS, "a status such as 429, or 4xx"),
    "outcome": (re.compile("|".join(OUTCOMES)), f"one of {', '.join(OUTCOMES)}"),
    "since": (ID, "the id of an entry, such as e000012"),
    "limit": (LIMIT, "a number from 1 to 999999"),
}
NAMES = (*VALUES, "since", "limit")


def number(entry_id: str) -> int:
    """The number in an entry's id; 0 for what is no id."""
    found = ID.fullmatch(entry_id)
    return int(found[1]) if found else 0


@dataclass(frozen=True, slots=True)
class Filter:
    """Entries that have one of the `values` under each name, that came after the entry `since`, the newest `limit`."""

    values: Mapping[str, frozenset[str]] = field(default_factory=dict)
    since: int = 0
    limit: int | None = None

    def choose(self, entries: Iterable[Entry]) -> list[Entry]:
        """The entries that are asked for, in their order."""
        found = [entry for entry in entries if self._has(entry)]
        return found[-self.limit :] if self.limit else found

    def _has(self, entry: Entry) -> bool:
        return number(entry["id"]) > self.since and all(
            any(_is(VALUES[name](entry), text) for text in texts) for name, texts in self.values.items()
        )


def _is(value: Any, text: str) -> bool:
    return str(value) == text or (text.endswith("xx") and str(value)[:1] + "xx" == text)


def wanted(query: Iterable[tuple[str, str]]) -> Filter:
    """A Filter from the pairs of a query; of several values of one name, any does. Raises ValueError."""
    values: dict[str, set[str]] = {}
    for name, text in query:
        if name not in NAMES:
            raise ValueError(f"{name!r} is nothing to filter by; expected {', '.join(NAMES)}")
        form, told = FORMS.get(name, (None, ""))
        if form and not form.fullmatch(text):
            raise ValueError(f"{name} is {told}, not {text!r}")
        values.setdefault(name, set()).add(text)
    for name in ("since", "limit"):
        if len(values.get(name, ())) > 1:
            raise ValueError(f"{name} is given once")
    since, limit = (next(iter(values.pop(name, ())), "") for name in ("since", "limit"))
    chosen = {name: frozenset(texts) for name, texts in values.items()}
    return Filter(chosen, number(since), int(limit) if limit else None)
