"""Parses scenario files into plain data and keeps the line of every value.

YAML is restricted to what JSON can express, so that a scenario means the same in either notation.
"""

import contextlib
import math
import re
from collections.abc import Iterator, Sequence
from reprlib import repr as short
from typing import Any, cast

import yaml

from mockserver.core import data_files

BYTES = 1_048_576
NODES = 100_000
DEPTH = 50
# JSON's types, and the key that merges one mapping into another.
TAGS = {
    yaml.MappingNode: ("map",),
    yaml.SequenceNode: ("seq",),
    yaml.ScalarNode: ("str", "int", "float", "bool", "null", "merge"),
}
# What YAML may take an unquoted key for.
PLAIN = tuple(f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "bool", "null", "timestamp"))
TEXT = "tag:yaml.org,2002:str"
# JSON writers escape a character beyond U+FFFF as two surrogates; YAML rejects both.
SURROGATES = re.compile(r"\\\\|\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})", re.IGNORECASE)


class LintError(str):
    """A mistake in a scenario, formatted as `source:line: message`; lines count from 1."""

    source: str
    line: int
    message: str

    def __new__(cls, source: str, line: int, message: str) -> "LintError":
        error = super().__new__(cls, f"{source}:{line}: {message}")
        error.source, error.line, error.message = source, line, message
        return error


class ScenarioError(Exception):
    """A scenario that cannot be used.

    `errors` are texts that name the file, the line, the key and what was expected; the first is the exception's own.
    """

    def __init__(self, *errors: str) -> None:
        super().__init__(errors[0])
        self.errors = errors


class Document:
    """The data of a file, which error messages call `source`.

    It is `complete` until invalid values have been removed from it.
    """

    def __init__(self, data: Any, source: str, node: Any) -> None:
        self.data, self.source, self._node = data, source, node
        self.complete = True

    def line(self, path: Sequence[Any]) -> int:
        line: int = self._find_node(path).start_mark.line + 1
        return line

    def keys(self, path: Sequence[Any]) -> dict[Any, int]:
        return {name.value: name.start_mark.line + 1 for name, _ in self._find_node(path).value}

    def _find_node(self, path: Sequence[Any]) -> Any:
        node = self._node
        for key in path:
            if isinstance(node, yaml.MappingNode):
                # Merged keys come first, and the last one wins.
                node = [value for name, value in node.value if name.value == key][-1]
            else:
                node = node.value[key]
        return node

    def error_at(self, path: Sequence[Any], message: str, line: int | None = None) -> LintError:
        place = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).lstrip(".")
        return LintError(self.source, line or self.line(path), f"{place and place + ': '}{message}")


class PlainData(Document):
    """Data that did not come from a file: everything is in line 1."""

    def __init__(self, data: Any) -> None:
        super().__init__(data, "", None)

    def line(self, path: Sequence[Any]) -> int:
        return 1

    def keys(self, path: Sequence[Any]) -> dict[Any, int]:
        mapping = self.data
        for key in path:
            mapping = mapping[key]
        return dict.fromkeys(mapping, 1)


def read_document(text: bytes, source: str) -> Document:
    """The data of YAML or JSON text. Raises ScenarioError for other text and for text that exceeds the limits."""
    if len(text) > BYTES:
        raise ScenarioError(LintError(source, 1, f"is too large: expected at most {BYTES} bytes, got {len(text)}"))
    try:
        decoded = SURROGATES.sub(_join_surrogates, text.decode("utf-8"))
        _check_depth(decoded, source)
        node = data_files.LOADER(decoded).get_single_node()
        if node is None:
            raise ScenarioError(LintError(source, 1, "is empty; expected object"))
        _check_nodes(node, source)
        data: Any = data_files.LOADER("").construct_document(node)
    except UnicodeDecodeError as error:
        raise ScenarioError(LintError(source, 1, f"is not UTF-8 text: {error.reason} at byte {error.start}")) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ScenarioError(LintError(source, line, f"is not YAML: {error.problem}")) from None
    except yaml.YAMLError as error:
        raise ScenarioError(LintError(source, 1, f"is not YAML: {' '.join(str(error).split())}")) from None
    return Document(data, source, node)


def _join_surrogates(match: re.Match[str]) -> str:
    return bytes.fromhex(match[1] + match[2]).decode("utf-16-be") if match[1] else match[0]


def _check_depth(text: str, source: str) -> None:
    """Reject deep nesting before a tree is built: libyaml recurses without a limit and would crash the process."""
    try:
        _count_levels(text, source)
    except yaml.MarkedYAMLError as error:
        # The scanner reads ahead of the events, and some versions of libyaml give up there at a limit of their own. All
        # levels before that place were accepted, so they can be counted.
        accepted = max(0, error.problem_mark.index - 1) if error.problem_mark else 0
        with contextlib.suppress(yaml.YAMLError):
            _count_levels(text[:accepted], source)
        raise


def _count_levels(text: str, source: str) -> None:
    depth = 0
    for event in cast(Iterator[Any], yaml.parse(text, Loader=data_files.LOADER)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEPTH:
            line = event.start_mark.line + 1
            raise ScenarioError(LintError(source, line, f"is nested too deeply; expected at most {DEPTH} levels"))


def _check_nodes(root: Any, source: str) -> None:
    """Reject values that JSON cannot express, and documents whose aliases expand to too many values."""
    loader = data_files.LOADER("")
    for count, (node, depth) in enumerate(_walk(root)):
        line = node.start_mark.line + 1
        if count > NODES or depth > DEPTH:
            message = f"has too many values; expected at most {NODES}, with every alias expanded"
            raise ScenarioError(LintError(source, line, message))
        # An unquoted date stays text.
        node.tag = node.tag.replace("2002:timestamp", "2002:str")
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        if kind not in TAGS[type(node)]:
            message = f"the YAML type {kind} is not supported; expected plain YAML, with any other value in quotes"
            raise ScenarioError(LintError(source, line, message))
        if isinstance(node, yaml.MappingNode):
            _check_keys([key for key, _ in node.value], source)
        elif kind in ("int", "float", "bool"):
            try:
                is_finite = math.isfinite(loader.construct_object(node))
            except (ValueError, LookupError, OverflowError):
                is_finite = False
            if not is_finite:
                raise ScenarioError(LintError(source, line, f"{short(node.value)} cannot be read; expected {kind}"))


def _check_keys(keys: Sequence[Any], source: str) -> None:
    """Reject keys that are not scalars or are repeated. Keys are text, as in JSON, also `on` and 404."""
    seen = set()
    for key in keys:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise ScenarioError(LintError(source, line, "expected each key to be a plain word"))
        if key.value in seen:
            raise ScenarioError(LintError(source, line, f"{short(key.value)}: repeated key; expected it once"))
        seen.add(key.value)
        if key.tag in PLAIN:
            key.tag = TEXT


def _walk(node: Any, depth: int = 0) -> Iterator[tuple[Any, int]]:
    yield node, depth
    for child in node.value if isinstance(node, yaml.CollectionNode) else ():
        for part in child if isinstance(child, tuple) else (child,):
            yield from _walk(part, depth + 1)
