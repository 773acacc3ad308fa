"""A template for an adapter: copy it, call your client, and run `mockserver fuzz yourmodule:edit`."""

import base64
from typing import Any


def edit(call: dict[str, Any]) -> dict[str, Any]:
    """Make one edit: takes a call (contracts/schemas/fuzz-call.json), returns a result (fuzz-result.json).

    It may be an `async def`. An exception counts as a crash.
    """
    result: dict[str, Any] = {"images": [], "events": [], "usage": None, "error": None}
    try:
        response = your_client(
            base_url=call["base_url"],
            api_key=call["api_key"],
            timeout=call["deadline_s"],  # for the whole call, including retries
            model=call["model"],
            prompt=call["prompt"],
            images=call["images"],  # paths
            mask=call["mask"],  # a path, or None
            stream=call["stream"],
            **call["options"],  # n, size, quality, partial_images, ...
        )
        if call["stream"]:
            result["events"] = list(response)  # the data of each event, as received
        result["images"] = [base64.b64encode(image).decode() for image in response.images]
        result["usage"] = response.usage
    except TimeoutError as error:
        result["error"] = {"kind": "timeout", "status": None, "code": None, "message": str(error)}
    except ConnectionError as error:
        result["error"] = {"kind": "connection", "status": None, "code": None, "message": str(error)}
    # An error response is {"kind": "status", "status": 429, "code": ..., "message": ...}; an event named error, or a
    # stream without its completed event, is "stream"; a response that the API would not send is "bad_answer".
    return result


def your_client(**arguments: Any) -> Any:
    """Replace this by your client."""
    raise ConnectionError("put your client's call here")
