"""The fields of a request body, whatever its type."""

import json
from typing import Any

from mockserver.contract import form
from mockserver.contract.catalogue import Problem
from mockserver.contract.request_schema import describe_type
from mockserver.core.request import Request

# Levels of a JSON body.
DEPTH = 100


def read_fields(request: Request) -> dict[str, Any]:
    """Raises Problem for a malformed form, with `duplicate-parameter` or with `malformed-json`."""
    if request.malformed:
        raise Problem(request.malformed.family, **request.malformed.facts)
    return dict(form.group_fields(request.parts)) if is_form(request) else parse_object(request.body)


def is_form(request: Request) -> bool:
    return request.media_type == "multipart/form-data"


def parse_object(data: bytes) -> dict[str, Any]:
    """The object in a JSON body. Raises Problem `malformed-json` if there is none."""
    try:
        value = json.loads(data, parse_constant=_reject_constant)
    except (ValueError, RecursionError) as error:
        raise Problem("malformed-json", reason=str(error)) from None
    if not isinstance(value, dict):
        raise Problem("malformed-json", reason=f"it holds {describe_type(value)}, not an object")
    if _exceeds_depth(value):
        raise Problem("malformed-json", reason=f"it nests more than {DEPTH} levels")
    return value


def _exceeds_depth(value: Any) -> bool:
    level = [value]
    for _ in range(DEPTH):
        level = [
            child
            for item in level
            for child in (item.values() if isinstance(item, dict) else item if isinstance(item, list) else ())
        ]
        if not level:
            return False
    return True


def _reject_constant(name: str) -> None:
    raise ValueError(f"{name} is not valid JSON")
