"""Explains the schema errors of a document, and removes what is invalid so that the rest can be checked."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from functools import cache
from reprlib import repr as short
from typing import TYPE_CHECKING, Any, cast

from mockserver.core import data_files
from mockserver.scenario.document import Document, LintError
from mockserver.scenario.suggest import suggest_name

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

# With these errors a mapping is incomplete, but what it has may be valid.
INCOMPLETE = ("required", "oneOf", "anyOf", "dependentRequired", "minProperties")


def find_schema_errors(document: Document, part: str) -> list[LintError]:
    violations = list(_validator(part).iter_errors(document.data))
    errors = [lint_error for error in violations for lint_error in _explain_all(document, error)]
    if errors:
        document.data, document.complete = _remove_invalid(document.data, violations), False
    return errors


@cache
def _validator(part: str) -> "Draft202012Validator":
    # Importing jsonschema takes a third of the start-up time, and built-in scenarios do not need it.
    from jsonschema import Draft202012Validator

    schema = data_files.contract("schemas/scenario.json")
    return Draft202012Validator(schema if part == "scenario" else {"$ref": f"#/$defs/{part}", "$defs": schema["$defs"]})


def _remove_invalid(data: Any, errors: Iterable["ValidationError"]) -> Any:
    root = {"": deepcopy(data)}
    for error in errors:
        path, instance = ["", *error.absolute_path], cast(Any, error.instance)
        if error.validator == "additionalProperties":
            for key in set(instance) - set(_properties(error)):
                _remove(root, [*path, key])
        elif error.validator not in INCOMPLETE:
            _remove(root, path)
    return root[""]


def _remove(root: Any, path: Sequence[Any]) -> None:
    """Remove the value at a path, together with the list that contains it. A step becomes an empty mapping."""
    value: Any = root
    holder: Any = root
    name: Any = ""
    for depth, key in enumerate(path):
        if isinstance(value, Mapping):
            if key not in value:
                return
            holder, name = value, key
        elif path[:depth] == ["", "steps"]:
            holder, name = value, key
        value = value[key]
    if holder is root or isinstance(holder, list):
        holder[name] = {}
    else:
        del holder[name]


def _explain_all(document: Document, error: "ValidationError") -> Iterator[LintError]:
    if error.validator != "additionalProperties":
        yield document.error_at(error.absolute_path, _explain(error))
        return
    properties = _properties(error)
    expected = ", ".join(properties) or "no keys here"
    for key, line in document.keys(error.absolute_path).items():
        if key not in properties:
            message = f"{short(key)}: unknown key{suggest_name(key, properties)}; expected {expected}"
            yield document.error_at(error.absolute_path, message, line)


def _properties(error: "ValidationError") -> Mapping[str, Any]:
    return error.schema.get("properties", {}) if isinstance(error.schema, Mapping) else {}


def _explain(error: "ValidationError") -> str:
    limit: Any = error.validator_value
    value: Any = error.instance
    known = ", ".join(_properties(error))
    match error.validator:
        case "required":
            missing = next(key for key in limit if key not in value)
            return f"the key {missing!r} is missing; expected keys are {known or missing}"
        case "oneOf":
            return f"expected exactly one of {', '.join(repr(option['required'][0]) for option in limit)}"
        case "anyOf":
            missing, other = (option["required"][0] for option in limit)
            return f"the key {missing!r} or {other!r} is missing; expected keys are {known}"
        case "type":
            types = limit if isinstance(limit, str) else " or ".join(limit)
            return f"{short(value)} has the wrong type; expected {types}"
        case "enum":
            options = ", ".join(map(str, limit))
            return f"{short(value)} is unknown{suggest_name(value, limit)}; expected one of {options}"
    return f"{short(value)} is invalid; expected {error.validator} {limit}"
