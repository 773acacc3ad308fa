"""Finds scenario files, reads them with what they build on, and says which line of one is wrong. Runs nothing."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from mockserver.core import data_files
from mockserver.scenario import lint
from mockserver.scenario.document import Document, LintError, read_document
from mockserver.scenario.document import ScenarioError as ScenarioError
from mockserver.scenario.machine import Scenario, build

# How many files may build on each other.
DEPTH = 8
PICTURE_BYTES = 32 * 1024 * 1024
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
EDITORS = re.compile(r"^# yaml-language-server:.*\n", re.MULTILINE)
Data = dict[str, Any]
# The bytes of files, by their whole paths.
Pictures = dict[str, bytes]


def load(scenario: str | Path) -> Scenario:
    """The built-in scenario of that name, or the file at that path (anything with a slash, a dot, or on disk).

    Raises ScenarioError.
    """
    name = str(scenario)
    if name in built_in_names():
        return _built_in(name)
    path = Path(name)
    try:
        if path.is_file():
            return parse(path.read_bytes(), name, path.resolve().parent, (str(path.resolve()),))
    except OSError as error:
        raise ScenarioError(f"{name}: cannot be read: {error.strerror}") from None
    raise ScenarioError(_unknown(name, ", or a file's path"))


def find_errors(path: Path) -> list[LintError]:
    """What is wrong with a file, and with those that it builds on. Raises OSError when it cannot be read."""
    try:
        parse(path.read_bytes(), str(path), path.resolve().parent, (str(path.resolve()),))
    except ScenarioError as error:
        return [fault for fault in error.faults if isinstance(fault, LintError)]
    return []


def find_scenario(name: str, folder: Path | None) -> Scenario:
    """The built-in scenario of that name, or the file NAME.yaml in a folder. Raises ScenarioError; takes no paths."""
    path = folder / f"{name}.yaml" if folder and NAME.fullmatch(name) else None
    if name not in built_in_names() and path and path.is_file():
        return load(str(path))
    if name not in built_in_names():
        raise ScenarioError(_unknown(name, ", or one in the folder of the server's own" if folder else ""))
    return _built_in(name)


def built_in_names() -> list[str]:
    """The names of the scenarios that come along, sorted."""
    return list(data_files.names("scenarios", ".yaml"))


def read_built_in(name: str) -> str:
    """The file of a built-in scenario, to copy: without what it tells editors, which holds where it lies alone.

    Raises ScenarioError.
    """
    if name not in built_in_names():
        raise ScenarioError(_unknown(name, ""))
    return EDITORS.sub("", _bytes(name).decode("utf-8"))


def parse(
    text: bytes, source: str, folder: Path | None = None, seen: tuple[str, ...] = (), shaped: bool = False
) -> Scenario:
    """A scenario from YAML (or JSON) text; `source` is what messages call it.

    `folder` is where its files lie, if anywhere; `seen` are the files that build on this one, itself included. What is
    known to be `shaped` by the schema is not held against it. Raises ScenarioError.
    """
    document = read_document(text, source)
    data, pictures = _whole(document, lint.find_errors(document, shaped=shaped), folder, seen)
    return build(data, pictures, folder)


def parse_part(text: bytes, source: str, part: str) -> Data:
    """The data of a `step` or of a `verify`, which stand alone. Raises ScenarioError."""
    document = read_document(text, source)
    found = lint.find_errors(document, part)
    if found:
        raise ScenarioError(*found)
    data: Data = document.data
    return data


def _whole(
    document: Document, found: list[LintError], folder: Path | None, seen: tuple[str, ...]
) -> tuple[Data, Pictures]:
    """A file's data laid over that which it builds on, and the files that it names.

    Raises ScenarioError: for what was `found` before, for what is wrong with those, and, where there is nothing of that
    kind that could hide it, for what is wrong with the steps together.
    """
    data: Data = dict(document.data)
    absent, pictures = _pictures(document, folder)
    found, whole = [*found, *absent], document.whole
    if "extends" in data:
        try:
            base, more = _base(data.pop("extends"), folder, seen)
            data = {**base, **data, "steps": [*data.get("steps", ()), *base["steps"]]}
            pictures |= more
        except ValueError as error:
            found.append(document.at(["extends"], str(error)))
            whole = False
        except ScenarioError as error:
            found.extend(fault for fault in error.faults if isinstance(fault, LintError))
            whole = False
    if whole:
        found.extend(document.at(["steps"], words) for words in lint.check_steps(data["steps"]))
    if found:
        raise ScenarioError(*sorted(found, key=lambda fault: (fault.source != document.source, fault.line)))
    return data, pictures


def _base(name: str, folder: Path | None, seen: tuple[str, ...]) -> tuple[Data, Pictures]:
    """What a file builds on. Raises ValueError when it cannot be had, ScenarioError when it is wrong itself."""
    path = None if name in built_in_names() else _within(name, folder)
    key = str(path or name)
    if key in seen:
        raise ValueError(f"{name!r} builds on itself, by way of {len(seen)} files; expected an end")
    if len(seen) >= DEPTH:
        raise ValueError(f"{name!r} would be file {len(seen) + 1} that builds on another; expected {DEPTH} at most")
    document = read_document(path.read_bytes() if path else _bytes(name), path.name if path else f"{name}.yaml")
    return _whole(document, lint.find_errors(document), path and path.parent, (*seen, key))


def _pictures(document: Document, folder: Path | None) -> tuple[list[LintError], Pictures]:
    """Faults, and the files that steps and URLs name; the names in the data become whole paths."""
    found: list[LintError] = []
    pictures: Pictures = {}
    for holder, key, place in _named(document.data):
        name = holder[key]
        try:
            path = _within(name, folder)
            holder[key] = str(path)
            pictures[str(path)] = path.read_bytes()
            if sum(map(len, pictures.values())) > PICTURE_BYTES:
                raise ValueError(f"too large with the others; expected {PICTURE_BYTES} bytes at most in all")
        except (OSError, ValueError) as error:
            found.append(document.at(place, f"{name!r}: {error}"))
    return found, pictures


def _named(data: Data) -> Iterator[tuple[Any, Any, list[Any]]]:
    """Where files are named: what holds the name, under which key, and the place in the document."""
    for index, step in enumerate(data.get("steps", ())):
        names = step.get("ok", {}).get("pictures", [])
        yield from ((names, place, ["steps", index, "ok", "pictures", place]) for place in range(len(names)))
    urls = data.get("urls", {})
    yield from ((urls, url, ["urls", url]) for url in urls)


def _within(name: str, folder: Path | None) -> Path:
    """The file of that name in a folder. Raises ValueError where there is none."""
    if folder is None:
        raise ValueError(f"{name!r} cannot be found: this has no folder in which files could lie")
    path = (folder / name).resolve()
    if not path.is_relative_to(folder) or not path.is_file():
        raise ValueError(f"{name!r} is no file in the folder of this one, {folder}")
    return path


@cache
def _built_in(name: str) -> Scenario:
    return parse(_bytes(name), f"{name}.yaml", None, (name,), shaped=True)


def _bytes(name: str) -> bytes:
    return data_files.folder("scenarios").joinpath(f"{name}.yaml").read_bytes()


def _unknown(name: str, more: str) -> str:
    return f"there is no scenario {name[:100]!r}: expected one of {', '.join(built_in_names())}{more}"
