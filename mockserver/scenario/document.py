"""Reads the text of scenario files as plain data, and knows in which line each value stands. Judges no meaning."""

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
# What a plain word may be taken for, and a text.
PLAIN = tuple(f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "bool", "null", "timestamp"))
TEXT = "tag:yaml.org,2002:str"
# Half of a character each, as programs write those beyond the first 65536 in JSON; YAML would take none of them.
HALVES = re.compile(r"\\\\|\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})", re.IGNORECASE)


class LintError(str):
    """What is wrong in one place of a text, in a line; `source`, `line` (from 1) and `words` are its parts."""

    source: str
    line: int
    words: str

    def __new__(cls, source: str, line: int, words: str) -> "LintError":
        """The line that a reader gets: `source:line: words`."""
        made = super().__new__(cls, f"{source}:{line}: {words}")
        made.source, made.line, made.words = source, line, words
        return made


class ScenarioError(Exception):
    """A scenario that cannot be used. `faults` are lines that name file, line, place and what was expected."""

    def __init__(self, *faults: str) -> None:
        super().__init__(faults[0])
        self.faults = faults


class Document:
    """The data of a text, which messages call `source`; `line` finds where in it a value stands.

    It is `whole` unless what was wrong has been taken out.
    """

    def __init__(self, data: Any, source: str, node: Any) -> None:
        self.data, self.source, self._node = data, source, node
        self.whole = True

    def line(self, path: Sequence[Any]) -> int:
        """The line, from 1, of the value at a path."""
        line: int = self._at(path).start_mark.line + 1
        return line

    def keys(self, path: Sequence[Any]) -> dict[Any, int]:
        """The keys of the mapping at a path, with their lines."""
        return {name.value: name.start_mark.line + 1 for name, _ in self._at(path).value}

    def _at(self, path: Sequence[Any]) -> Any:
        node = self._node
        for key in path:
            if isinstance(node, yaml.MappingNode):
                # What was merged in stands first, and the last one counts.
                node = [value for name, value in node.value if name.value == key][-1]
            else:
                node = node.value[key]
        return node

    def at(self, path: Sequence[Any], words: str, line: int | None = None) -> LintError:
        """A fault at a place, in one line; `line` is another than that of the place."""
        place = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).lstrip(".")
        return LintError(self.source, line or self.line(path), f"{place and place + ': '}{words}")


class PlainData(Document):
    """Data that a program gave, which has no lines."""

    def __init__(self, data: Any) -> None:
        super().__init__(data, "", None)

    def line(self, path: Sequence[Any]) -> int:
        """Always 1."""
        return 1

    def keys(self, path: Sequence[Any]) -> dict[Any, int]:
        """The keys of the mapping at a path."""
        found = self.data
        for key in path:
            found = found[key]
        return dict.fromkeys(found, 1)


def read_document(text: bytes, source: str) -> Document:
    """The data of YAML (or JSON) text. Raises ScenarioError for what is neither, or more than anybody would write."""
    if len(text) > BYTES:
        raise ScenarioError(LintError(source, 1, f"is too large: expected at most {BYTES} bytes, not {len(text)}"))
    try:
        words = HALVES.sub(_whole, text.decode("utf-8"))
        _nests(words, source)
        node = data_files.LOADER(words).get_single_node()
        if node is None:
            raise ScenarioError(LintError(source, 1, "is empty; expected object"))
        _plain(node, source)
        data: Any = data_files.LOADER("").construct_document(node)
    except UnicodeDecodeError as error:
        raise ScenarioError(LintError(source, 1, f"is not UTF-8 text: {error.reason} at byte {error.start}")) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ScenarioError(LintError(source, line, f"is not YAML: {error.problem}")) from None
    except yaml.YAMLError as error:
        raise ScenarioError(LintError(source, 1, f"is not YAML: {' '.join(str(error).split())}")) from None
    return Document(data, source, node)


def _whole(halves: re.Match[str]) -> str:
    return bytes.fromhex(halves[1] + halves[2]).decode("utf-16-be") if halves[1] else halves[0]


def _nests(text: str, source: str) -> None:
    """Refuse deep nesting before a tree is built: libyaml recurses without a limit and would crash the process."""
    depth = 0
    for event in cast(Iterator[Any], yaml.parse(text, Loader=data_files.LOADER)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEPTH:
            line = event.start_mark.line + 1
            raise ScenarioError(LintError(source, line, f"nests too much; expected {DEPTH} levels at most"))


def _plain(root: Any, source: str) -> None:
    """Refuse what is more than JSON could say, or more than anybody would write by hand."""
    maker = data_files.LOADER("")
    for count, (node, depth) in enumerate(_walk(root)):
        line = node.start_mark.line + 1
        if count > NODES or depth > DEPTH:
            raise ScenarioError(
                LintError(source, line, f"repeats itself too much; expected at most {NODES} values, aliases too")
            )
        # A day is written without quotes as anybody would, and is a text to us.
        node.tag = node.tag.replace("2002:timestamp", "2002:str")
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        if kind not in TAGS[type(node)]:
            raise ScenarioError(
                LintError(source, line, f"{kind} has no place here; expected plain YAML, other things in quotes")
            )
        if isinstance(node, yaml.MappingNode):
            _keys([key for key, _ in node.value], source)
        elif kind in ("int", "float", "bool"):
            try:
                finite = math.isfinite(maker.construct_object(node))
            except (ValueError, LookupError, OverflowError):
                finite = False
            if not finite:
                raise ScenarioError(LintError(source, line, f"{short(node.value)} cannot be read; expected {kind}"))


def _keys(keys: Sequence[Any], source: str) -> None:
    """Refuse keys that are no words, or stand twice. They are texts, as in JSON: `on` is no truth, 404 no number."""
    seen = set()
    for key in keys:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise ScenarioError(LintError(source, line, "expected each key to be a plain word"))
        if key.value in seen:
            raise ScenarioError(LintError(source, line, f"{short(key.value)}: the key stands twice; expected it once"))
        seen.add(key.value)
        if key.tag in PLAIN:
            key.tag = TEXT


def _walk(node: Any, depth: int = 0) -> Iterator[tuple[Any, int]]:
    yield node, depth
    for child in node.value if isinstance(node, yaml.CollectionNode) else ():
        for part in child if isinstance(child, tuple) else (child,):
            yield from _walk(part, depth + 1)
