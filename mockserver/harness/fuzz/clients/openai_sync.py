"""The official Python client: `mockserver fuzz mockserver.harness.fuzz.clients.openai_sync:edit`."""

import base64
import contextlib
import inspect
from typing import Any

import openai
from openai.resources.images import Images

Result = dict[str, Any]
# Each wait is bounded, not the whole: two attempts and what lies between them end within the deadline.
SHARE = 0.3
RETRIES = 1


def edit(call: dict[str, Any]) -> Result:
    """One edit, as contracts/schemas/fuzz-call.json and fuzz-result.json have it."""
    result: Result = {"images": [], "events": [], "usage": None, "error": None}
    try:
        with openai.OpenAI(**settings(call)) as client, contextlib.ExitStack() as files:
            answer: Any = client.images.edit(**arguments(call, files))
            for event in answer if call["stream"] else ():
                take(result, event)
            finish(result, call, answer)
    except Exception as error:
        result |= failed(error)
    return result


def settings(call: dict[str, Any]) -> dict[str, Any]:
    """How the client is made."""
    return {
        "base_url": call["base_url"],
        "api_key": call["api_key"],
        "timeout": call["deadline_s"] * SHARE,
        "max_retries": RETRIES,
    }


def arguments(call: dict[str, Any], files: contextlib.ExitStack) -> dict[str, Any]:
    """The arguments of images.edit; files are opened, and closed with the stack."""
    images = [files.enter_context(open(path, "rb")) for path in call["images"]]  # noqa: SIM115
    known = inspect.signature(Images.edit).parameters
    given = {
        "model": call["model"],
        "prompt": call["prompt"],
        "image": images if len(images) > 1 else images[0],
        **{name: value for name, value in call["options"].items() if name in known},
    }
    # What the API knows and the client does not, has a way past it.
    if strange := {name: value for name, value in call["options"].items() if name not in known}:
        given["extra_body"] = strange
    if call["mask"]:
        given["mask"] = files.enter_context(open(call["mask"], "rb"))  # noqa: SIM115
    return given | ({"stream": True} if call["stream"] else {})


def take(result: Result, event: Any) -> None:
    """Note one event of a stream."""
    data = event.to_dict(mode="json") if hasattr(event, "to_dict") else event
    result["events"].append(data)
    if str(getattr(event, "type", "")).endswith(".completed"):
        base64.b64decode(event.b64_json, validate=True)
        result["images"] = [event.b64_json]
        result["usage"] = data.get("usage")


def finish(result: Result, call: dict[str, Any], answer: Any) -> None:
    """Note the pictures of an answer that is no stream. Raises ValueError for an answer without any."""
    if call["stream"]:
        if not result["images"]:
            raise EndedEarly("the stream ended without its completed event")
        return
    result["images"] = [item.b64_json for item in answer.data or ()]
    for picture in result["images"]:
        base64.b64decode(picture, validate=True)
    if not result["images"]:
        raise ValueError("the answer holds no picture")
    result["usage"] = answer.usage.to_dict(mode="json") if answer.usage else None


class EndedEarly(Exception):
    """A stream without its end."""


def failed(error: Exception) -> Result:
    """The result of a call that ended in an exception."""
    told: Result = {"status": None, "code": None, "message": str(error)}
    if isinstance(error, openai.APITimeoutError):
        kind = "timeout"
    elif isinstance(error, openai.APIStatusError):
        kind, told["status"], told["code"] = "status", error.status_code, error.code
    elif isinstance(error, openai.APIResponseValidationError):
        kind = "bad_answer"
    elif isinstance(error, openai.APIConnectionError):
        kind = "connection"
    elif isinstance(error, openai.APIError):
        kind, told["code"] = "stream", error.code
    elif isinstance(error, EndedEarly):
        kind = "stream"
    else:
        late = "Timeout" in type(error).__name__
        kind = "timeout" if late else "connection" if "http" in type(error).__module__ else "bad_answer"
    return {"images": [], "error": {"kind": kind, **told}}
