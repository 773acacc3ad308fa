"""The facts of a request that a scenario can match."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from mockserver.contract.asof import as_of
from mockserver.contract.endpoints import route


class RequestFacts(NamedTuple):
    """A request as `when` sees it, whether or not the API would reject it.

    `fields` are as sent, `headers` are by lower-case name. `needs` is what the request takes from each limit per
    minute. `digest` is the job's, or None. `now` is in seconds since 1970.
    """

    endpoint: str | None = None
    model: str | None = None
    stream: bool = False
    prompt: str | None = None
    images: int = 0
    mask: bool = False
    fields: Mapping[str, Any] = {}
    headers: Mapping[str, str] = {}
    retry: int = 0
    attempt: int = 1
    session: str = ""
    now: float = 0
    digest: str | None = None
    needs: Mapping[str, int] = {}


def facts_of_entry(entry: Mapping[str, Any]) -> RequestFacts:
    request, job = entry["request"], entry["job"] or {}
    fields, headers = request["fields"], {name.lower(): value for name, value in request["headers"]}
    match = route(request["path"], as_of("any"))
    files = [file["field"].removesuffix("[]") for file in request["files"]]
    deployment = match.names.get("model") if match else None
    model, prompt = deployment or fields.get("model"), fields.get("prompt")
    images = fields.get("images")
    return RequestFacts(
        endpoint=match.endpoint if match else None,
        model=job.get("model", model if isinstance(model, str) else None),
        stream=job.get("stream", fields.get("stream") in (True, "true")),
        prompt=job.get("prompt", prompt if isinstance(prompt, str) else None),
        images=len(job["images"]) if job else files.count("image") + (len(images) if isinstance(images, list) else 0),
        mask="mask" in files or (not job and "mask" in fields),
        fields=fields,
        headers=headers,
        retry=retry_count(headers),
        attempt=entry.get("attempt", 1),
    )


def retry_count(headers: Mapping[str, str]) -> int:
    """The number of earlier attempts that the client's own header reports; 0 without a valid header."""
    text = headers.get("x-stainless-retry-count", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
