"""Faults of JSON: fields that are missing, unexpected or of another type, and text that is not JSON."""

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


def _edit_each(
    plan: Plan, options: Parameters, defaults: tuple[str, ...], edit: Callable[[Any, Any], object]
) -> Plan | None:
    paths = options.get("path", defaults)

    def edit_document(document: Any) -> bool:
        is_changed = False
        for path in [paths] if isinstance(paths, str) else paths:
            # From the end, since items of a list may be removed.
            for container, key in reversed(list(find_keys(document, path))):
                edit(container, key)
                is_changed = True
        return is_changed

    return edit_json(plan, edit_document)


def missing(plan: Plan, options: Parameters, randint: RandInt) -> Plan | None:
    return _edit_each(plan, options, PICTURES, lambda container, key: container.pop(key))


def nulls(plan: Plan, options: Parameters, randint: RandInt) -> Plan | None:
    return _edit_each(plan, options, PICTURES, lambda container, key: _set(container, key, None))


def wrong_type(plan: Plan, options: Parameters, randint: RandInt) -> Plan | None:
    return _edit_each(plan, options, PICTURES, lambda c, key: _set(c, key, OTHERS[type(c[key])]))


def huge_number(plan: Plan, options: Parameters, randint: RandInt) -> Plan | None:
    return _edit_each(plan, options, (*NUMBERS, *CREATED), lambda c, key: _set(c, key, 10 ** options["digits"]))


def new_enum(plan: Plan, options: Parameters, randint: RandInt) -> Plan | None:
    return _edit_each(plan, options, ENUMS, lambda container, key: _set(container, key, options["value"]))


def _set(container: Any, key: Any, value: Any) -> None:
    container[key] = value


def unknown_fields(plan: Plan, options: Parameters, randint: RandInt) -> Plan | None:

    def add_fields(document: Any) -> bool:
        inner = [container[key] for path in ("usage", "data.*") for container, key in find_keys(document, path)]
        for part in (document, *inner):
            if isinstance(part, dict):
                part["x_unknown"] = UNKNOWN
        return True

    return edit_json(plan, add_fields)


def empty_data(plan: Plan, options: Parameters, randint: RandInt) -> Plan | None:
    return _edit_each(plan, {}, ("data",), lambda container, key: _set(container, key, []))


def bad_base64(plan: Plan, options: Parameters, randint: RandInt) -> Plan | None:
    edits: dict[str, Callable[[str], str]] = {
        "cut": lambda text: text[: (len(text) - 1) // 4 * 4 + 1],
        "character": lambda text: f"{text[: len(text) // 2]}*{text[len(text) // 2 + 1 :]}",
        "data_url": lambda text: f"data:image/png;base64,{text}",
    }
    return _edit_each(plan, {}, PICTURES, lambda c, key: _set(c, key, edits[options["how"]](str(c[key]))))


def other_image(plan: Plan, options: Parameters, randint: RandInt) -> Plan | None:

    def convert(container: Any, key: Any) -> None:
        try:
            data = base64.b64decode(str(container[key]), validate=True)
            container[key] = base64.b64encode(convert_image(data, options.get("format"), options.get("size"))).decode(
                "ascii"
            )
        except (ValueError, OSError):
            return

    return _edit_each(plan, {}, PICTURES, convert)


def cut_json(plan: Plan, options: Parameters, randint: RandInt) -> Plan | None:
    data = join_body(plan)
    return replace_body(plan, data[: int((len(data) - 1) * options["keep"])]) if is_json(plan) and data else None


def not_json(plan: Plan, options: Parameters, randint: RandInt) -> Plan | None:
    return replace_body(plan, options["text"].encode("utf-8", "replace")) if is_json(plan) else None


def _paths(defaults: tuple[str, ...]) -> dict[str, Any]:
    about = f"The fields, such as data.0.b64_json; `*` is every item. Default: {', '.join(defaults)}."
    return {"path": {"description": about, "type": ["string", "array"], "minLength": 1, "minItems": 1, "items": PATH}}


def _row(
    name: str, about: str, mark: Any, apply: Any, parameters: dict[str, Any], short: str | None, on: Any = "JSON"
) -> Fault:
    return Fault(name, about, mark, on, "document", apply, parameters, short)


DIGITS = {
    "description": "The number of zeros after the 1.",
    "type": "integer",
    "minimum": 1,
    "maximum": 400,
    "default": 30,
}
HOW = {"enum": ["cut", "character", "data_url"], "default": "cut"}
OTHER = {
    "format": {"description": "Default: another than the image has.", "enum": ["png", "jpeg", "webp"]},
    "size": {"description": "Default: unchanged.", "type": "string", "pattern": "^[1-9][0-9]{0,3}x[1-9][0-9]{0,3}$"},
}
FAULTS = (
    _row("missing", "Fields are missing.", "hostile", missing, _paths(PICTURES), "path"),
    _row("nulls", "Fields are null.", "hostile", nulls, _paths(PICTURES), "path"),
    _row("wrong_type", "Fields have another type.", "hostile", wrong_type, _paths(PICTURES), "path"),
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
        "Enumerated fields have undocumented values.",
        "legal",
        new_enum,
        {**_paths(ENUMS), "value": {"type": "string", "default": "ultra"}},
        "path",
    ),
    _row("unknown_fields", "There are undocumented fields, with non-ASCII text.", "legal", unknown_fields, {}, None),
    _row("empty_data", "The list of images is empty.", "hostile", empty_data, {}, None, "JSON body"),
    _row("bad_base64", "The base64 of the images is invalid.", "hostile", bad_base64, {"how": HOW}, "how"),
    _row(
        "other_image",
        "The images have another format or size than the response states.",
        "hostile",
        other_image,
        OTHER,
        "format",
    ),
    _row(
        "cut_json",
        "The JSON is truncated, in a complete HTTP body.",
        "hostile",
        cut_json,
        {"keep": KEEP},
        "keep",
        "JSON body",
    ),
    _row(
        "not_json",
        "The body is not JSON.",
        "hostile",
        not_json,
        {"text": {"type": "string", "default": "The service is unavailable."}},
        "text",
        "JSON body",
    ),
)
