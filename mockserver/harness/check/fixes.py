"""The line of Python that mends a refused file. Reads contracts/mends.yaml; names no family, format or model."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mockserver.contract.catalogue import Problem
from mockserver.core import data_files
from mockserver.harness.check.files import File


@dataclass(frozen=True, slots=True)
class Mend:
    """The file to blame, a line of Python that makes one to send in its place, and what to know before."""

    file: str
    line: str
    note: str | None


def mend(problem: Problem, group: str, files: Sequence[File]) -> Mend | None:
    """What mends the problem that a group of models has with the files of an edit, or None where nothing is known."""
    table, named, first = data_files.contract("mends.yaml"), dict(_named(files)), files[0]
    for row in table["mends"]:
        if problem.family not in row["families"] or row.get("models", group) != group:
            continue
        file = named.get(row.get("of", problem.facts.get("param", "image")), first)
        known = _known(file, problem.facts)
        if all(_meets(known.get(name), wanted) for name, wanted in row.get("when", {}).items()):
            return Mend(file.name, table["lines"][row["line"]].format_map(_blanks(file, first)), row.get("note"))
    return None


def _named(files: Sequence[File]) -> Iterator[tuple[str, File]]:
    """The files by the names that problems have for them."""
    for index, file in enumerate(files):
        yield file.part.name.replace("[]", f"[{index}]"), file


def _known(file: File, facts: Mapping[str, Any]) -> dict[str, Any]:
    """What a row can ask for: facts of the file, its traits, and those of the problem."""
    found = {name: getattr(file.facts, name) for name in ("real_type", "format", "mode", "transparent")}
    return {**found, **dict.fromkeys(file.facts.traits, True), **facts}


def _meets(value: Any, wanted: Any) -> bool:
    if wanted == "any":
        return value is not None
    return value in wanted if isinstance(wanted, list) else bool(value == wanted)


def _blanks(file: File, first: File) -> dict[str, str]:
    """What the blanks of a line stand for, as Python spells it."""
    width, height = first.facts.upright or (0, 0)
    blanks = {
        "file": str(file.path),
        "first": str(first.path),
        "png": file.beside(".png"),
        "jpg": file.beside(".jpg"),
        "named": file.beside(f".{file.facts.real_type.removeprefix('image/')}"),
        "width": width,
        "height": height,
        "side": min(file.facts.upright or (0, 0)),
    }
    return {name: repr(value) for name, value in blanks.items()}
