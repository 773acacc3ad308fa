"""The official Python client: `mockserver fuzz mockserver.harness.fuzz.clients.openai_sync:edit`."""

import base64
import contextlib
import inspect
from typing import Any

import openai
from openai.resources.images import Images

Result = dict[str, Any]
# The timeout applies to each wait, not to the whole call: two attempts and the backoff must fit into the deadline.
SHARE = 0.3
RETRIES = 1


def edit(call: dict[str, Any]) -> Result:
    """Make one edit; see contracts/schemas/fuzz-call.json and fuzz-result.json."""
    result: Result = {"images": [], "events": [], "usage": None, "error": None}
    try:
        with openai.OpenAI(**client_options(call)) as client, contextlib.ExitStack() as files:
            response: Any = client.images.edit(**build_arguments(call, files))
            for event in response if call["stream"] else ():
                add_event(result, event)
            finish_result(result, call, response)
    except Exception as error:
        result |= describe_error(error)
    return result


def client_options(call: dict[str, Any]) -> dict[str, Any]:
    return {
        "base_url": call["base_url"],
        "api_key": call["api_key"],
        "timeout": call["deadline_s"] * SHARE,
        "max_retries": RETRIES,
    }


def build_arguments(call: dict[str, Any], files: contextlib.ExitStack) -> dict[str, Any]:
    """The arguments of images.edit. Its files are closed with the stack."""
    images = [files.enter_context(open(path, "rb")) for path in call["images"]]  # noqa: SIM115
    known = inspect.signature(Images.edit).parameters
    arguments = {
        "model": call["model"],
        "prompt": call["prompt"],
        "image": images if len(images) > 1 else images[0],
        **{name: value for name, value in call["options"].items() if name in known},
    }
    # Parameters that the client does not know yet can be passed as extra_body.
    if unknown := {name: value for name, value in call["options"].items() if name not in known}:
        arguments["extra_body"] = unknown
    if call["mask"]:
        arguments["mask"] = files.enter_context(open(call["mask"], "rb"))  # noqa: SIM115
    return arguments | ({"stream": True} if call["stream"] else {})


def add_event(result: Result, event: Any) -> None:
    data = event.to_dict(mode="json") if hasattr(event, "to_dict") else event
    result["events"].append(data)
    if str(getattr(event, "type", "")).endswith(".completed"):
        base64.b64decode(event.b64_json, validate=True)
        result["images"] = [event.b64_json]
        result["usage"] = data.get("usage")


def finish_result(result: Result, call: dict[str, Any], response: Any) -> None:
    """Add the images of a response that is not a stream. Raises an exception for a response without images."""
    if call["stream"]:
        if not result["images"]:
            raise EndedEarly("the stream ended without its completed event")
        return
    result["images"] = [item.b64_json for item in response.data or ()]
    for image in result["images"]:
        base64.b64decode(image, validate=True)
    if not result["images"]:
        raise ValueError("the response holds no image")
    result["usage"] = response.usage.to_dict(mode="json") if response.usage else None


class EndedEarly(Exception):
    """A stream ended without its completed event."""


def describe_error(error: Exception) -> Result:
    """The result of a call that raised an exception."""
    details: Result = {"status": None, "code": None, "message": str(error)}
    if isinstance(error, openai.APITimeoutError):
        kind = "timeout"
    elif isinstance(error, openai.APIStatusError):
        kind, details["status"], details["code"] = "status", error.status_code, error.code
    elif isinstance(error, openai.APIResponseValidationError):
        kind = "bad_answer"
    elif isinstance(error, openai.APIConnectionError):
        kind = "connection"
    elif isinstance(error, openai.APIError):
        kind, details["code"] = "stream", error.code
    elif isinstance(error, EndedEarly):
        kind = "stream"
    else:
        is_timeout = "Timeout" in type(error).__name__
        kind = "timeout" if is_timeout else "connection" if "http" in type(error).__module__ else "bad_answer"
    return {"images": [], "error": {"kind": kind, **details}}
