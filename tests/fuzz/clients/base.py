"""A small client on http.client that does all as it should, cut into pieces that others can do wrong."""

import base64
import contextlib
import http.client
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

Call = dict[str, Any]
Result = dict[str, Any]
TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp"}
FAMILIES = ("image_edit.", "image_generation.")


class Trouble(Exception):
    """A call that came to nothing."""

    def __init__(self, kind: str, message: str, status: int | None = None, code: Any = None, wait: Any = None) -> None:
        super().__init__(message)
        self.told = {"kind": kind, "status": status, "code": code, "message": message}
        self.wait = wait


class Client:
    """The correct one."""

    retries = 2

    def edit(self, call: Call) -> Result:
        """One edit."""
        self.end = time.monotonic() + call["deadline_s"] * 0.9
        result: Result = {"images": [], "events": [], "usage": None, "error": None}
        try:
            self.attempts(call, result)
        except Trouble as trouble:
            result |= {"images": [], "error": trouble.told}
        return result

    def attempts(self, call: Call, result: Result) -> None:
        for attempt in range(self.retries + 1):
            try:
                return self.attempt(call, result)
            except Trouble as trouble:
                wait = self.backoff(trouble, attempt)
                if attempt == self.retries or not self.again(trouble) or time.monotonic() + wait > self.end:
                    raise
                time.sleep(wait)

    def backoff(self, trouble: Trouble, attempt: int) -> float:
        return float(trouble.wait or 0.05 * 2**attempt)

    def again(self, trouble: Trouble) -> bool:
        status = trouble.told["status"]
        if trouble.told["code"] in ("insufficient_quota", "billing_hard_limit_reached", "credit_balance_exhausted"):
            return False
        if trouble.told["code"] == "project_spend_limit_exceeded":
            return False
        return status is not None and (status in (408, 409, 429) or status >= 500)

    def attempt(self, call: Call, result: Result) -> None:
        parts = urlsplit(call["base_url"])
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=self.left())
        try:
            body, kind = self.form(call)
            connection.request("POST", self.path(parts.path, call), body, {**self.headers(call), "Content-Type": kind})
            response = connection.getresponse()
            if response.status != 200:
                self.refused(response)
            if call["stream"]:
                self.stream(response, connection, result)
            else:
                self.whole(response, result)
        except TimeoutError as error:
            raise Trouble("timeout", str(error)) from error
        except (OSError, http.client.HTTPException) as error:
            raise Trouble("connection", repr(error)) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Trouble("bad_answer", repr(error)) from error
        finally:
            connection.close()

    def left(self) -> float:
        return max(0.05, self.end - time.monotonic())

    def path(self, path: str, call: Call) -> str:
        return f"{path}/images/edits"

    def headers(self, call: Call) -> dict[str, str]:
        return {"Authorization": f"Bearer {call['api_key']}"}

    def fields(self, call: Call) -> dict[str, Any]:
        fields = {"model": call["model"], "prompt": call["prompt"], **call["options"]}
        return fields | ({"stream": True} if call["stream"] else {})

    def files(self, call: Call) -> list[tuple[str, str]]:
        name = "image[]" if len(call["images"]) > 1 else "image"
        return [(name, path) for path in call["images"]] + ([("mask", call["mask"])] if call["mask"] else [])

    def media_type(self, field: str, path: str) -> str:
        return TYPES[Path(path).suffix]

    def form(self, call: Call) -> tuple[bytes, str]:
        edge, out = b"--boundary-7d1f0c", b""
        for name, value in self.fields(call).items():
            text = value if isinstance(value, str) else json.dumps(value)
            out += (
                edge + f'\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + text.encode() + b"\r\n"
            )
        for name, path in self.files(call):
            called = Path(path).name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
            head = f'\r\nContent-Disposition: form-data; name="{name}"; filename="{called}"\r\n'
            out += edge + head.encode() + f"Content-Type: {self.media_type(name, path)}\r\n\r\n".encode()
            out += Path(path).read_bytes() + b"\r\n"
        return out + edge + b"--\r\n", "multipart/form-data; boundary=boundary-7d1f0c"

    def refused(self, response: http.client.HTTPResponse) -> None:
        raw, error = response.read(), {}
        with contextlib.suppress(ValueError, KeyError, TypeError):
            error = json.loads(raw)["error"]
        wait = response.getheader("retry-after")
        wait = wait if wait and wait.isdigit() else None
        message = error.get("message") or raw[:200].decode("utf-8", "replace")
        raise Trouble("status", str(message), response.status, error.get("code"), wait)

    def whole(self, response: http.client.HTTPResponse, result: Result) -> None:
        document = json.loads(response.read())
        pictures = [item["b64_json"] for item in document["data"]]
        if not pictures:
            raise ValueError("no picture")
        for picture in pictures:
            self.decoded(picture)
        usage = document.get("usage")
        result |= {"images": pictures, "usage": usage if isinstance(usage, dict) else None}

    def decoded(self, picture: str) -> bytes:
        return base64.b64decode(picture, validate=True)

    def stream(self, response: http.client.HTTPResponse, connection: Any, result: Result) -> None:
        for data in self.events(self.chunks(response, connection)):
            if data.strip() != "[DONE]":
                self.event(json.loads(data), result)
        if not result["images"]:
            raise Trouble("stream", "the stream ended without its completed event")

    def event(self, event: Any, result: Result) -> None:
        if event.get("error"):
            raise Trouble("stream", event["error"].get("message") or "", None, event["error"].get("code"))
        if not event["type"].startswith(FAMILIES):
            return
        self.decoded(event["b64_json"])
        result["events"].append(event)
        if event["type"].endswith(".completed"):
            usage = event.get("usage")
            result |= {"images": [event["b64_json"]], "usage": usage if isinstance(usage, dict) else None}

    def chunks(self, response: http.client.HTTPResponse, connection: Any) -> Any:
        while True:
            if connection.sock is not None:
                connection.sock.settimeout(self.left())
            chunk = response.read1(65536)
            if not chunk:
                return
            yield chunk

    def events(self, chunks: Any) -> Any:
        """The data of each event, as the standard reads a stream."""
        held, data, first, after_cr = b"", [], True, False
        for chunk in chunks:
            if after_cr and chunk.startswith(b"\n"):
                chunk = chunk[1:]
            after_cr = False
            held += chunk
            if first and len(held) >= 3:
                held, first = held.removeprefix(b"\xef\xbb\xbf"), False
            if first and b"\n" not in held:
                continue
            # Of bytes, splitlines knows LF, CR LF and CR alone.
            lines = held.splitlines(keepends=True)
            held = lines.pop() if lines and not lines[-1].endswith((b"\n", b"\r")) else b""
            after_cr = bool(lines) and not held and lines[-1].endswith(b"\r")
            for line in lines:
                text = line.rstrip(b"\r\n").decode()
                if text.startswith("data:"):
                    data.append(text[5:].removeprefix(" "))
                elif not text and data:
                    yield "\n".join(data)
                    data = []


def edit(call: Call) -> Result:
    """The correct client."""
    return Client().edit(call)
