"""Checks the fields of a request against a JSON Schema and a model's row, in the order in which the API does.

The schema's keyword that fails names the catalogue's family, so no parameter needs code of its own.
"""

import re
from collections.abc import Callable, Collection, Mapping
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from mockserver.contract import form, sizes
from mockserver.contract.asof import AsOf
from mockserver.contract.capabilities import Capability
from mockserver.contract.catalogue import Problem, join_quoted
from mockserver.core import data_files
from mockserver.core.request import Part

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

KEYWORDS = {
    "additionalProperties": "unknown-parameter",
    "enum": "not-in-enum",
    "maximum": "above-maximum",
    "maxItems": "array-too-long",
    "maxLength": "string-too-long",
    "maxProperties": "unknown-parameter",
    "minimum": "below-minimum",
    "minItems": "empty-array",
    "minLength": "empty-string",
    "minProperties": "missing-parameter",
    "required": "missing-parameter",
    "type": "invalid-type",
}
# How the API names the type of a schema, and of a value.
ARTICLES = {
    "array": "an array",
    "boolean": "a boolean",
    "integer": "an integer",
    "object": "an object",
    "string": "a string",
}
KINDS: tuple[tuple[type, str], ...] = (
    (bool, "a boolean"),
    (int, "an integer"),
    (float, "a decimal number"),
    (str, "a string"),
    (list, "an array"),
    (dict, "an object"),
    (Part, "a file"),
)
INTEGER = re.compile(r"-?[0-9]{1,4000}", re.ASCII)


class RequestSchema:
    """The parameters of a request body (a file of contracts/schemas/), for one model on one date."""

    def __init__(self, name: str, capability: Capability, as_of: AsOf) -> None:
        from jsonschema import Draft202012Validator  # not at start-up, which it would delay

        base = data_files.contract(f"schemas/{name}.json")
        self.capability = capability
        self.is_form = name.endswith(("-form", "-query"))
        self.required = frozenset(base["required"])
        self.properties: dict[str, dict[str, Any]] = {}
        for param, schema in base["properties"].items():
            since, overlay = schema.get("x-since"), capability.parameter_schema(param.partition("[")[0])
            if overlay is not False and as_of.holds(since and date.fromisoformat(since), None):
                self.properties[param] = overlay | schema if base.get("x-wins") else schema | overlay
        # The capability table has already decided whether the model exists.
        self.properties.get("model", {}).pop("enum", None)
        self._validators = {param: Draft202012Validator(schema) for param, schema in self.properties.items()}

    @property
    def defaults(self) -> dict[str, Any]:
        return {param: schema["default"] for param, schema in self.properties.items() if "default" in schema}

    def check(self, fields: Mapping[str, Any], accept: Collection[str] = ()) -> dict[str, Any]:
        """Typed parameters without defaults and nulls; files as lists of parts.

        `accept` names guessed families that are not enforced. Raises the Problem that the API would report first.
        """
        for param in fields:
            if param not in self.properties:
                raise Problem(self._unknown_family(param), param=param)
        typed: dict[str, Any] = {}
        for param, schema in self.properties.items():
            if param not in fields:
                if param in self.required:
                    raise Problem("missing-parameter", param=param)
            elif schema.get("format") == "binary":
                typed[param] = form.check_files(param, fields[param], self.capability.row["images"], accept)
            elif fields[param] is not None or "null" not in schema_types(schema):
                typed[param] = self._convert(param, fields[param])
        typed = nest_fields(typed)
        self._check_size(typed, accept)
        return typed

    def check_one(self, param: str, field: Any) -> dict[str, Any]:
        typed: dict[str, Any] = {}
        if self.properties[param].get("format") == "binary":
            typed[param] = [part for part in (field if isinstance(field, list) else [field]) if isinstance(part, Part)]
        elif field is not None:
            typed[param] = self._convert(param, field)
        typed = nest_fields(typed)
        self._check_size(typed, ())
        return typed

    def _unknown_family(self, param: str) -> str:
        if self.is_form and param == "images":
            return "multipart-images-key"
        if "images" in self.properties and param.removesuffix("[]") == "image":
            return "json-image-key"
        return "unknown-parameter"

    def _check_size(self, typed: Mapping[str, Any], accept: Collection[str]) -> None:
        rule, size = self.capability.row.get("size_rule"), typed.get("size")
        if rule and size not in (None, self.properties["size"]["default"]):
            sizes.check(size, rule, accept, self.capability.grid(typed))

    def _convert(self, param: str, field: Any) -> Any:
        schema = self.properties[param]
        value = coerce(field, schema) if self.is_form else field
        errors = list(self._validators[param].iter_errors(value))
        # A value of the wrong type violates other keywords too; the API reports only its type.
        for error in sorted(errors, key=lambda e: (len(e.path), e.validator != "type")):
            raise self._build_problem(param, error)
        if any(isinstance(item, Part) for item in (value if isinstance(value, list) else [value])):
            raise Problem("invalid-type", param=param, expected="a string", got="a file")  # a parameter of any type
        if "integer" in schema_types(schema):
            value = int(value)  # JSON Schema accepts 1.0 as an integer
        return value

    def _build_problem(self, param: str, error: "ValidationError") -> Problem:
        keyword, value = str(error.validator), cast(Any, error.instance)
        limit: Any = error.validator_value
        schema: Any = error.schema
        path = dotted_name(param) + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in error.path)
        facts: dict[str, Any] = {"param": path, "value": value}
        if keyword == "type":
            facts |= {"expected": describe_schema(schema), "got": describe_type(value)}
            return Problem("not-convertible" if self.is_form and isinstance(value, str) else "invalid-type", **facts)
        if keyword in OFFENDING_KEYS:
            facts["param"] = f"{path}.{OFFENDING_KEYS[keyword](value, schema)}"
        elif keyword == "enum":
            values = known_values(schema)
            facts |= {"values": join_quoted(values, "and"), "values_python": repr(values)}
        else:
            facts |= {"minimum": limit, "maximum": limit, "length": len(value) if isinstance(value, str | list) else 0}
        return Problem(KEYWORDS[keyword], **facts)


@cache
def compile_schema(name: str, capability: Capability, as_of: AsOf) -> RequestSchema:
    return RequestSchema(name, capability, as_of)


def dotted_name(param: str) -> str:
    """A form's `a[b][c]` as the API's messages name it: `a.b.c` (S15 of contracts/models.yaml)."""
    return param.replace("][", ".").replace("[", ".").rstrip("]")


def nest_fields(typed: Mapping[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for param, value in typed.items():
        *path, last = dotted_name(param).split(".")
        mapping = nested
        for key in path:
            mapping = mapping.setdefault(key, {})
        mapping[last] = value
    return nested


def schema_types(schema: Mapping[str, Any]) -> list[str]:
    kind = schema.get("type", ["null"])
    return [kind] if isinstance(kind, str) else list(kind)


def known_values(schema: Mapping[str, Any]) -> list[str]:
    return [value for value in schema["enum"] if value is not None]


def describe_schema(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return f"one of {join_quoted(known_values(schema), 'or')}"
    kind = next(kind for kind in schema_types(schema) if kind != "null")
    return ARTICLES[kind] + (" of objects" if "properties" in schema.get("items", {}) else "")


def describe_type(value: Any) -> str:
    return next((words for kind, words in KINDS if isinstance(value, kind)), "null")


def coerce(field: Any, schema: Mapping[str, Any]) -> Any:
    if isinstance(field, str):
        if "integer" in schema_types(schema) and INTEGER.fullmatch(field):
            return int(field)
        if "boolean" in schema_types(schema):
            return {"true": True, "false": False}.get(field, field)
    return field


# The key that the error of an object names: a missing one, or an extra one. Which of two sources of one image the API
# names is a guess.
OFFENDING_KEYS: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], str]] = {
    "required": lambda value, schema: next(key for key in schema["required"] if key not in value),
    "additionalProperties": lambda value, schema: next(key for key in value if key not in schema["properties"]),
    "minProperties": lambda value, schema: next(iter(schema["properties"])),
    "maxProperties": lambda value, schema: list(value)[-1],
}
