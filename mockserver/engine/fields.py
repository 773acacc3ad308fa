"""The fields of a request's body, whatever its type. Knows nothing of what they should be."""

import json
from typing import Any

from mockserver.contract import form
from mockserver.contract.catalogue import Problem
from mockserver.contract.shape import described
from mockserver.wire.request import Request


def given(request: Request) -> dict[str, Any]:
    """The fields by name: of a form, or of a JSON object.

    Raises the Problem that the API has with the bytes: a fault of the form, `duplicate-parameter` or `malformed-json`.
    """
    if request.fault:
        raise Problem(request.fault.family, **request.fault.facts)
    return dict(form.fields(request.parts)) if is_form(request) else document(request.body)


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
        raise Problem("malformed-json", reason=f"it holds {described(value)}, not an object")
    return value


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
