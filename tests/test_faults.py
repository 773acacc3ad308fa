"""Every fault over a real socket: what a raw client sees, what httpx2 makes of it, and what the official client does."""

import base64
import gzip
import json
import re
import socket
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import openai
import pytest

from mockserver import resources
from mockserver.engine.values import Settings
from mockserver.scenario.faults import table
from mockserver.scenario.faults.table import FAULTS
from mockserver.scenario.machine import build
from mockserver.server import Running, running
from mockserver.state import Server
from tests.pictures import opened, png

EDITS = "/v1/images/edits"
KEY = "sk-test-0123456789"
CALL = {"model": "gpt-image-1.5", "prompt": "Make it night"}
STREAM = CALL | {"stream": "true", "partial_images": "2"}
FILES = {"image": ("a.png", png(), "image/png")}


@pytest.fixture(autouse=True)
def contracted() -> None:
    """Broken answers break the contract."""


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running(Server(Settings(paint="flat"), clock=lambda: 1_795_000_000.0)) as started:
        yield started


class Seen:
    """What became of one call: the bytes on the wire, how the connection ended, and what httpx2 made of it."""

    def __init__(self, server: Running, name: str, given: Any, fields: dict[str, str], error: str | None) -> None:
        step = {"error": error} if error else {"ok": {}}
        faults = [{name: given}] if name else []
        self.scenario = build({"scenario": "mine", "steps": [{**step, "faults": faults}]})
        self.server = server
        self.play()
        self.response: Any = None
        self.error: Exception | None = None
        try:
            with httpx2.Client(base_url=f"{server.url}/__mock/s/me", timeout=5) as client:
                self.response = client.post(EDITS, data=fields, files=FILES, headers={"Authorization": f"Bearer {KEY}"})
        except httpx2.HTTPError as caught:
            self.error = caught
        self.play()
        self.raw, self.end = self.spoken(fields)
        self.entry = server.call(lambda: server.server.journal.entries("me")[-1])

    def play(self) -> None:
        self.server.call(lambda: self.server.server.state.play("me", self.scenario))

    def spoken(self, fields: dict[str, str]) -> tuple[bytes, str]:
        """All bytes of an answer and how it ended: `closed`, `reset`, or `open` when no more came."""
        request = httpx2.Request("POST", f"http://x/__mock/s/me{EDITS}", data=fields, files=FILES)
        head = "".join(f"{key}: {value}\r\n" for key, value in request.headers.items())
        address = ("127.0.0.1", int(self.server.url.rpartition(":")[2]))
        received = bytearray()
        with socket.create_connection(address) as client:
            client.settimeout(0.3)
            auth = f"authorization: Bearer {KEY}\r\n"
            client.sendall(f"POST /__mock/s/me{EDITS} HTTP/1.1\r\n{head}{auth}\r\n".encode() + request.read())
            while True:
                try:
                    data = client.recv(65_536)
                except TimeoutError:
                    return bytes(received), "open"
                except ConnectionResetError:
                    return bytes(received), "reset"
                if not data:
                    return bytes(received), "closed"
                received += data

    @property
    def head(self) -> bytes:
        return self.raw.partition(b"\r\n\r\n")[0]

    @property
    def body(self) -> Any:
        return self.response.json()

    @property
    def events(self) -> list[Any]:
        """The data of each event, as the standard says."""
        text = self.response.content.decode("utf-8-sig")
        blocks = re.split("\n\n+", re.sub("\r\n|\r", "\n", text))
        datas = [[line for line in block.split("\n") if line.startswith("data:")] for block in blocks]
        return ["\n".join(line.removeprefix("data:").removeprefix(" ") for line in lines) for lines in datas if lines]


def types(seen: Seen) -> list[str]:
    return [json.loads(data)["type"].partition(".")[2] for data in seen.events]


ALL = ["partial_image", "partial_image", "completed"]


def failed(kind: type[Exception], text: str = "") -> Callable[[Seen], bool]:
    return lambda seen: isinstance(seen.error, kind) and text in str(seen.error)


def cut(seen: Seen) -> bool:
    return isinstance(seen.error, httpx2.RemoteProtocolError | httpx2.ReadError)


def picture(seen: Seen) -> Any:
    return opened(base64.b64decode(seen.body["data"][0]["b64_json"], validate=True))


def no_base64(seen: Seen) -> bool:
    with pytest.raises(ValueError, match=r".") as caught:
        base64.b64decode(seen.body["data"][0]["b64_json"], validate=True)
    return caught.type is not None


def garbled(seen: Seen) -> bool:
    return not seen.response.content.isascii()


def no_json(seen: Seen) -> bool:
    with pytest.raises(ValueError, match=r"."):
        seen.response.json()
    return bool(seen.response.is_success)


Case = tuple[str, Any, dict[str, str], str | None, Callable[[Seen], bool]]
J, S = CALL, STREAM
LONG = 8 * 1024 * 1024
CASES: list[Case] = [
    ("latency", 0.01, J, None, lambda s: len(s.body["data"]) == 1),
    ("latency", {"from": 0.01, "to": 0.02}, J, None, lambda s: s.response.is_success),
    ("latency", {"to": 0.02}, J, None, lambda s: s.response.is_success),
    ("latency", {"median": 0.01, "sigma": 0.1}, S, None, lambda s: types(s) == ALL),
    ("drip", {"bytes": 2000, "seconds": 0.001}, J, None, lambda s: s.raw.count(b"\r\n7d0\r\n") > 1),
    ("drip", {"bytes": 20, "seconds": 0}, J, "server-error", lambda s: s.response.status_code == 500),
    ("stall", {}, J, None, lambda s: s.raw == b"" and s.end == "open" and failed(httpx2.ReadTimeout)(s)),
    ("stall", "headers", J, None, lambda s: s.raw.endswith(b"\r\n\r\n") and s.end == "open"),
    ("stall", {"at": "body", "bytes": 10}, J, None, lambda s: b"\r\na\r\n{" in s.raw and s.end == "open"),
    ("stall", {"at": "events", "events": 2}, S, None, lambda s: s.raw.count(b"event:") == 2 and s.end == "open"),
    ("stall", {"at": "events", "seconds": 0.01}, S, None, lambda s: types(s) == ALL),
    ("close", {}, J, None, lambda s: (s.raw, s.end) == (b"", "closed") and cut(s)),
    ("close", "inside_headers", J, None, lambda s: s.raw[:12] == b"HTTP/1.1 200" and b"\r\n\r\n" not in s.raw and cut(s)),
    ("close", "headers", J, None, lambda s: s.raw.endswith(b"\r\n\r\n") and s.end == "closed" and cut(s)),
    ("close", {"at": "body", "bytes": 0}, J, None, lambda s: s.raw.endswith(b"\r\n\r\n") and s.end == "closed" and cut(s)),
    ("reset", {}, J, None, lambda s: (s.raw, s.end) == (b"", "reset") and cut(s)),
    ("reset", "inside_headers", J, None, lambda s: b"\r\n\r\n" not in s.raw and s.end == "reset" and cut(s)),
    ("reset", "headers", J, None, lambda s: s.raw.endswith(b"\r\n\r\n") and s.end == "reset" and cut(s)),
    ("reset", "body", S, None, lambda s: b"event:" in s.raw and s.end == "reset" and cut(s)),
    ("truncate", {}, J, None, lambda s: s.end == "closed" and not s.raw.endswith(b"0\r\n\r\n") and cut(s)),
    ("truncate", 1, S, None, lambda s: s.raw.endswith(b"0\r\n\r") and s.end == "closed" and cut(s)),
    ("truncate", 0.5, J, "server-error", lambda s: s.raw.count(b"message") < 4 and cut(s)),
    ("content_length", {}, J, None, lambda s: s.end == "closed" and failed(httpx2.RemoteProtocolError, "body")(s)),
    ("content_length", -10, J, None, lambda s: no_json(s) and s.raw.endswith(b"}") and s.end == "closed"),
    ("content_length", -10_000_000, S, None, lambda s: b"content-length: 0" in s.head and b"event:" in s.raw),
    ("garble", {}, J, None, garbled),
    ("garble", {"bytes": 3}, S, None, garbled),
    ("garble", {"in": "headers"}, J, None, lambda s: s.raw[:8] != b"HTTP/1.1" and failed(httpx2.RemoteProtocolError)(s)),
    ("split", {}, J, None, lambda s: len(s.body["data"]) == 1 and s.end == "closed"),
    ("split", {"at": [1, 20, 300, 10**9]}, J, "server-error", lambda s: s.body["error"]["code"] == "server_error"),
    ("split", {"inside": "data"}, S, None, lambda s: types(s) == ALL),
    ("split", {"every": 7, "most": 20}, S, None, lambda s: types(s) == ALL),
    ("early", {}, J, "server-error", lambda s: s.response.status_code == 500 and s.end == "open"),
    ("early", "close", J, "server-error", lambda s: s.end in ("closed", "reset")),
    *[
        ("status", code, J, None, lambda s: s.response.headers["content-type"] == "text/html" and b"<h1>" in s.raw)
        for code in (408, 409, 413, 429, 500, 502, 503, 504, 520, 599)
    ],
    ("status", {"body": "json"}, S, None, lambda s: s.body["error"]["type"] == "server_error"),
    ("status", {"code": 413, "body": "text"}, J, None, lambda s: s.response.text.isascii()),
    ("status", {"code": 502, "body": "empty"}, J, "server-error", lambda s: s.response.content == b""),
    ("redirect", {}, J, None, lambda s: s.response.next_request.url.query == b"redirected=1"),
    ("redirect", {"code": 308, "to": "/v1/elsewhere"}, J, None, lambda s: s.response.next_request.url.path == "/v1/elsewhere"),
    ("retry_after", "seconds", J, "rate-input-images", lambda s: s.response.headers["retry-after"] == "2"),
    ("retry_after", "absent", J, "rate-input-images", lambda s: "retry-after" not in s.response.headers),
    (
        "retry_after",
        {"as": "date", "seconds": 7},
        J,
        "rate-input-images",
        lambda s: (parsedate_to_datetime(s.response.headers["retry-after"]).timestamp() == 1_795_000_007),
    ),
    ("gzip", {}, J, None, lambda s: len(s.body["data"]) == 1 and b"b64_json" not in s.raw),
    ("gzip", {}, S, None, lambda s: types(s) == ALL and b"b64_json" not in s.raw),
    (
        "gzip",
        {},
        J,
        "server-error",
        lambda s: b"server_error" in gzip.decompress(s.raw.partition(b"\r\n\r\n")[2]) and "error" in s.body,
    ),
    ("content_type", {}, J, None, lambda s: s.response.headers["content-type"] == "text/html"),
    ("content_type", None, J, None, lambda s: "content-type" not in s.response.headers),
    ("empty", {}, J, None, lambda s: (s.response.status_code, s.response.content) == (200, b"")),
    ("empty", {}, S, None, lambda s: s.response.content == b"" and s.raw.endswith(b"\r\n\r\n0\r\n\r\n")),
    ("missing", {}, J, None, lambda s: s.body["data"] == [{}]),
    ("missing", "usage", S, None, lambda s: types(s) == ALL and "usage" not in s.events[-1]),
    ("missing", ["usage.*", "data.0"], J, None, lambda s: (s.body["usage"], s.body["data"]) == ({}, [])),
    ("missing", "error.code", J, "server-error", lambda s: "code" not in s.body["error"]),
    ("null", {}, J, None, lambda s: s.body["data"] == [{"b64_json": None}]),
    ("null", "data", J, None, lambda s: s.body["data"] is None),
    ("wrong_type", {}, J, None, lambda s: s.body["data"] == [{"b64_json": 42}]),
    ("wrong_type", ["data", "usage", "created"], J, None, lambda s: (s.body["data"], s.body["created"]) == ({}, "42")),
    ("huge_number", {}, J, None, lambda s: s.body["created"] == s.body["usage"]["total_tokens"] == 10**30),
    ("huge_number", {"path": "usage.total_tokens", "digits": 300}, S, None, lambda s: "0" * 300 in s.events[-1]),
    ("new_enum", {}, J, None, lambda s: s.body["quality"] == s.body["size"] == "ultra"),
    ("unknown_fields", {}, J, None, lambda s: s.body["x_unknown"] and "🦊".encode() in s.raw),
    ("unknown_fields", {}, S, None, lambda s: types(s) == ALL and "x_unknown" in s.events[0]),
    ("empty_data", {}, J, None, lambda s: s.body["data"] == []),
    ("bad_base64", {}, J, None, no_base64),
    ("bad_base64", "character", J, None, no_base64),
    ("bad_base64", "data_url", J, None, no_base64),
    ("other_image", {}, J, None, lambda s: (picture(s).format, s.body["output_format"]) == ("JPEG", "png")),
    ("other_image", {"size": "48x32"}, J, None, lambda s: (picture(s).format, picture(s).size) == ("PNG", (48, 32))),
    ("other_image", {}, J | {"output_format": "jpeg"}, None, lambda s: picture(s).format == "PNG"),
    ("other_image", "webp", J, None, lambda s: picture(s).format == "WEBP"),
    ("cut_json", {}, J, None, no_json),
    ("cut_json", 0.9, J, "server-error", lambda s: s.response.text.startswith("{") and not s.response.text.endswith("}")),
    ("not_json", {}, J, None, no_json),
    ("not_json", "hello", J, None, lambda s: s.response.text == "hello"),
    ("line_ends", {}, S, None, lambda s: b"\r\n\r\n" in s.response.content and types(s) == ALL),
    ("line_ends", "cr", S, None, lambda s: b"\n" not in s.response.content and types(s) == ALL),
    ("comments", {}, S, None, lambda s: s.response.text.count(": keep-alive\n") == 3 and types(s) == ALL),
    ("ids", {}, S, None, lambda s: s.response.text.startswith("id: 0\n") and types(s) == ALL),
    ("retry", 5, S, None, lambda s: s.response.text.startswith("retry: 5\n") and types(s) == ALL),
    ("data_lines", {}, S, None, lambda s: s.response.text.count("\ndata: ") > 20 and types(s) == ALL),
    ("no_space", {}, S, None, lambda s: "event:image" in s.response.text and types(s) == ALL),
    ("bom", {}, S, None, lambda s: s.response.content[:3] == b"\xef\xbb\xbf" and types(s) == ALL),
    ("unknown_events", {}, S, None, lambda s: types(s) == [t for known in ALL for t in ("progress", known)]),
    ("duplicate_partials", {}, S, None, lambda s: types(s) == ["partial_image"] * 4 + ["completed"]),
    ("reorder_partials", {}, S, None, lambda s: [json.loads(d)["sequence_number"] for d in s.events] == [1, 0, 2]),
    ("fewer_partials", {}, S, None, lambda s: types(s) == ["completed"]),
    ("fewer_partials", 1, S, None, lambda s: types(s) == ["partial_image", "completed"]),
    ("no_completed", {}, S, None, lambda s: types(s) == ["partial_image"] * 2),
    ("half_event", {}, S, None, lambda s: not s.response.text.endswith("\n") and s.raw.endswith(b"0\r\n\r\n")),
    ("json_instead", {}, S, None, lambda s: picture(s).size == (1024, 1024)),
    ("done", {}, S, None, lambda s: s.response.text.endswith("}\n\ndata: [DONE]\n\n")),
    ("wrong_family", {}, S, None, lambda s: "event: image_generation.completed" in s.response.text),
    ("error_event", {}, S, None, lambda s: [json.loads(d)["type"] for d in s.events] == ["image_edit.partial_image", "error"]),
    ("error_event", {"as": "moderation", "after": 0}, S, None, lambda s: "moderation_blocked" in s.response.text),
    ("huge_event", {}, S, None, lambda s: len(s.events[-1]) > LONG and types(s) == ALL),
    ("gap", 0.01, S, None, lambda s: types(s) == ALL),
]


@pytest.mark.parametrize("case", CASES, ids=[f"{case[0]}-{number}" for number, case in enumerate(CASES)])
def test_seen(server: Running, case: Case) -> None:
    name, given, fields, error, expected = case
    seen = Seen(server, name, given, fields, error)
    assert expected(seen), (seen.error, seen.raw[:400], seen.end)
    assert seen.entry["turn"]["faults"] == [name]
    assert seen.entry["answer"]["outcome"] == "faulted"
    assert any(name in hint for hint in seen.entry["hints"])


def test_each_is_tested() -> None:
    assert {case[0] for case in CASES} == set(FAULTS)
