"""A third correct client, as a command: on urllib, a call a line in, a result a line out. `python -m` this module."""

import base64
import email.utils
import http.client
import json
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any

TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp"}


class Stream(Exception):
    """An event that tells of an error, or an end without its event."""


def main() -> None:
    """Answer each line."""
    for line in sys.stdin:
        call = json.loads(line)
        print(json.dumps({"id": call["id"], **edit(call)}), flush=True)


def edit(call: dict[str, Any]) -> dict[str, Any]:
    end = time.monotonic() + call["deadline_s"]
    for attempt in range(3):
        result, wait = once(call, end)
        error = result["error"] or {}
        final = error.get("code") in ("insufficient_quota", "billing_hard_limit_reached", "credit_balance_exhausted")
        if error.get("status") not in (429, 500, 502, 503) or final or attempt == 2:
            break
        wait = 0.1 if wait is None else wait
        if time.monotonic() + wait + 0.2 > end:
            break
        time.sleep(wait)
    return result


def once(call: dict[str, Any], end: float) -> tuple[dict[str, Any], float | None]:
    kind, status, code, message, wait = "bad_answer", None, None, "", None
    try:
        left = max(0.1, end - time.monotonic() - 0.1)
        with urllib.request.urlopen(request(call), timeout=left) as answer:
            return (streamed if call["stream"] else whole)(answer), None
    except urllib.error.HTTPError as error:
        kind, status, raw = "status", error.code, body(error)
        told = error.headers.get("retry-after") or ""
        wait = float(told) if told.isdigit() else None
        try:
            code, message = (json.loads(raw)["error"][name] for name in ("code", "message"))
        except (ValueError, KeyError, TypeError):
            message = raw[:100].decode("latin-1")
    except urllib.error.URLError as error:
        kind, message = ("timeout" if isinstance(error.reason, TimeoutError) else "connection"), str(error)
    except TimeoutError as error:
        kind, message = "timeout", str(error)
    except Stream as error:
        kind, message = "stream", str(error)
    except OSError as error:
        kind, message = "connection", str(error)
    except Exception as error:
        message = repr(error)
    error = {"kind": kind, "status": status, "code": code, "message": message}
    return {"images": [], "events": [], "usage": None, "error": error}, wait


def body(error: urllib.error.HTTPError) -> bytes:
    """What can be had of it."""
    try:
        return error.read()
    except (OSError, http.client.HTTPException):
        return b""


def request(call: dict[str, Any]) -> urllib.request.Request:
    edge = uuid.uuid4().hex
    parts = [(name, None, str(value).encode()) for name, value in call["options"].items()]
    parts += [(name, None, call[name].encode()) for name in ("model", "prompt")]
    parts += [("stream", None, b"true")] if call["stream"] else []
    parts += [("image" if len(call["images"]) == 1 else "image[]", path, b"") for path in call["images"]]
    parts += [("mask", call["mask"], b"")] if call["mask"] else []
    body = b""
    for name, path, value in parts:
        body += f'--{edge}\r\nContent-Disposition: form-data; name="{name}"'.encode()
        if path:
            called = Path(path).name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "").replace("\r", "")
            body += f'; filename="{called}"\r\nContent-Type: {TYPES[Path(path).suffix]}'.encode()
            value = Path(path).read_bytes()
        body += b"\r\n\r\n" + value + b"\r\n"
    body += f"--{edge}--\r\n".encode()
    headers = {
        "Authorization": f"Bearer {call['api_key']}",
        "Content-Type": f"multipart/form-data; boundary={edge}",
        "Date": email.utils.formatdate(usegmt=True),
    }
    return urllib.request.Request(f"{call['base_url']}/images/edits", body, headers)


def whole(answer: Any) -> dict[str, Any]:
    document = json.loads(answer.read().decode("utf-8"))
    pictures = [item["b64_json"] for item in document["data"]]
    if not pictures or not all(base64.b64decode(one, validate=True) for one in pictures):
        raise ValueError("no picture")
    return {"images": pictures, "events": [], "usage": document.get("usage"), "error": None}


def streamed(answer: Any) -> dict[str, Any]:
    """All of it is read first; what a user would see of it early does not matter here."""
    raw = b""
    while piece := answer.read1(4096):
        raw += piece
    events, pictures = [], []
    text = raw.decode("utf-8").removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    # Without its blank line an event has not ended.
    for block in text.split("\n\n")[:-1]:
        data = "\n".join(line[5:].removeprefix(" ") for line in block.split("\n") if line.startswith("data:"))
        if not data or data == "[DONE]":
            continue
        event = json.loads(data)
        if event.get("error"):
            raise Stream(f"{event['error'].get('code')}: {event['error'].get('message')}")
        if not event["type"].startswith(("image_edit.", "image_generation.")):
            continue
        base64.b64decode(event["b64_json"], validate=True)
        events.append(event)
        pictures.append(event["b64_json"])
        if event["type"].endswith(".completed"):
            return {"images": pictures, "events": events, "usage": event.get("usage"), "error": None}
    raise Stream("it ended without its completed event")


if __name__ == "__main__":
    main()
