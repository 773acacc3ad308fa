"""Another correct client, asynchronous, that shares nothing with the first: on httpx2, without retries."""

import asyncio
import base64
import json
import mimetypes
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2

Result = dict[str, Any]


class Bad(Exception):
    """An answer that cannot be understood, or a stream that tells of an error."""

    def __init__(self, kind: str, message: str, code: Any = None) -> None:
        super().__init__(message)
        self.kind, self.code = kind, code


async def edit(call: dict[str, Any]) -> Result:
    """One edit."""
    try:
        async with asyncio.timeout(call["deadline_s"] * 0.9):
            async with httpx2.AsyncClient(timeout=None) as client:
                return await (_streamed if call["stream"] else _whole)(client, call)
    except (TimeoutError, httpx2.TimeoutException) as error:
        return _failed("timeout", str(error) or "too late")
    except httpx2.HTTPStatusError as error:
        return _refused(error.response)
    except (httpx2.TransportError, httpx2.DecodingError) as error:
        return _failed("connection", repr(error))
    except Bad as error:
        return _failed(error.kind, str(error), code=error.code)


def _request(call: dict[str, Any]) -> dict[str, Any]:
    fields = {"model": call["model"], "prompt": call["prompt"], **call["options"]}
    if call["stream"]:
        fields["stream"] = "true"
    files = [("image[]", _file(path)) for path in call["images"]]
    if call["mask"]:
        files.append(("mask", _file(call["mask"])))
    return {
        "method": "POST",
        "url": f"{call['base_url']}/images/edits",
        "headers": {"Authorization": f"Bearer {call['api_key']}"},
        "data": {name: str(value).lower() if isinstance(value, bool) else value for name, value in fields.items()},
        "files": files,
    }


def _file(path: str) -> tuple[str, bytes, str]:
    suffix = Path(path).suffix
    return f"picture{suffix}", Path(path).read_bytes(), mimetypes.guess_type(f"a{suffix}")[0] or "image/webp"


async def _whole(client: httpx2.AsyncClient, call: dict[str, Any]) -> Result:
    answer = await client.request(**_request(call))
    if answer.status_code != 200:
        return _refused(answer)
    try:
        document = json.loads(answer.content)
        pictures = [item["b64_json"] for item in document["data"]]
        for picture in pictures:
            base64.b64decode(picture, validate=True)
        if not pictures:
            raise ValueError("no pictures")
    except (ValueError, KeyError, TypeError) as error:
        raise Bad("bad_answer", repr(error)) from None
    return {"images": pictures, "events": [], "usage": _usage(document), "error": None}


async def _streamed(client: httpx2.AsyncClient, call: dict[str, Any]) -> Result:
    events: list[str] = []
    async with client.stream(**_request(call)) as answer:
        if answer.status_code != 200:
            await answer.aread()
            return _refused(answer)
        async for data in _events(answer.aiter_bytes()):
            if data == "[DONE]":
                break
            try:
                event = json.loads(data)
                kind = str(event["type"])
                if kind == "error" or event.get("error"):
                    told = event.get("error") or event
                    raise Bad("stream", json.dumps(told), told.get("code"))
                events.append(data)
                if kind.endswith((".completed", ".partial_image")):
                    base64.b64decode(event["b64_json"], validate=True)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise Bad("bad_answer", repr(error)) from None
            if kind.endswith(".completed"):
                # What comes after it is of no interest.
                return {"images": [event["b64_json"]], "events": events, "usage": _usage(event), "error": None}
    raise Bad("stream", "no completed event came")


async def _events(chunks: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """The standard's own algorithm, a byte at a time."""
    line, data, began, after_return = bytearray(), list[str](), False, False
    async for chunk in chunks:
        for byte in chunk:
            if after_return and byte == 10:
                after_return = False
                continue
            after_return = byte == 13
            if byte not in (10, 13):
                line.append(byte)
                continue
            text = line.decode("utf-8", "replace")
            line.clear()
            text, began = text if began else text.removeprefix("\ufeff"), True
            if not text and data:
                yield "\n".join(data)
                data = []
            field, _, value = text.partition(":")
            if field == "data":
                data.append(value.removeprefix(" "))


def _usage(holder: dict[str, Any]) -> Any:
    return holder.get("usage") or None


def _refused(answer: httpx2.Response) -> Result:
    try:
        error = answer.json()["error"]
        return _failed("status", error["message"], answer.status_code, error.get("code"))
    except (ValueError, KeyError, TypeError):
        return _failed("status", answer.text[:200], answer.status_code)


def _failed(kind: str, message: str, status: int | None = None, code: Any = None) -> Result:
    told = {"kind": kind, "status": status, "code": code, "message": message}
    return {"images": [], "events": [], "usage": None, "error": told}
