"""A template: copy it, put your client's call in, and run `mockserver fuzz yourmodule:edit`."""

import base64
from typing import Any


def edit(call: dict[str, Any]) -> dict[str, Any]:
    """One edit: the call as contracts/schemas/fuzz-call.json has it in, the result as fuzz-result.json has it out.

    `async def` does as well. What it raises counts as a crash.
    """
    result: dict[str, Any] = {"images": [], "events": [], "usage": None, "error": None}
    try:
        answer = your_client(
            base_url=call["base_url"],
            api_key=call["api_key"],
            timeout=call["deadline_s"],  # for all of it: retries, and slow answers too
            model=call["model"],
            prompt=call["prompt"],
            images=call["images"],  # paths
            mask=call["mask"],  # a path, or None
            stream=call["stream"],
            **call["options"],  # n, size, quality, partial_images, ...
        )
        if call["stream"]:
            result["events"] = list(answer)  # the data of each event, as it was received
        result["images"] = [base64.b64encode(picture).decode() for picture in answer.pictures]
        result["usage"] = answer.usage
    except TimeoutError as error:
        result["error"] = {"kind": "timeout", "status": None, "code": None, "message": str(error)}
    except ConnectionError as error:
        result["error"] = {"kind": "connection", "status": None, "code": None, "message": str(error)}
    # A refusal is {"kind": "status", "status": 429, "code": ..., "message": ...}; an event named error, or a stream
    # without its completed event, is "stream"; an answer that cannot be understood is "bad_answer".
    return result


def your_client(**arguments: Any) -> Any:
    """Stands for your client."""
    raise ConnectionError("put your client's call here")
