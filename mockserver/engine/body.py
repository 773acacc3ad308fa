"""The fields of a request's body, whatever its type. Knows nothing of what they should be."""

import json
from typing import Any

from mockserver.contract import form
from mockserver.contract.catalogue import Problem
from mockserver.contract.request_schema import describe_type
from mockserver.core.request import Request

# Levels of a JSON body.
DEPTH = 100


def given(request: Request) -> dict[str, Any]:
    """The fields by name: of a form, or of a JSON object.

    Raises the Problem that the API has with the bytes: a fault of the form, `duplicate-parameter` or `malformed-json`.
    """
    if request.fault:
        raise Problem(request.fault.family, **request.fault.facts)
    return dict(form.group_fields(request.parts)) if is_form(request) else document(request.body)


def is_form(request: Request) -> bool:
    """Is the body a multipart form?"""
    return request.media_type == "multipart/form-data"


def document(data: bytes) -> dict[str, Any]:
    """The object that a JSON body holds. Raises Problem `malformed-json` where it holds none."""
    try:
        value = json.loads(data, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Problem("malformed-json", reason=str(error)) from None
    if not isinstance(value, dict):
        raise Problem("malformed-json", reason=f"it holds {describe_type(value)}, not an object")
    if _deep(value):
        raise Problem("malformed-json", reason=f"it nests more than {DEPTH} levels")
    return value


def _deep(value: Any) -> bool:
    """Has a value more levels than are worked through?"""
    level = [value]
    for _ in range(DEPTH):
        level = [
            child
            for one in level
            for child in (one.values() if isinstance(one, dict) else one if isinstance(one, list) else ())
        ]
        if not level:
            return False
    return True


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
