"""Groups the parts of a multipart form into fields, and checks the files among them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from mockserver.contract.catalogue import Problem, join_quoted
from mockserver.core.request import Part

# The content type that a file name implies if the part declares none (go-openai#1012).
SUFFIXES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
}

Field = str | Part | list[str | Part]


def group_fields(parts: Sequence[Part]) -> dict[str, Field]:
    """The form by name: `x[]` parts become a list under `x`, a file stays a Part, text becomes a string.

    Raises Problem `duplicate-parameter` if a name without brackets is repeated.
    """
    fields: dict[str, Field] = {}
    for part in parts:
        name = part.name.removesuffix("[]")
        value = part.data.decode("utf-8", "replace") if part.filename is None else part
        if name == part.name:
            if name in fields:
                raise Problem("duplicate-parameter", param=name)
            fields[name] = value
        else:
            several = fields.setdefault(name, [])
            if not isinstance(several, list):
                raise Problem("duplicate-parameter", param=name)
            several.append(value)
    return fields


def check_files(param: str, field: Any, images: Mapping[str, Any], accept: Collection[str]) -> list[Part]:
    """The files of a parameter. Raises a Problem for a wrong number, or for a wrong declared type.

    `images` is the model's row about them. Only `image` may be a list, and only its types are checked: the API
    was observed to ignore a mask's (prism-php/prism#725).
    """
    may_be_list = param == "image" and not images.get("single")
    if isinstance(field, list) and not may_be_list:
        raise Problem("invalid-type", param=param, expected="a file", got="an array")
    if isinstance(field, str):
        expected = "one of an array of files or file" if may_be_list else "a file"
        raise Problem("invalid-type", param=param, expected=expected, got="a string")
    named = {param: field} if isinstance(field, Part) else {f"{param}[{i}]": item for i, item in enumerate(field)}
    for name, item in named.items():
        if isinstance(item, str):
            raise Problem("invalid-type", param=name, expected="a file", got="a string")
    if len(named) > images["maximum"] and "array-too-long" not in accept:
        raise Problem("array-too-long", param=param, maximum=images["maximum"], length=len(named))
    if param == "image" and images["types"] is not None:
        for name, part in named.items():
            check_type(name, part, images["types"])
    return list(named.values())


def check_type(param: str, part: Part, types: Sequence[str]) -> None:
    mimetype = (part.content_type or "").split(";")[0].strip().lower()
    name = (part.filename or "").lower()
    mimetype = mimetype or SUFFIXES.get(name[name.rfind(".") :] if "." in name else "", "")
    if not mimetype:
        raise Problem("missing-mimetype", param=param)
    if mimetype not in types:
        raise Problem("mimetype", param=param, mimetype=mimetype, formats=join_quoted(types, "and"))
