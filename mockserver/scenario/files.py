"""Reads scenario files and says which line of one is wrong, and what was expected. Runs nothing."""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from reprlib import repr as short
from typing import Any, cast

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from mockserver import resources
from mockserver.contract import catalogue
from mockserver.contract.asof import as_of
from mockserver.scenario.machine import Scenario, build

BYTES = 1_048_576
NODES = 100_000
DEPTH = 50
# JSON's types, and the key that merges one mapping into another.
TAGS = {
    yaml.MappingNode: ("map",),
    yaml.SequenceNode: ("seq",),
    yaml.ScalarNode: ("str", "int", "float", "bool", "null", "merge"),
}


# Rules of contracts/models.yaml that are guesses and can be left unenforced.
RULES = ("images.animated", "images.extended_webp", "images.mismatched", "images.modes", "mask.bytes")


class ScenarioError(Exception):
    """A scenario that cannot be used; the message names file, line, place and what was expected."""


def load(name: str) -> Scenario:
    """The built-in scenario of that name, or the file at that path (anything with a slash, a dot, or on disk).

    Raises ScenarioError.
    """
    built_in = list(resources.names("scenarios", ".yaml"))
    if name in built_in:
        return parse(resources.folder("scenarios").joinpath(f"{name}.yaml").read_bytes(), f"{name}.yaml")
    path = Path(name)
    try:
        if path.is_file():
            return parse(path.read_bytes(), name)
    except OSError as error:
        raise ScenarioError(f"{name}: cannot be read: {error.strerror}") from None
    raise ScenarioError(f"there is no scenario {name!r}: expected one of {', '.join(built_in)}, or a file's path")


def parse(text: bytes, source: str) -> Scenario:
    """A scenario from YAML (or JSON) text; `source` is what messages call it. Raises ScenarioError."""
    if len(text) > BYTES:
        raise ScenarioError(f"{source}:1: is too large: expected at most {BYTES} bytes, not {len(text)}")
    try:
        _nests(text.decode("utf-8"), source)
        node = resources.LOADER(text.decode("utf-8")).get_single_node()
        _plain(node, source)
        data: Any = resources.LOADER("").construct_document(node) if node else None
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{source}:1: is not UTF-8 text: {error.reason} at byte {error.start}") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ScenarioError(f"{source}:{line}: is not YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise ScenarioError(f"{source}:1: is not YAML: {error}") from None
    for broken in sorted(_validator().iter_errors(data), key=lambda e: _line(node, e.absolute_path)):
        raise ScenarioError(f"{source}:{_line(node, broken.absolute_path)}: {_place(broken)}{_explain(broken)}")
    try:
        as_of(data.get("as_of", "any"))
    except ValueError as error:
        raise ScenarioError(f"{source}:{_line(node, ['as_of'])}: {error}") from None
    for index, name in enumerate(data.get("accept", ())):
        if name not in guesses():
            place = f"{source}:{_line(node, ['accept', index])}: accept[{index}]"
            raise ScenarioError(f"{place}: {short(name)} is no guess of ours; expected one of {', '.join(guesses())}")
    for index, step in enumerate(data["steps"]):
        if "error" in step:
            step["error"] = _family(step["error"], f"{source}:{_line(node, ['steps', index, 'error'])}")
    return build(data)


@cache
def guesses() -> tuple[str, ...]:
    """What a scenario may `accept`: families that are wholly our guess, and guessed rules of the capability table."""
    families = {row.family for row in catalogue.rows() if row.confidence == "guess" and row.provider == "openai"}
    return (*sorted(families), *RULES)


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(resources.contract("schemas/scenario.json"))


def _nests(text: str, source: str) -> None:
    """Refuse deep nesting before a tree is built: libyaml recurses without a limit and would crash the process."""
    depth = 0
    for event in cast(Iterator[Any], yaml.parse(text, Loader=resources.LOADER)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEPTH:
            raise ScenarioError(
                f"{source}:{event.start_mark.line + 1}: nests too much; expected {DEPTH} levels at most"
            )


def _plain(root: Any, source: str) -> None:
    """Refuse what is more than JSON could say, or more than anybody would write by hand."""
    maker = resources.LOADER("")
    for count, (node, depth) in enumerate(_walk(root)):
        place = f"{source}:{node.start_mark.line + 1}"
        if count > NODES or depth > DEPTH:
            raise ScenarioError(f"{place}: repeats itself too much; expected at most {NODES} values, aliases too")
        # A day is written without quotes as anybody would, and is a text to us.
        node.tag = node.tag.replace("2002:timestamp", "2002:str")
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        if kind not in TAGS[type(node)]:
            raise ScenarioError(f"{place}: {kind} has no place here; expected plain YAML, other things in quotes")
        if isinstance(node, yaml.MappingNode):
            _keys([key for key, _ in node.value], source)
        elif kind in ("int", "float", "bool"):
            try:
                finite = math.isfinite(maker.construct_object(node))
            except (ValueError, LookupError, OverflowError):
                finite = False
            if not finite:
                raise ScenarioError(f"{place}: {short(node.value)} cannot be read; expected {kind}")


def _keys(keys: Sequence[Any], source: str) -> None:
    seen = set()
    for key in keys:
        if not isinstance(key, yaml.ScalarNode) or key.value in seen:
            line = key.start_mark.line + 1
            raise ScenarioError(f"{source}:{line}: expected each key to be a plain word and to stand once")
        seen.add(key.value)


def _walk(node: Any, depth: int = 0) -> Iterator[tuple[Any, int]]:
    if node is None:
        return
    yield node, depth
    for child in node.value if isinstance(node, yaml.CollectionNode) else ():
        for part in child if isinstance(child, tuple) else (child,):
            yield from _walk(part, depth + 1)


def _line(node: Any, path: Sequence[Any]) -> int:
    """The line, from 1, of the deepest place on a path that the file has."""
    for key in path:
        if isinstance(node, yaml.MappingNode):
            # What was merged in stands first, and the last one counts.
            node = [value for name, value in node.value if name.value == key][-1]
        else:
            node = node.value[key]
    return node.start_mark.line + 1 if node else 1


def _place(error: ValidationError) -> str:
    path = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in error.absolute_path).lstrip(".")
    return f"{path}: " if path else ""


def _explain(error: ValidationError) -> str:
    wanted: Any = error.validator_value
    value: Any = error.instance
    properties = error.schema.get("properties", {}) if isinstance(error.schema, Mapping) else {}
    known = ", ".join(properties)
    match error.validator:
        case "additionalProperties":
            extra = ", ".join(sorted(map(short, set(value) - set(properties))))
            return f"{extra}: unknown key; expected {known or 'none here'}"
        case "required":
            missing = next(key for key in wanted if key not in value)
            return f"the key {missing!r} is missing; expected keys are {known or missing}"
        case "oneOf":
            return "expected exactly one of 'ok' and 'error'"
        case "type":
            return f"{short(value)} is not what belongs here; expected {wanted}"
        case "enum":
            return f"{short(value)} is unknown; expected one of {', '.join(map(str, wanted))}"
    return f"{short(value)} does not do; expected {error.validator} {wanted}"


def _family(name: str, place: str) -> str:
    found = catalogue.named(name)
    if len(found) == 1:
        return found[0]
    if found:
        raise ScenarioError(f"{place}: the code {name!r} belongs to several errors; expected one of {', '.join(found)}")
    raise ScenarioError(
        f"{place}: there is no error {short(name)}; expected a family such as {', '.join(sorted(catalogue.families()))}"
    )
