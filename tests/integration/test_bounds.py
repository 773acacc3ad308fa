"""The limits in the documents match the code, and the server enforces them."""

import asyncio
import gc
import http.client
import importlib
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mockserver.core import multipart
from mockserver.core.request import Request
from mockserver.engine.values import Settings
from mockserver.limits import Limits
from mockserver.server.uvicorn_protocol import Connection, Protocol
from mockserver.server.uvicorn_server import serve_in_thread
from mockserver.state.memory import MemoryState
from tests.server.test_protocol import Slow
from tests.support.attacks import edit, form, part, post
from tests.support.client import MockClient
from tests.support.images import png

TEXT = (Path(__file__).parents[2] / "docs" / "reference" / "limits.md").read_text("utf-8")
ROWS = re.findall(r"^\| [^|]+ \| ([^|]+) \| `([\w.]+)` \| [^|]+ \|$", TEXT, re.MULTILINE)


@pytest.mark.parametrize("name", [name for _, name in ROWS])
def test_documented_limit_matches_the_code(name: str) -> None:
    bound = next(bound for bound, other in ROWS if other == name)
    module, _, constant = name.rpartition(".")
    if name == "mockserver.limits.Limits.image_threads":
        assert bound == "twice the processors"
    elif module == "mockserver.limits.Limits":
        assert f"{getattr(Limits(), constant):,}" == bound
    else:
        assert f"{getattr(importlib.import_module(module), constant):,}" == bound


def test_every_row_of_the_tables_is_checked() -> None:
    assert len(ROWS) == TEXT.count("\n| ") - 2  # without the header rows


def nested(levels: int) -> str:
    return '{"a":' * (levels - 1) + "{}" + "}" * (levels - 1)


@pytest.mark.parametrize(("levels", "deep"), [(100, False), (101, True), (400, True), (900, True)])
def test_levels_of_json(levels: int, deep: bool) -> None:
    answer = MockClient().edit(files=None, data=None, content=nested(levels), headers=JSON)
    assert answer.status_code == 400
    assert ("could not parse" in answer.json()["error"]["message"]) == deep


JSON = {"Authorization": "Bearer sk-test-0123456789", "Content-Type": "application/json"}


def test_body_with_a_too_large_content_length_is_not_read() -> None:
    talk = MockClient()
    talk.server.limits = Limits(upload_bytes=1_000)
    answer = talk.edit(data={"prompt": "x" * 2_000})
    assert answer.status_code == 413
    assert "(1000) exceeded" in answer.json()["error"]["message"]


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x"])
def test_reading_stops_when_a_body_exceeds_the_limit(kind: str) -> None:
    came: list[int] = []

    class Pieces:
        """An endless body without a declared length."""

        def __aiter__(self) -> AsyncIterator[bytes]:
            return self

        async def __anext__(self) -> bytes:
            came.append(len(came))
            return b"x" * 400

    talk = MockClient()
    talk.server.limits = Limits(upload_bytes=1_000)
    answer = talk.request("POST", "/v1/images/edits", headers=JSON | {"Content-Type": kind}, content=Pieces())
    assert answer.status_code == 413
    assert "(1000) exceeded" in answer.json()["error"]["message"]
    assert came == [0, 1, 2]


def test_a_text_that_is_too_long() -> None:
    talk = MockClient()
    talk.server.limits = Limits(field_bytes=100)
    response = talk.edit(data={"prompt": "x" * 101})
    assert response.json()["error"]["message"] == "Could not parse multipart form"
    assert talk.edit(data={"prompt": "x" * 100}).status_code == 200


def test_names_of_sessions() -> None:
    path = "/__mock/s/{}/v1/models"
    talk = MockClient()
    assert talk.request("GET", path.format("x" * 200), headers=JSON).status_code == 200
    refused = talk.request("GET", path.format("x" * 201), headers=JSON)
    assert (refused.status_code, refused.json()["detail"]) == (400, "a session's name has at most 200 characters")


def test_queries_about_the_mock() -> None:
    talk = MockClient()
    assert talk.request("GET", "/__mock/journal?session=" + "x" * 4_000).status_code == 200
    assert talk.request("GET", "/__mock/journal?session=" + "x" * 4_096).status_code == 414


def test_keys_that_are_not_ascii() -> None:
    headers = [("Authorization", "Basic \u00ff===".encode("latin-1"))]
    answer = MockClient().request("GET", "/v1/models", headers=headers)
    assert answer.status_code == 401


@pytest.mark.parametrize("stream", [False, True])
def test_nothing_is_rendered_after_the_client_disconnects(stream: bool) -> None:
    with serve_in_thread(MemoryState(Settings(paint="flat"), limits=Limits(image_threads=1))) as started:
        there, server = Slow(started), started.server
        with there.connect() as connection:
            connection.sendall(edit())
            assert connection.recv(9) == b"HTTP/1.1 "
        held: list[Any] = []

        def hold() -> None:
            held.append(server.slots())
            held.append(asyncio.ensure_future(held[0].acquire()))

        started.call(hold)
        if stream:
            started.call(lambda: server.sessions.add_step(None, {"error": "stream-error"}))
        with there.connect() as connection:
            more = [part("stream", b"true")] if stream else []
            connection.sendall(post(form(*more, prompt=b"away")))
            there.until(lambda: bool(held[0]._waiters))
        there.until(lambda: not there.connections())
        started.call(held[0].release)
        there.until(lambda: len(server.journal.noted()) == 2 and not there.connections())
        first, second = server.journal.entries()
    assert first["answer"]["pictures"] != []
    assert (second["answer"]["pictures"], second["answer"]["complete"]) == ([], False)
    assert second["answer"]["code"] == ("image_generation_failed" if stream else None)
    assert stream or (second["usage"], second["cost"]) == (first["usage"], first["cost"])


def test_pieces_of_a_large_part_are_put_together() -> None:
    edge = b"edge"
    data = bytes(range(256)) * 1_000
    body = b'--edge\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\n' + data + b"\r\n--edge--\r\n"
    reader = multipart.FormParser(edge)
    for start in range(0, len(body), 1_000):
        reader.feed(body[start : start + 1_000])
    reader.close()
    assert reader.error is None
    assert reader.parts[0].data == data


def test_too_large_admin_body_is_drained() -> None:
    with serve_in_thread() as started:
        there = Slow(started)
        for size, path in ((2 << 20, "clock"), (2 << 20, "next"), (17 << 20, "clock")):
            with there.connect() as connection:
                connection.sendall(post(b"x" * size, "application/json", f"/__mock/{path}")[: 20 << 20])
                assert connection.recv(65_536)[9:12] in (b"400", b"413")


@pytest.mark.parametrize(
    ("size", "change", "status"),
    [(100, (b"", b""), 200), (3_000_000, (b"", b""), 200), (100, (b"Authorization", b"Other"), 401)],
    ids=["cut", "parsed", "refused"],
)
def test_requests_are_freed_without_the_garbage_collector(size: int, change: tuple[bytes, bytes], status: int) -> None:
    """Uploads are released with their responses, not by a later garbage collection."""
    wanted = edit(image=png() + b"x" * size).replace(b"Connection: close\r\n", b"").replace(*change)

    def held() -> int:
        return sum(isinstance(one, Connection | Protocol | Request | multipart.FormParser) for one in gc.get_objects())

    with serve_in_thread(MemoryState(Settings(paint="flat"))) as started:
        slow = Slow(started)
        gc.collect()
        before = held()
        gc.disable()
        try:
            with slow.connect() as client:
                for _ in range(5):
                    client.sendall(wanted)
                    answer = http.client.HTTPResponse(client)
                    answer.begin()
                    assert (answer.status, bool(answer.read())) == (status, True)
                # The connection still refers to its last request, and a thread may not have released its result yet.
                slow.until(lambda: held() <= before + 2)
                started.call(lambda: started.check_timeouts(0.0))
            slow.until(lambda: held() <= before)
        finally:
            gc.enable()
