"""Every fault over a real socket: as seen by a raw client, httpx2 and the official client."""

import asyncio
import base64
import contextlib
import gzip
import json
import logging
import re
import socket
import time
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from logging.handlers import BufferingHandler
from typing import Any

import httpx2
import openai
import pytest
from jsonschema import Draft202012Validator

from mockserver.cli import tables
from mockserver.core import data_files
from mockserver.engine.values import Settings
from mockserver.scenario.faults import table
from mockserver.scenario.faults.fault import LAYERS, Fault
from mockserver.scenario.faults.table import FAULTS
from mockserver.scenario.machine import build
from mockserver.server.app import create_app
from mockserver.server.send import WireFaultNeedsSocket
from mockserver.server.uvicorn_server import BackgroundServer, serve_in_thread
from mockserver.state.memory import MemoryState
from mockserver.state.sessions import SessionStore
from tests.support.images import decode_image, png

EDITS = "/v1/images/edits"
KEY = "sk-test-0123456789"
CALL = {"model": "gpt-image-1.5", "prompt": "Make it night"}
STREAM = CALL | {"stream": "true", "partial_images": "2"}
FILES = {"image": ("a.png", png(), "image/png")}


def connect(server: BackgroundServer) -> socket.socket:
    """Connect to the server with a timeout of 30 seconds."""
    return socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=30)


def build_request(fields: dict[str, str], close: bool = True) -> bytes:
    """Serialize an edit in the session `me`."""
    request = httpx2.Request("POST", f"http://x/__mock/s/me{EDITS}", data=fields, files=FILES)
    more = {"authorization": f"Bearer {KEY}", **({"connection": "close"} if close else {})}
    head = "".join(f"{key}: {value}\r\n" for key, value in (dict(request.headers) | more).items())
    return f"POST /__mock/s/me{EDITS} HTTP/1.1\r\n{head}\r\n".encode() + request.read()


@pytest.fixture(autouse=True)
def contracted() -> None:
    """Disable the check: faults violate the contract."""


@pytest.fixture(scope="module")
def server() -> Iterator[BackgroundServer]:
    complaints, logger = BufferingHandler(1000), logging.getLogger("uvicorn.error")
    with serve_in_thread(MemoryState(Settings(paint="flat"), clock=lambda: 1_795_000_000.0)) as started:
        logger.addHandler(complaints)
        yield started
    logger.removeHandler(complaints)
    assert [record.getMessage() for record in complaints.buffer] == []


class Seen:
    """The result of one call: the bytes on the wire, how the connection ended, and the result in httpx2."""

    def __init__(
        self, server: BackgroundServer, name: str, given: Any, fields: dict[str, str], error: str | None
    ) -> None:
        step: dict[str, Any] = {"error": error} if error else {"ok": {}}
        if name == "retry_after":
            step["retry_after"] = 0.5
        self.scenario = build({"scenario": "mine", "steps": [{**step, "faults": [{name: given}]}]})
        self.server = server
        self.is_endless = name == "stall" and "seconds" not in given
        self.play()
        self.response: Any = None
        self.error: Exception | None = None
        try:
            timeout = httpx2.Timeout(60, read=0.5 if self.is_endless else 60)
            with httpx2.Client(base_url=f"{server.url}/__mock/s/me", timeout=timeout) as client:
                self.response = client.post(EDITS, data=fields, files=FILES, headers={"Authorization": f"Bearer {KEY}"})
        except httpx2.HTTPError as caught:
            self.error = caught
        self.play()
        self.raw, self.end = self.exchange(fields)
        self.entry = server.call(lambda: server.server.journal.entries("me")[-1])

    def play(self) -> None:
        self.server.call(lambda: self.server.server.sessions.play("me", self.scenario))

    def exchange(self, fields: dict[str, str]) -> tuple[bytes, str]:
        """Return all received bytes and how the connection ended: `closed`, `reset`, or `open` after a timeout."""
        received = bytearray()
        wait_until(lambda: not is_stalled(self.server))
        with connect(self.server) as client:
            client.sendall(build_request(fields))
            while True:
                if self.is_endless:
                    # All that is sent before the stall has been sent by then.
                    wait_until(lambda: is_stalled(self.server))
                    client.settimeout(0.1)
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
        """The data of each event, parsed as the standard defines."""
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
    return decode_image(base64.b64decode(seen.body["data"][0]["b64_json"], validate=True))


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
    (
        "close",
        "inside_headers",
        J,
        None,
        lambda s: s.raw[:12] == b"HTTP/1.1 200" and b"\r\n\r\n" not in s.raw and cut(s),
    ),
    ("close", "headers", J, None, lambda s: s.raw.endswith(b"\r\n\r\n") and s.end == "closed" and cut(s)),
    (
        "close",
        {"at": "body", "bytes": 0},
        J,
        None,
        lambda s: s.raw.endswith(b"\r\n\r\n") and s.end == "closed" and cut(s),
    ),
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
    (
        "garble",
        {"in": "headers"},
        J,
        None,
        lambda s: s.raw[:8] != b"HTTP/1.1" and failed(httpx2.RemoteProtocolError)(s),
    ),
    ("split", {}, J, None, lambda s: len(s.body["data"]) == 1 and s.end == "closed"),
    ("split", {"at": [1, 20, 300, 10**9]}, J, "server-error", lambda s: s.body["error"]["code"] == "server_error"),
    ("split", {"inside": "data"}, S, None, lambda s: types(s) == ALL),
    ("split", {"every": 7, "most": 20}, S, None, lambda s: types(s) == ALL),
    ("early", {}, J, "server-error", lambda s: s.response.status_code == 500 and s.end == "closed"),
    ("early", "close", J, "server-error", lambda s: s.end in ("closed", "reset")),
    *[
        ("status", code, J, None, lambda s: s.response.headers["content-type"] == "text/html" and b"<h1>" in s.raw)
        for code in (408, 409, 413, 429, 500, 502, 503, 504, 520, 599)
    ],
    ("status", {"body": "json"}, S, None, lambda s: s.body["error"]["type"] == "server_error"),
    ("status", {"code": 413, "body": "text"}, J, None, lambda s: s.response.text.isascii()),
    ("status", {"code": 502, "body": "empty"}, J, "server-error", lambda s: s.response.content == b""),
    ("redirect", {}, J, None, lambda s: s.response.next_request.url.query == b"redirected=1"),
    (
        "redirect",
        {"code": 308, "to": "/v1/elsewhere"},
        J,
        None,
        lambda s: s.response.next_request.url.path == "/v1/elsewhere",
    ),
    ("retry_after", "seconds", J, "rate-input-images", lambda s: s.response.headers["retry-after"] == "2"),
    ("retry_after", "absent", J, "rate-input-images", lambda s: "retry-after" not in s.response.headers),
    (
        "retry_after",
        {"as": "date", "seconds": 7},
        J,
        "rate-input-images",
        lambda s: parsedate_to_datetime(s.response.headers["retry-after"]).timestamp() == 1_795_000_007,
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
    ("nulls", {}, J, None, lambda s: s.body["data"] == [{"b64_json": None}]),
    ("nulls", "data", J, None, lambda s: s.body["data"] is None),
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
    (
        "cut_json",
        0.9,
        J,
        "server-error",
        lambda s: s.response.text.startswith("{") and not s.response.text.endswith("}"),
    ),
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
    (
        "error_event",
        {},
        S,
        None,
        lambda s: [json.loads(d)["type"] for d in s.events] == ["image_edit.partial_image", "error"],
    ),
    ("error_event", {"as": "moderation", "after": 0}, S, None, lambda s: "moderation_blocked" in s.response.text),
    ("huge_event", {}, S, None, lambda s: len(s.events[-1]) > LONG and types(s) == ALL),
    ("gap", 0.01, S, None, lambda s: types(s) == ALL),
]


@pytest.mark.parametrize("case", CASES, ids=[f"{case[0]}-{number}" for number, case in enumerate(CASES)])
def test_fault(server: BackgroundServer, case: Case) -> None:
    name, given, fields, error, expected = case
    seen = Seen(server, name, given, fields, error)
    assert expected(seen), (seen.error, seen.raw[:400], seen.end)
    assert seen.entry["turn"]["faults"] == [name]
    assert seen.entry["answer"]["outcome"] == "faulted"
    assert any(name in hint for hint in seen.entry["hints"])


def test_every_fault_has_a_case() -> None:
    assert {case[0] for case in CASES} == set(FAULTS)


def edit(server: BackgroundServer, *faults: Any, stream: bool = False) -> Any:
    """Send an edit with the official client; the response has these faults."""
    scenario = build({"scenario": "mine", "steps": [{"ok": {}, "faults": faults}]})
    server.call(lambda: server.server.sessions.play("me", scenario))
    url = f"{server.url}/__mock/s/me/v1"
    call: dict[str, Any] = {"image": FILES["image"], **CALL}
    with openai.OpenAI(base_url=url, api_key=KEY, max_retries=0, timeout=30) as client:
        if not stream:
            return client.images.edit(**call)
        with client.images.edit(**call, stream=True, partial_images=2) as events:
            return [event for event in events if event.type.startswith("image_edit.")]


LEGAL = [row for row in FAULTS.values() if row.mark == "legal"]
QUICK = {"latency": 0, "gap": 0, "split": {"seconds": 0}, "drip": {"seconds": 0}}
# These faults change the events.
OTHER = {"new_enum", "unknown_fields", "duplicate_partials", "reorder_partials", "fewer_partials", "huge_event"}


@pytest.mark.parametrize("row", [row for row in LEGAL if row.name != "redirect"], ids=lambda row: row.name)
def test_legal(server: BackgroundServer, row: Fault) -> None:
    """The official client gets the same images as without the fault, and the same events of a stream."""
    fault = {row.name: QUICK.get(row.name, {})}
    plain = edit(server, stream=True)
    events = edit(server, fault, stream=True)
    assert events[-1].b64_json == plain[-1].b64_json
    if row.name not in OTHER:
        assert events == plain
    if row.on != "stream":
        assert edit(server, fault).data[0].b64_json == edit(server).data[0].b64_json


def test_all_that_is_legal(server: BackgroundServer) -> None:
    """Combine all legal faults in both orders: each applies where the others allow it."""
    faults = [
        {row.name: QUICK.get(row.name, {})} for row in LEGAL if row.name not in ("redirect", "huge_event", "gzip")
    ]
    for order in (faults, faults[::-1]):
        assert edit(server, *order, stream=True)[-1].b64_json == edit(server, stream=True)[-1].b64_json
        entry = server.call(lambda: server.server.journal.entries("me")[-2])
        assert set(entry["turn"]["faults"]) >= {"line_ends", "bom", "no_space", "data_lines", "split", "drip"}


def test_redirected(server: BackgroundServer) -> None:
    """The official client follows the redirect to the next step."""
    scenario = build({"scenario": "mine", "steps": [{"ok": {}, "faults": [{"redirect": {}}]}, {"ok": {}}]})
    server.call(lambda: server.server.sessions.play("me", scenario))
    with openai.OpenAI(base_url=f"{server.url}/__mock/s/me/v1", api_key=KEY, max_retries=0) as client:
        answer = client.images.edit(image=FILES["image"], prompt="x", model="gpt-image-1.5")
    assert answer.data


@pytest.mark.parametrize(
    "fault",
    [
        {"comments": {"text": "日本", "apart": True}},
        {"line_ends": "cr"},
        {"split": {"inside": "data", "seconds": 0}},
        {"split": {"every": 1, "most": 300}},
    ],
)
def test_legal_in_other_ways(server: BackgroundServer, fault: Any) -> None:
    assert edit(server, fault, stream=True) == edit(server, stream=True)


def test_split_characters(server: BackgroundServer) -> None:
    """The client reassembles a multibyte character that is split between chunks."""
    answer = edit(server, {"split": {"inside": "character"}}, {"unknown_fields": {}})
    assert answer.x_unknown["nested"][2] == {"text": "日本 🦊"}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("stream", [False, True], ids=["body", "stream"])
def test_next_request(server: BackgroundServer, name: str, stream: bool) -> None:
    """The next request of the session succeeds, whether or not the fault applies."""
    quick = QUICK.get(name, {"seconds": 0} if name == "stall" else {})
    steps = [{"ok": {}, "faults": [{name: quick}]}, {"ok": {}}]
    server.call(lambda: server.server.sessions.play("me", build({"scenario": "mine", "steps": steps})))
    with httpx2.Client(base_url=f"{server.url}/__mock/s/me", timeout=30) as client:
        answers: list[Any] = []
        for _ in range(2):
            with contextlib.suppress(httpx2.HTTPError):
                files = STREAM if stream else CALL
                answers.append(client.post(EDITS, data=files, files=FILES, headers={"Authorization": f"Bearer {KEY}"}))
    assert answers[-1].status_code == 200
    assert "completed" in answers[-1].text if stream else answers[-1].json()["data"]
    entry = server.call(lambda: server.server.journal.entries("me")[-2])
    applied, missed = entry["turn"]["faults"], "Faults that do not apply" in " ".join(entry["hints"])
    assert (applied == [name]) is not missed
    assert entry["answer"]["outcome"] == ("served" if missed else "faulted")
    applies = FAULTS[name].on in ("any response", "JSON") or (FAULTS[name].on == "stream") is stream
    assert missed is (name in ("early", "retry_after") or (not applies))


def test_sent_bytes(server: BackgroundServer) -> None:
    """The journal records how much of a truncated response was sent."""
    seen = Seen(server, "reset", {"at": "body", "bytes": 100}, CALL, None)
    assert seen.raw.count(b"\r\n64\r\n") == 1
    assert (seen.entry["answer"]["sent_bytes"], seen.entry["answer"]["complete"]) == (100, False)
    seen = Seen(server, "status", 503, CALL, None)
    size = int(seen.response.headers["content-length"])
    assert (seen.entry["answer"]["sent_bytes"], seen.entry["answer"]["complete"]) == (size, True)
    assert seen.entry["answer"]["status"] == 503


def test_keep_alive_after_content_faults(server: BackgroundServer) -> None:
    """Faults in the content leave the connection usable."""
    scenario = build({"scenario": "mine", "steps": [{"ok": {}, "faults": [{"empty_data": {}}]}]})
    server.call(lambda: server.server.sessions.play("me", scenario))
    with connect(server) as client:
        for _ in range(2):
            client.sendall(build_request(CALL, close=False))
            received = b""
            while not received.endswith(b"\r\n0\r\n\r\n"):
                received += client.recv(65_536)
            assert b'"data": []' in received


def is_stalled(server: BackgroundServer) -> bool:
    """Is a response stalled?"""
    return server.call(lambda: any(one.stalled for one in server.connections))


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline


@pytest.mark.parametrize("at", ["start", "headers", "body"])
def test_stall_ends_with_the_client(server: BackgroundServer, at: str) -> None:
    scenario = build({"scenario": "mine", "steps": [{"ok": {}, "faults": [{"stall": at}]}]})
    server.call(lambda: server.server.sessions.play("me", scenario))
    with connect(server) as client:
        client.sendall(build_request(CALL))
        wait_until(lambda: is_stalled(server))
    wait_until(lambda: not server.call(lambda: server.connections))


@pytest.mark.parametrize("fault", [{"stall": {}}, {"stall": "body"}, {"latency": 3000}, {"drip": {"seconds": 3000}}])
def test_stall_ends_with_the_server(fault: Any, caplog: pytest.LogCaptureFixture) -> None:
    scenario = build({"scenario": "mine", "steps": [{"ok": {}, "faults": [fault]}]})
    with serve_in_thread(MemoryState(Settings(paint="flat"), SessionStore(scenario))) as started:
        client = connect(started)
        client.sendall(build_request(CALL))
        wait_until(lambda: is_stalled(started))
        started.stop()
        with client, contextlib.suppress(ConnectionResetError):
            while client.recv(65_536):
                pass
    assert caplog.messages == []


def test_early_before_the_upload(server: BackgroundServer) -> None:
    """The response precedes the body, which is then discarded; the next call works."""
    faults = [{"early": {}}]
    scenario = build({"scenario": "mine", "steps": [{"error": "slow-down", "faults": faults}, {"ok": {}}]})
    server.call(lambda: server.server.sessions.play("me", scenario))
    head, _, rest = build_request(CALL, close=False).partition(b"\r\n\r\n")
    with connect(server) as client:
        client.sendall(head + b"\r\n\r\n" + rest[:10])
        assert client.recv(12) == b"HTTP/1.1 429"
        client.sendall(rest[10:] + build_request(CALL))
        received = b"".join(iter(lambda: client.recv(65_536), b""))
    assert b"HTTP/1.1 200" in received


def test_upload_while_nothing_is_sent(server: BackgroundServer) -> None:
    """The upload is received and discarded, whatever its size."""
    faults = [{"early": {}}, {"stall": "start"}]
    scenario = build({"scenario": "mine", "steps": [{"error": "slow-down", "faults": faults}]})
    server.call(lambda: server.server.sessions.play("me", scenario))
    head = build_request(CALL).partition(b"\r\n\r\n")[0]
    head = re.sub(rb"content-length: \d+", b"content-length: 50000000", head, flags=re.IGNORECASE)
    with connect(server) as client:
        client.sendall(head + b"\r\n\r\n")
        wait_until(lambda: is_stalled(server))
        client.sendall(bytes(20_000_000))
        held = server.call(lambda: [len(one.cycle.body) for one in server.connections])
    assert held == [0]


@pytest.mark.parametrize(
    ("step", "status"),
    [
        ({"error": "stream-error"}, 200),
        ({"ok": {}}, 200),
    ],
)
def test_early_that_cannot_be(server: BackgroundServer, step: Any, status: int) -> None:
    """Only a request error can be sent early; other responses wait for the upload."""
    scenario = build({"scenario": "mine", "steps": [{**step, "faults": [{"early": {}}]}]})
    server.call(lambda: server.server.sessions.play("me", scenario))
    with httpx2.Client(base_url=f"{server.url}/__mock/s/me", timeout=30) as client:
        answer = client.post(EDITS, data=CALL, files=FILES, headers={"Authorization": f"Bearer {KEY}"})
    entry = server.call(lambda: server.server.journal.entries("me")[-1])
    assert (answer.status_code, entry["answer"]["outcome"]) == (status, "served")
    assert "do not apply to this response: early." in entry["hints"][-1]


def test_early_and_unknown(server: BackgroundServer) -> None:
    """Authentication and routing errors take precedence."""
    scenario = build({"scenario": "mine", "steps": [{"error": "slow-down", "faults": [{"early": {}}]}]})
    server.call(lambda: server.server.sessions.play("me", scenario))
    with httpx2.Client(base_url=f"{server.url}/__mock/s/me", timeout=60) as client:
        assert client.post(EDITS, data=CALL, files=FILES).status_code == 401
        assert client.post("/v1/nothing", headers={"Authorization": f"Bearer {KEY}"}).status_code == 404


@pytest.mark.parametrize("fault", [{"close": {}}, {"reset": "headers"}, {"split": {}}, {"content_length": -1}])
def test_without_a_socket(fault: Any) -> None:
    """An in-memory application has no socket, and reports that."""
    scenario = build({"scenario": "mine", "steps": [{"ok": {}, "faults": [fault]}]})
    app = create_app(MemoryState(Settings(paint="flat"), SessionStore(scenario)))

    async def ask() -> None:
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://mock") as client:
            await client.post(EDITS, data=CALL, files=FILES, headers={"Authorization": f"Bearer {KEY}"})

    with pytest.raises(WireFaultNeedsSocket, match="run it on a server with a socket"):
        asyncio.run(ask())


def test_language() -> None:
    """The schema of scenario files matches the table."""
    assert data_files.contract("schemas/scenario.json")["$defs"]["faults"] == table.schema()
    for row in FAULTS.values():
        Draft202012Validator.check_schema(row.schema())
        assert row.short is None or row.short in row.parameters
        assert row.layer in LAYERS
        defaults = {key: value["default"] for key, value in row.parameters.items() if "default" in value}
        Draft202012Validator(row.schema()).validate(defaults)


def test_table() -> None:
    rows = tables.faults()
    assert [row["fault"] for row in rows] == list(FAULTS)
    assert {row["mark"] for row in rows} == {"legal", "hostile"}
    assert rows[0]["parameters"] == "seconds (1), from, to, median, sigma (0.5)"
