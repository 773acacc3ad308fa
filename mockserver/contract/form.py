"""A multipart form as fields: what stands under which name, and which files are no files. Knows no other parameter."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from mockserver.contract.catalogue import Problem, join_quoted
from mockserver.core.request import Part

# A content type that a file's name gives away, where the part itself declares none (go-openai#1012).
SUFFIXES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
}

Field = str | Part | list[str | Part]


def group_fields(parts: Sequence[Part]) -> dict[str, Field]:
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


def check_files(param: str, field: Any, images: Mapping[str, Any], accept: Collection[str]) -> list[Part]:
    """The files under a parameter. Raises the Problem that the API has with their shape or declared types.

    `images` is the model's row about them. Only the pictures to edit may come as a list, and only their types are
    looked at: that of a mask was seen not to matter (prism-php/prism#725).
    """
    several = param == "image" and not images.get("single")
    if isinstance(field, list) and not several:
        raise Problem("invalid-type", param=param, expected="a file", got="an array")
    if isinstance(field, str):
        expected = "one of an array of files or file" if several else "a file"
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
    """Refuse a file whose declared (or given away) content type is not among `types`."""
    mimetype = (part.content_type or "").split(";")[0].strip().lower()
    name = (part.filename or "").lower()
    mimetype = mimetype or SUFFIXES.get(name[name.rfind(".") :] if "." in name else "", "")
    if not mimetype:
        raise Problem("missing-mimetype", param=param)
    if mimetype not in types:
        raise Problem("mimetype", param=param, mimetype=mimetype, formats=join_quoted(types, "and"))
