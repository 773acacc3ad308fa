"""Finds scenario files, reads them together with the files that they extend, and reports mistakes by line."""

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

# Files that may extend each other.
DEPTH = 8
PICTURE_BYTES = 32 * 1024 * 1024
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
EDITORS = re.compile(r"^# yaml-language-server:.*\n", re.MULTILINE)
Data = dict[str, Any]
# The bytes of image files, by absolute path.
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
    try:
        parse(path.read_bytes(), str(path), path.resolve().parent, (str(path.resolve()),))
    except ScenarioError as error:
        return [lint_error for lint_error in error.errors if isinstance(lint_error, LintError)]
    return []


def find_scenario(name: str, folder: Path | None) -> Scenario:
    """The built-in scenario of that name, or NAME.yaml in a folder; never a path. Raises ScenarioError."""
    path = folder / f"{name}.yaml" if folder and NAME.fullmatch(name) else None
    if name not in built_in_names() and path and path.is_file():
        return load(str(path))
    if name not in built_in_names():
        raise ScenarioError(_unknown(name, ", or a file in the folder of the server's scenario" if folder else ""))
    return _built_in(name)


def built_in_names() -> list[str]:
    return list(data_files.names("scenarios", ".yaml"))


def read_built_in(name: str) -> str:
    """Return the text of a built-in scenario, to copy. Raises ScenarioError.

    The editor's schema comment is omitted: its relative path is valid only in the original folder.
    """
    if name not in built_in_names():
        raise ScenarioError(_unknown(name, ""))
    return EDITORS.sub("", _bytes(name).decode("utf-8"))


def parse(
    text: bytes, source: str, folder: Path | None = None, seen: tuple[str, ...] = (), is_valid: bool = False
) -> Scenario:
    """A scenario from YAML or JSON text, which error messages call `source`. Raises ScenarioError.

    `folder` is where its files are, if anywhere; `seen` are the files that extend this one, itself included.
    `is_valid` skips the schema for text that is known to satisfy it.
    """
    document = read_document(text, source)
    data, pictures = _resolve(document, lint.find_errors(document, is_valid=is_valid), folder, seen)
    return build(data, pictures, folder)


def parse_part(text: bytes, source: str, part: str) -> Data:
    document = read_document(text, source)
    errors = lint.find_errors(document, part)
    if errors:
        raise ScenarioError(*errors)
    data: Data = document.data
    return data


def _resolve(
    document: Document, errors: list[LintError], folder: Path | None, seen: tuple[str, ...]
) -> tuple[Data, Pictures]:
    """A file's data merged over the data that it extends, and the image files that it names.

    Raises ScenarioError for the given `errors`, for mistakes in the other files, and, if nothing was
    removed that could matter there, for mistakes in the steps taken together.
    """
    data: Data = dict(document.data)
    picture_errors, pictures = _read_pictures(document, folder)
    errors, complete = [*errors, *picture_errors], document.complete
    if "extends" in data:
        try:
            base, base_pictures = _read_base(data.pop("extends"), folder, seen)
            data = {**base, **data, "steps": [*data.get("steps", ()), *base["steps"]]}
            pictures |= base_pictures
        except ValueError as error:
            errors.append(document.error_at(["extends"], str(error)))
            complete = False
        except ScenarioError as error:
            errors.extend(inner for inner in error.errors if isinstance(inner, LintError))
            complete = False
    if complete:
        errors.extend(document.error_at(["steps"], message) for message in lint.check_steps(data["steps"]))
    if errors:
        raise ScenarioError(*sorted(errors, key=lambda error: (error.source != document.source, error.line)))
    return data, pictures


def _read_base(name: str, folder: Path | None, seen: tuple[str, ...]) -> tuple[Data, Pictures]:
    path = None if name in built_in_names() else _find_file(name, folder)
    key = str(path or name)
    if key in seen:
        raise ValueError(f"{name!r} extends itself through {len(seen)} files; remove one `extends`")
    if len(seen) >= DEPTH:
        raise ValueError(f"{name!r} is file {len(seen) + 1} of a chain of `extends`; expected at most {DEPTH}")
    document = read_document(path.read_bytes() if path else _bytes(name), path.name if path else f"{name}.yaml")
    return _resolve(document, lint.find_errors(document), path and path.parent, (*seen, key))


def _read_pictures(document: Document, folder: Path | None) -> tuple[list[LintError], Pictures]:
    errors: list[LintError] = []
    pictures: Pictures = {}
    for holder, key, place in _file_names(document.data):
        name = holder[key]
        try:
            path = _find_file(name, folder)
            holder[key] = str(path)
            pictures[str(path)] = path.read_bytes()
            if sum(map(len, pictures.values())) > PICTURE_BYTES:
                raise ValueError(f"all image files together are too large; expected at most {PICTURE_BYTES} bytes")
        except (OSError, ValueError) as error:
            errors.append(document.error_at(place, str(error)))
    return errors, pictures


def _file_names(data: Data) -> Iterator[tuple[Any, Any, list[Any]]]:
    for index, step in enumerate(data.get("steps", ())):
        names = step.get("ok", {}).get("pictures", [])
        yield from ((names, place, ["steps", index, "ok", "pictures", place]) for place in range(len(names)))
    urls = data.get("urls", {})
    yield from ((urls, url, ["urls", url]) for url in urls)


def _find_file(name: str, folder: Path | None) -> Path:
    if folder is None:
        raise ValueError(f"{name!r} cannot be found: a scenario without a file has no folder")
    path = (folder / name).resolve()
    if not path.is_relative_to(folder) or not path.is_file():
        raise ValueError(f"{name!r} is not a file in the folder of this file, {folder}")
    return path


@cache
def _built_in(name: str) -> Scenario:
    return parse(_bytes(name), f"{name}.yaml", None, (name,), is_valid=True)


def _bytes(name: str) -> bytes:
    return data_files.folder("scenarios").joinpath(f"{name}.yaml").read_bytes()


def _unknown(name: str, more: str) -> str:
    return f"there is no scenario {name[:100]!r}; expected one of {', '.join(built_in_names())}{more}"
