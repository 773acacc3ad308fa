"""Reads scenario files and says which line of one is wrong, and what was expected. Runs nothing."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from mockserver import resources
from mockserver.contract import catalogue
from mockserver.scenario.machine import Scenario, build

BYTES = 1_048_576
NODES = 100_000


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
    if not path.is_file():
        raise ScenarioError(f"there is no scenario {name!r}: expected one of {', '.join(built_in)}, or a file's path")
    try:
        return parse(path.read_bytes(), name)
    except OSError as error:
        raise ScenarioError(f"{name}: cannot be read: {error.strerror}") from None


def parse(text: bytes, source: str) -> Scenario:
    """A scenario from YAML (or JSON) text; `source` is what messages call it. Raises ScenarioError."""
    if len(text) > BYTES:
        raise ScenarioError(f"{source}: a scenario has at most {BYTES} bytes, this one has {len(text)}")
    node = _compose(text, source)
    data: Any = resources.LOADER("").construct_document(node) if node else None
    for error in sorted(_validator().iter_errors(data), key=lambda e: list(map(str, e.absolute_path))):
        error = best_match([error]) if error.context else error
        raise ScenarioError(f"{source}:{_line(node, error.absolute_path)}: {_place(error)}{_explain(error)}")
    for index, step in enumerate(data["steps"]):
        if "error" in step:
            step["error"] = _family(step["error"], f"{source}:{_line(node, ['steps', index, 'error'])}")
    return build(data)


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(resources.contract("schemas/scenario.json"))


def _compose(text: bytes, source: str) -> Any:
    try:
        loader = resources.LOADER(text.decode("utf-8"))
        node = loader.get_single_node()
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{source}: is not UTF-8 text: {error.reason} at byte {error.start}") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ScenarioError(f"{source}:{line}: is not YAML: {error.problem}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise ScenarioError(f"{source}:1: is not YAML: {error}") from None
    for count, (child, depth) in enumerate(_walk(node)):
        if count > NODES or depth > 50:
            raise ScenarioError(f"{source}:{child.start_mark.line + 1}: the file nests or repeats itself too much")
        if isinstance(child, yaml.MappingNode):
            keys = [key.value for key, _ in child.value if isinstance(key, yaml.ScalarNode)]
            for key, _ in child.value:
                if not isinstance(key, yaml.ScalarNode) or keys.count(key.value) > 1:
                    line = key.start_mark.line + 1
                    raise ScenarioError(f"{source}:{line}: each key is a plain word and stands once in its mapping")
    return node


def _walk(node: Any, depth: int = 0) -> Iterator[tuple[Any, int]]:
    if node is None:
        return
    yield node, depth
    if depth > 50:
        return
    for child in node.value if isinstance(node, yaml.CollectionNode) else ():
        for part in child if isinstance(child, tuple) else (child,):
            yield from _walk(part, depth + 1)


def _line(node: Any, path: Sequence[Any]) -> int:
    """The line, from 1, of the deepest place on a path that the file has."""
    for key in path:
        if isinstance(node, yaml.MappingNode):
            node = next(value for name, value in node.value if name.value == key)
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
            extra = ", ".join(map(str, set(value) - set(properties)))
            return f"{extra}: unknown key; expected {known or 'none here'}"
        case "required":
            missing = next(key for key in wanted if key not in value)
            return f"the key {missing!r} is missing; expected keys are {known or missing}"
        case "oneOf":
            return "expected exactly one of 'ok' and 'error'"
        case "type":
            return f"{value!r} is not what belongs here; expected {wanted}"
        case "enum":
            return f"{value!r} is unknown; expected one of {', '.join(map(str, wanted))}"
    return f"{error.message}; expected {error.validator} {wanted}"


def _family(name: str, place: str) -> str:
    found = catalogue.named(name)
    if len(found) == 1:
        return found[0]
    if found:
        raise ScenarioError(f"{place}: the code {name!r} belongs to several errors; expected one of {', '.join(found)}")
    raise ScenarioError(
        f"{place}: there is no error {name!r}; expected a family such as {', '.join(sorted(catalogue.families()))}"
    )
