"""Finds the line of Python that fixes a rejected file, from the table in contracts/mends.yaml."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mockserver.contract.catalogue import Problem
from mockserver.core import data_files
from mockserver.harness.check.files import ImageFile


@dataclass(frozen=True, slots=True)
class Fix:
    """The rejected file, a line of Python that writes a replacement, and what to know before running it."""

    file: str
    line: str
    note: str | None


def find_fix(problem: Problem, group: str, files: Sequence[ImageFile]) -> Fix | None:
    """The fix for the problem that a group of models has with the files of an edit, or None if none is known."""
    table, by_param, first = data_files.contract("mends.yaml"), dict(_params(files)), files[0]
    for row in table["mends"]:
        if problem.family not in row["families"] or row.get("models", group) != group:
            continue
        file = by_param.get(row.get("of", problem.facts.get("param", "image")), first)
        facts = _collect_facts(file, problem.facts)
        if all(_matches(facts.get(name), expected) for name, expected in row.get("when", {}).items()):
            return Fix(file.name, table["lines"][row["line"]].format_map(_placeholders(file, first)), row.get("note"))
    return None


def _params(files: Sequence[ImageFile]) -> Iterator[tuple[str, ImageFile]]:
    for index, file in enumerate(files):
        yield file.part.name.replace("[]", f"[{index}]"), file


def _collect_facts(file: ImageFile, problem_facts: Mapping[str, Any]) -> dict[str, Any]:
    facts = {name: getattr(file.facts, name) for name in ("real_type", "format", "mode", "transparent")}
    return {**facts, **dict.fromkeys(file.facts.traits, True), **problem_facts}


def _matches(value: Any, expected: Any) -> bool:
    if expected == "any":
        return value is not None
    return value in expected if isinstance(expected, list) else bool(value == expected)


def _placeholders(file: ImageFile, first: ImageFile) -> dict[str, str]:
    width, height = first.facts.upright or (0, 0)
    values = {
        "file": str(file.path),
        "first": str(first.path),
        "png": file.fixed_path(".png"),
        "jpg": file.fixed_path(".jpg"),
        "named": file.fixed_path(f".{file.facts.real_type.removeprefix('image/')}"),
        "width": width,
        "height": height,
        "side": min(file.facts.upright or (0, 0)),
    }
    return {name: repr(value) for name, value in values.items()}
