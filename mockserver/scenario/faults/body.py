"""Faults of JSON: what is missing, more than expected, of another type, or no JSON at all."""

import base64
from collections.abc import Callable
from typing import Any

from mockserver.core.plan import Plan
from mockserver.images.convert import convert_image
from mockserver.scenario.faults.documents import edit_json, find_keys
from mockserver.scenario.faults.fault import KEEP, Fault, Parameters, RandInt
from mockserver.scenario.faults.parts import is_json, join_body, replace_body

PICTURES = ("data.*.b64_json", "b64_json")
NUMBERS = ("usage.input_tokens", "usage.output_tokens", "usage.total_tokens")
CREATED = ("created", "created_at")
ENUMS = ("quality", "background", "output_format", "size")
UNKNOWN = {"nested": [1, None, {"text": "日本 🦊"}]}
OTHERS = {str: 42, int: "42", float: "42", list: {}, dict: [], bool: "true", type(None): 42}
PATH = {"type": "string", "minLength": 1}


def _each(
    plan: Plan, given: Parameters, defaults: tuple[str, ...], strike: Callable[[Any, Any], object]
) -> Plan | None:
    """The plan with `strike(container, key)` done wherever the parameters' paths, or else the defaults, lead."""
    paths = given.get("path", defaults)

    def change(document: Any) -> bool:
        struck = False
        for path in [paths] if isinstance(paths, str) else paths:
            # From the end, since items of a list may go.
            for container, key in reversed(list(find_keys(document, path))):
                strike(container, key)
                struck = True
        return struck

    return edit_json(plan, change)


def missing(plan: Plan, given: Parameters, draw: RandInt) -> Plan | None:
    """Fields are not there."""
    return _each(plan, given, PICTURES, lambda container, key: container.pop(key))


def nulls(plan: Plan, given: Parameters, draw: RandInt) -> Plan | None:
    """Fields are null."""
    return _each(plan, given, PICTURES, lambda container, key: _set(container, key, None))


def wrong_type(plan: Plan, given: Parameters, draw: RandInt) -> Plan | None:
    """Fields are of another type."""
    return _each(plan, given, PICTURES, lambda c, key: _set(c, key, OTHERS[type(c[key])]))


def huge_number(plan: Plan, given: Parameters, draw: RandInt) -> Plan | None:
    """Numbers are larger than any machine word."""
    return _each(plan, given, (*NUMBERS, *CREATED), lambda c, key: _set(c, key, 10 ** given["digits"]))


def new_enum(plan: Plan, given: Parameters, draw: RandInt) -> Plan | None:
    """Enumerated fields have values that nobody knows."""
    return _each(plan, given, ENUMS, lambda container, key: _set(container, key, given["value"]))


def _set(container: Any, key: Any, value: Any) -> None:
    container[key] = value


def unknown_fields(plan: Plan, given: Parameters, draw: RandInt) -> Plan | None:
    """There are more fields, in any script."""

    def change(document: Any) -> bool:
        inner = [container[key] for path in ("usage", "data.*") for container, key in find_keys(document, path)]
        for part in (document, *inner):
            if isinstance(part, dict):
                part["x_unknown"] = UNKNOWN
        return True

    return edit_json(plan, change)


def empty_data(plan: Plan, given: Parameters, draw: RandInt) -> Plan | None:
    """There are no pictures."""
    return _each(plan, {}, ("data",), lambda container, key: _set(container, key, []))


def bad_base64(plan: Plan, given: Parameters, draw: RandInt) -> Plan | None:
    """The pictures are no base64."""
    ways: dict[str, Callable[[str], str]] = {
        "cut": lambda text: text[: (len(text) - 1) // 4 * 4 + 1],
        "character": lambda text: f"{text[: len(text) // 2]}*{text[len(text) // 2 + 1 :]}",
        "data_url": lambda text: f"data:image/png;base64,{text}",
    }
    return _each(plan, {}, PICTURES, lambda c, key: _set(c, key, ways[given["how"]](str(c[key]))))


def other_image(plan: Plan, given: Parameters, draw: RandInt) -> Plan | None:
    """The pictures are of another format or size than the answer says."""

    def other(container: Any, key: Any) -> None:
        try:
            data = base64.b64decode(str(container[key]), validate=True)
            container[key] = base64.b64encode(convert_image(data, given.get("format"), given.get("size"))).decode(
                "ascii"
            )
        except (ValueError, OSError):
            return

    return _each(plan, {}, PICTURES, other)


def cut_json(plan: Plan, given: Parameters, draw: RandInt) -> Plan | None:
    """The text of the body is cut, and HTTP does not know it."""
    data = join_body(plan)
    return replace_body(plan, data[: int((len(data) - 1) * given["keep"])]) if is_json(plan) and data else None


def not_json(plan: Plan, given: Parameters, draw: RandInt) -> Plan | None:
    """The body is another text than its Content-Type says."""
    return replace_body(plan, given["text"].encode("utf-8", "replace")) if is_json(plan) else None


def _paths(defaults: tuple[str, ...]) -> dict[str, Any]:
    told = f"Where, such as data.0.b64_json; `*` is every item. Left out: {', '.join(defaults)}."
    return {"path": {"description": told, "type": ["string", "array"], "minLength": 1, "minItems": 1, "items": PATH}}


def _row(
    name: str, about: str, mark: Any, apply: Any, parameters: dict[str, Any], short: str | None, on: Any = "JSON"
) -> Fault:
    return Fault(name, about, mark, on, "document", apply, parameters, short)


DIGITS = {"description": "Zeros after the one.", "type": "integer", "minimum": 1, "maximum": 400, "default": 30}
HOW = {"enum": ["cut", "character", "data_url"], "default": "cut"}
OTHER = {
    "format": {"description": "Left out: not the one that it is.", "enum": ["png", "jpeg", "webp"]},
    "size": {"description": "Left out: as it is.", "type": "string", "pattern": "^[1-9][0-9]{0,3}x[1-9][0-9]{0,3}$"},
}
FAULTS = (
    _row("missing", "Fields are missing.", "hostile", missing, _paths(PICTURES), "path"),
    _row("nulls", "Fields are null.", "hostile", nulls, _paths(PICTURES), "path"),
    _row("wrong_type", "Fields are of another type.", "hostile", wrong_type, _paths(PICTURES), "path"),
    _row(
        "huge_number",
        "Numbers are larger than any machine word.",
        "hostile",
        huge_number,
        {**_paths((*NUMBERS, *CREATED)), "digits": DIGITS},
        "path",
    ),
    _row(
        "new_enum",
        "Enumerated fields have values that nobody knows yet.",
        "legal",
        new_enum,
        {**_paths(ENUMS), "value": {"type": "string", "default": "ultra"}},
        "path",
    ),
    _row("unknown_fields", "There are fields that nobody knows yet, in any script.", "legal", unknown_fields, {}, None),
    _row("empty_data", "The list of pictures is empty.", "hostile", empty_data, {}, None, "JSON body"),
    _row("bad_base64", "The pictures are no base64.", "hostile", bad_base64, {"how": HOW}, "how"),
    _row(
        "other_image",
        "The pictures are of another format or size than was promised.",
        "hostile",
        other_image,
        OTHER,
        "format",
    ),
    _row("cut_json", "The JSON is cut, in a whole body.", "hostile", cut_json, {"keep": KEEP}, "keep", "JSON body"),
    _row(
        "not_json",
        "The body is no JSON.",
        "hostile",
        not_json,
        {"text": {"type": "string", "default": "The service is unavailable."}},
        "text",
        "JSON body",
    ),
)
