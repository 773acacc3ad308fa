"""The shape of a request: fields to typed parameters, in the order in which the API checks them.

Which parameter is legal, and how it is refused, is read from a JSON Schema and a model's row: a keyword of the
schema names the catalogue's family, so a parameter that no example lists is refused as its family is.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from mockserver import resources
from mockserver.contract.asof import AsOf
from mockserver.contract.capabilities import Capability
from mockserver.contract.catalogue import Problem, listed
from mockserver.wire.request import Part

KEYWORDS = {
    "type": "invalid-type",
    "enum": "not-in-enum",
    "minLength": "empty-string",
    "maxLength": "string-too-long",
    "minimum": "below-minimum",
    "maximum": "above-maximum",
}
ARTICLES = {"string": "a string", "integer": "an integer", "boolean": "a boolean"}
# A content type that a file's name gives away, where the part itself declares none (go-openai#1012).
SUFFIXES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
}
INTEGER = re.compile(r"-?[0-9]{1,30}", re.ASCII)

Field = str | Part | list[str | Part]
Fields = Mapping[str, Field]


def fields(parts: Sequence[Part]) -> Fields:
    """The form by name: `x[]` parts make a list under `x`, a file stays a Part, a text becomes a string.

    Raises Problem `duplicate-parameter` where a name without brackets comes twice.
    """
    found: dict[str, Field] = {}
    for part in parts:
        name = part.name.removesuffix("[]")
        value = part.data.decode("utf-8", "replace") if part.filename is None else part
        if name == part.name:
            if name in found:
                raise Problem("duplicate-parameter", param=name)
            found[name] = value
        else:
            several = found.setdefault(name, [])
            if not isinstance(several, list):
                raise Problem("duplicate-parameter", param=name)
            several.append(value)
    return found


class Schema:
    """The parameters of one endpoint and body, for one model on one day."""

    def __init__(self, name: str, capability: Capability, as_of: AsOf) -> None:
        self.capability = capability
        base = resources.contract(f"schemas/{name}.json")
        self.required = frozenset(base["required"])
        self.properties: dict[str, dict[str, Any]] = {}
        for param, schema in base["properties"].items():
            since, overlay = schema.get("x-since"), capability.parameter(param)
            if overlay is not False and as_of.holds(since and date.fromisoformat(since), None):
                self.properties[param] = {**schema, **overlay}
        self._validators = {param: Draft202012Validator(schema) for param, schema in self.properties.items()}

    @property
    def defaults(self) -> dict[str, Any]:
        """What the API assumes for a parameter that was left out."""
        return {param: schema["default"] for param, schema in self.properties.items() if "default" in schema}

    def check(self, fields: Fields) -> dict[str, Any]:
        """Typed parameters from a form, nulls and defaults not filled in; files as lists of parts.

        Raises the Problem that the API would name first.
        """
        for param in fields:
            if param not in self.properties:
                raise Problem("multipart-images-key" if param == "images" else "unknown-parameter", param=param)
        typed: dict[str, Any] = {}
        for param, schema in self.properties.items():
            if param not in fields:
                if param in self.required:
                    raise Problem("missing-parameter", param=param)
            elif schema.get("format") == "binary":
                typed[param] = self._files(param, fields[param])
            else:
                typed[param] = self._value(param, fields[param])
        return typed

    def _value(self, param: str, field: Field) -> Any:
        schema = self.properties[param]
        value = coerce(field, schema)
        for error in sorted(self._validators[param].iter_errors(value), key=lambda e: e.validator != "type"):
            raise self._problem(param, str(error.validator), error.validator_value, value)
        rule = self.capability.row.get("size_rule")
        if param == "size" and rule and value != schema["default"]:
            check_size(value, rule)
        return value

    def _problem(self, param: str, keyword: str, bound: Any, value: Any) -> Problem:
        schema = self.properties[param]
        facts: dict[str, Any] = {"param": param, "value": value}
        if keyword == "type":
            kind = ARTICLES[type_of(schema)]
            if "enum" in schema:
                kind = f"one of {listed(schema['enum'], 'or')}"
            if isinstance(value, str):
                return Problem("not-convertible", expected=kind, **facts)
            return Problem("invalid-type", expected=kind, got=described(value), **facts)
        if keyword == "enum":
            facts |= {"values": listed(schema["enum"], "and"), "values_python": repr(schema["enum"])}
        else:
            facts |= {"minimum": bound, "maximum": bound, "length": len(str(value))}
        return Problem(KEYWORDS[keyword], **facts)

    def _files(self, param: str, field: Field) -> list[Part]:
        images = self.capability.row["images"]
        several = param == "image" and not images.get("single")
        if isinstance(field, list) and not several:
            raise Problem("invalid-type", param=param, expected="a file", got="an array")
        if isinstance(field, str):
            expected = "one of an array of files or file" if several else "a file"
            raise Problem("invalid-type", param=param, expected=expected, got="a string")
        if isinstance(field, Part):
            named = {param: field}
        else:
            named = {f"{param}[{index}]": self._file(f"{param}[{index}]", f) for index, f in enumerate(field)}
        if len(named) > images["maximum"]:
            raise Problem("array-too-long", param=param, maximum=images["maximum"], length=len(named))
        if param == "image":
            for name, part in named.items():
                check_type(name, part, images["types"])
        return list(named.values())

    def _file(self, param: str, field: str | Part) -> Part:
        if isinstance(field, str):
            raise Problem("invalid-type", param=param, expected="a file", got="a string")
        return field


@cache
def schema(name: str, capability: Capability, as_of: AsOf) -> Schema:
    """The Schema for a body (a file of contracts/schemas/), a model and a day, compiled once."""
    return Schema(name, capability, as_of)


def type_of(schema: Mapping[str, Any]) -> str:
    """The one type of a parameter, whether or not it may be null."""
    kind = schema["type"]
    return kind if isinstance(kind, str) else kind[0]


def coerce(field: Field, schema: Mapping[str, Any]) -> Any:
    """A form's text as the type that the schema wants, where it can be read as one; else as it was."""
    if isinstance(field, str):
        kind = type_of(schema)
        if kind == "integer" and INTEGER.fullmatch(field):
            return int(field)
        if kind == "boolean":
            return {"true": True, "false": False}.get(field, field)
    return field


def described(value: Any) -> str:
    """A value's type in the API's words."""
    return "a file" if isinstance(value, Part) else "an array"


def check_type(param: str, part: Part, types: Sequence[str]) -> None:
    """Refuse a file whose declared (or given away) content type is not among `types`."""
    mimetype = (part.content_type or "").split(";")[0].strip().lower()
    name = (part.filename or "").lower()
    mimetype = mimetype or SUFFIXES.get(name[name.rfind(".") :] if "." in name else "", "")
    if not mimetype:
        raise Problem("missing-mimetype", param=param)
    if mimetype not in types:
        raise Problem("mimetype", param=param, mimetype=mimetype, formats=listed(types, "and"))


def check_size(value: str, rule: Mapping[str, int]) -> None:
    """Refuse a WIDTHxHEIGHT beyond a model's rule. Source: current-api.md section 1, errors.md size2-*."""
    match = re.fullmatch(r"([1-9][0-9]{0,5})x([1-9][0-9]{0,5})", value)
    if not match:
        raise Problem("size-format", param="size", value=value)
    width, height = int(match[1]), int(match[2])
    tests = {
        "size-divisible": width % rule["multiple"] or height % rule["multiple"],
        "size-edge": max(width, height) > rule["edge"],
        "size-min": width * height < rule["minimum"],
        "size-max": width * height > rule["maximum"],
        "size-ratio": max(width, height) > rule["ratio"] * min(width, height),
    }
    for family, broken in tests.items():
        if broken:
            raise Problem(family, param="size", value=value)
