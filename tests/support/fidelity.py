"""The confidence of the facts in contracts/: the tables of docs/explanation/fidelity.md.

`python -c 'from tests.support import fidelity; fidelity.update_tables()'` updates them.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from mockserver.cli import tables
from mockserver.core import data_files
from tests.support.documents import HOME

DOCUMENT = HOME / "docs" / "explanation" / "fidelity.md"
LEVELS = ("high", "medium", "low", "guess")
NAMES = ("id", "name", "kind", "path", "model", "since", "until")
TABLE = re.compile(r"(?<=<!-- table: )(\w+) -->\n\n.*?(?=\n\n)", re.DOTALL)

Row = tuple[str, str, Mapping[str, Any]]


def rows() -> Iterator[Row]:
    """Each row of contracts/*.yaml that states its confidence: file, position and row."""
    for file in data_files.names("contracts", ".yaml"):
        for place, row in _within(data_files.contract(f"{file}.yaml"), ()):
            yield f"{file}.yaml", " ".join(place) or "all", row


def _within(value: Any, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    if isinstance(value, Mapping):
        if "confidence" in value or "guesses" in value:
            yield place, value
        inner = [(str(key), one) for key, one in value.items()]
    else:
        inner = [(_name(one, number), one) for number, one in enumerate(value)] if isinstance(value, list) else []
    for name, one in inner:
        yield from _within(one, (*place, name))


def _name(row: Any, number: int) -> str:
    named = [str(row[key]) for key in NAMES if row.get(key)] if isinstance(row, Mapping) else []
    return named[0] if named else str(number)


def counts() -> str:
    """The number of rows per file and confidence."""
    found = Counter((file, row.get("confidence")) for file, _, row in rows())
    partly = Counter(file for file, _, row in rows() if row.get("guesses") and row.get("confidence") != "guess")
    files = sorted({file for file, _ in found})
    return tables.format_markdown(
        [
            {"file": f"`{file}`", **{level: str(found[file, level]) for level in LEVELS}, "in part": str(partly[file])}
            for file in files
        ]
    )


def guesses() -> str:
    """The facts that were never observed."""
    return tables.format_markdown(
        [
            {
                "file": f"`{file}`",
                "row": place.removeprefix("rows "),
                "what is a guess": ", ".join(map(str, row.get("guesses") or ["all of it"])),
                "what it rests on": str(row.get("source", "")),
            }
            for file, place, row in rows()
            if row.get("guesses") or row.get("confidence") == "guess"
        ]
    )


def weak() -> str:
    """The facts with low confidence."""
    return tables.format_markdown(
        [
            {"file": f"`{file}`", "row": place.removeprefix("rows "), "what it rests on": str(row["source"])}
            for file, place, row in rows()
            if row.get("confidence") == "low"
        ]
    )


TABLES = {"counts": counts, "guesses": guesses, "weak": weak}


def render_tables(text: str) -> str:
    """Render the tables of the document from the contracts."""
    return TABLE.sub(lambda found: f"{found[1]} -->\n\n{TABLES[found[1]]()}", text)


def update_tables() -> None:
    DOCUMENT.write_text(render_tables(DOCUMENT.read_text("utf-8")))
