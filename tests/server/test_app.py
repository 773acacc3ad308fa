"""The application over a real socket, spoken to byte by byte where it matters."""

import asyncio
import base64
import hashlib
import json
import math
import socket
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import httpx2
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mockserver.contract.asof import as_of
from mockserver.core.plan import Chunk, End, Head, Wait
from mockserver.engine.values import Settings
from mockserver.journal.send_log import SendLog
from mockserver.limits import Limits
from mockserver.scenario.loader import load
from mockserver.server import exchange, extra_headers
from mockserver.server.app import create_app
from mockserver.server.send import InMemory, carry_out
from mockserver.server.uvicorn_server import BackgroundServer, serve_in_thread
from mockserver.state.memory import MemoryState
from mockserver.state.sessions import SessionStore
from tests.support.images import mask_png, png

EDITS = "/v1/images/edits"
AUTH = {"Authorization": "Bearer sk-test-0123456789"}
FIELDS = {"model": "gpt-image-1.5", "prompt": "Make it night"}
IMAGE = ("image", ("a.png", png(), "image/png"))


@pytest.fixture(scope="module")
def server() -> Iterator[BackgroundServer]:
    with serve_in_thread(MemoryState(Settings(paint="flat"), clock=lambda: 1_795_000_000.25)) as started:
        yield started


@pytest.fixture
def client(server: BackgroundServer) -> Iterator[httpx2.Client]:
    server.call(lambda: (server.server.sessions.reset(), server.server.journal.restart()))
    with httpx2.Client(base_url=server.url, headers=AUTH, timeout=60) as client:
        yield client


def last(client: httpx2.Client) -> dict[str, Any]:
    entry: dict[str, Any] = client.get("/__mock/journal").json()["entries"][-1]
    return entry


def test_body_and_headers(client: httpx2.Client) -> None:
    response = client.post(EDITS, data=FIELDS, files=[IMAGE])
    body = response.json()
    assert response.text == json.dumps(body, indent=2)
    assert list(body) == ["created", "background", "data", "output_format", "quality", "size", "usage"]
    assert list(body["usage"]) == [
        "input_tokens",
        "input_tokens_details",
        "output_tokens",
        "output_tokens_details",
        "total_tokens",
    ]
    assert body["created"] == 1_795_000_000
    names = [name.decode() for name, _ in response.headers.raw]
    assert names[:7] == [
        "date",
        "content-type",
        "transfer-encoding",
        "openai-version",
        "openai-organization",
        "openai-project",
        "x-request-id",
    ]
    assert response.headers["date"] == "Wed, 18 Nov 2026 11:06:40 GMT"


def test_same_bytes(client: httpx2.Client, server: BackgroundServer) -> None:
    answers = []
    for _ in range(2):
        server.call(lambda: (server.server.sessions.reset(), server.server.journal.restart()))
        response = client.post(EDITS, data=FIELDS, files=[IMAGE])
        answers.append((response.headers.raw, response.content))
    assert answers[0] == answers[1]


def test_stream_frames(client: httpx2.Client) -> None:
    response = client.post(EDITS, data=FIELDS | {"stream": "true", "partial_images": "1"}, files=[IMAGE])
    assert response.headers["content-type"] == "text/event-stream"
    partial, completed, rest = response.text.split("\n\n")
    assert rest == ""
    event, data = partial.split("\n")
    assert event == "event: image_edit.partial_image"
    assert list(json.loads(data.removeprefix("data: "))) == [
        "created_at",
        "type",
        "b64_json",
        "background",
        "output_format",
        "partial_image_index",
        "quality",
        "sequence_number",
        "size",
    ]
    event, data = completed.split("\n")
    assert event == "event: image_edit.completed"
    value = json.loads(data.removeprefix("data: "))
    assert data == "data: " + json.dumps(value, separators=(",", ":"))
    assert list(value) == [
        "created_at",
        "type",
        "b64_json",
        "background",
        "output_format",
        "quality",
        "sequence_number",
        "size",
        "usage",
    ]
    assert list(value["usage"]) == ["input_tokens", "input_tokens_details", "output_tokens", "total_tokens"]
    assert value["sequence_number"] == 1


def refused(message: str, type: str, param: str | None, code: str | None) -> str:
    return json.dumps({"error": {"message": message, "type": type, "param": param, "code": code}}, indent=2)


CONTACT = "If you believe this is an error, contact us at help.openai.com and include the request ID"
REFUSALS: dict[str, tuple[int, dict[str, Any], str]] = {
    "octet-stream": (
        400,
        {"data": FIELDS, "files": [("image", ("upload", png(), "application/octet-stream"))]},
        refused(
            "Invalid file 'image': unsupported mimetype ('application/octet-stream'). Supported file formats are "
            "'image/jpeg', 'image/png', and 'image/webp'.",
            "invalid_request_error",
            "image",
            "unsupported_file_mimetype",
        ),
    ),
    "octet-stream in a list": (
        400,
        {"data": FIELDS, "files": [("image[]", IMAGE[1]), ("image[]", ("x", png(), "audio/wav"))]},
        refused(
            "Invalid file 'image[1]': unsupported mimetype ('audio/wav'). Supported file formats are "
            "'image/jpeg', 'image/png', and 'image/webp'.",
            "invalid_request_error",
            "image[1]",
            "unsupported_file_mimetype",
        ),
    ),
    "no image": (
        400,
        {"data": FIELDS, "files": [("image", ("a.png", b"not a picture", "image/png"))]},
        refused(
            f"Invalid image file or mode for image 1, please check your image file. {CONTACT} req_REQUEST.",
            "image_generation_user_error",
            None,
            "invalid_image_file",
        ),
    ),
    "text for a file": (
        400,
        {"data": FIELDS | {"image": "iVBORw0KGgo="}, "files": [("mask", ("m.png", png(), "image/png"))]},
        refused(
            "Invalid type for 'image': expected one of an array of files or file, but got a string instead.",
            "invalid_request_error",
            "image",
            "invalid_type",
        ),
    ),
    "no prompt": (
        400,
        {"data": {"model": "gpt-image-2"}, "files": [IMAGE]},
        refused(
            "Missing required parameter: 'prompt'.", "invalid_request_error", "prompt", "missing_required_parameter"
        ),
    ),
    "missing image": (
        400,
        {"data": FIELDS, "files": [("mask", ("m.png", png(), "image/png"))]},
        refused("Missing required parameter: 'image'.", "invalid_request_error", "image", "missing_required_parameter"),
    ),
    "no key": (
        401,
        {"headers": {"Authorization": ""}, "data": FIELDS, "files": [IMAGE]},
        refused(
            "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer "
            "auth (i.e. Authorization: Bearer YOUR_KEY), or as the password field (with blank username) if you're "
            "accessing the API from your browser and are prompted for a username and password. You can obtain an API "
            "key from https://platform.openai.com/account/api-keys.",
            "invalid_request_error",
            None,
            None,
        ),
    ),
    "mask of another size": (
        400,
        {"data": FIELDS, "files": [IMAGE, ("mask", ("m.png", mask_png(32, 32), "image/png"))]},
        refused(
            "Invalid mask image format - mask size does not match image size",
            "image_generation_user_error",
            None,
            "invalid_mask_image_format",
        ),
    ),
    "wrong content type": (
        400,
        {"json": FIELDS | {"x": "y"}, "headers": {"Content-Type": "text/plain"}},
        refused(
            "Unsupported content type: 'text/plain'. This API method only accepts 'multipart/form-data' or "
            "'application/json' requests, but you specified the header 'Content-Type: text/plain'. Please try again "
            "with a supported content type.",
            "invalid_request_error",
            None,
            "unsupported_content_type",
        ),
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusal(client: httpx2.Client, name: str) -> None:
    status, request, body = REFUSALS[name]
    response = client.post(EDITS, **request)
    expected = body.replace("req_REQUEST", response.headers["x-request-id"])
    assert (response.status_code, response.text) == (status, expected)
    assert int(response.headers["content-length"]) == len(expected)
    assert response.headers["content-type"] == "application/json"
    assert len(response.headers["x-mockserver-hint"]) > 40
    assert ("www-authenticate" in response.headers) == (status == 401)
    assert ("openai-project" in response.headers) == (status != 401)
    assert last(client)["answer"]["outcome"] == "refused"


def test_unknown_path(client: httpx2.Client) -> None:
    response = client.post("/v1/images/foo", data=FIELDS)
    assert (response.status_code, response.content) == (404, b"")
    assert response.headers["x-content-type-options"] == "nosniff"
    hint = response.headers["x-mockserver-hint"]
    assert "/v1/images/foo" in hint
    paths = [path for path in client.get("/__mock/openapi.json").json()["paths"] if path.startswith("/v1/")]
    assert len(paths) > 5
    assert all(path.partition("/{")[0] in hint for path in paths)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "OPTIONS"])
def test_wrong_method(client: httpx2.Client, method: str) -> None:
    response = client.request(method, EDITS)
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    message = f"Invalid method for URL ({method} /v1/images/edits)"
    assert response.text == ("" if method == "HEAD" else refused(message, "invalid_request_error", None, None))


@pytest.mark.parametrize(
    ("auth", "sent", "status"),
    [
        ("open", "", 200),
        ("bearer", "Bearer anything", 200),
        ("bearer", "bearer anything", 200),
        ("bearer", "Basic OmFueXRoaW5n", 200),
        ("bearer", "Basic !", 401),
        ("bearer", "Bearer ", 401),
        ("bearer", "Token x", 401),
        ("exact", "Bearer sk-right", 200),
        ("exact", "Basic OnNrLXJpZ2h0", 200),
        ("exact", "Bearer sk-wrong", 401),
        ("exact", "", 401),
    ],
)
def test_auth(auth: str, sent: str, status: int) -> None:
    settings = Settings(auth=auth, keys=frozenset(["sk-right"]), paint="flat")
    transport = httpx2.ASGITransport(app=create_app(MemoryState(settings)))

    async def call() -> httpx2.Response:
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.post(EDITS, data=FIELDS, files=[IMAGE], headers={"Authorization": sent})

    response = asyncio.run(call())
    assert response.status_code == status
    assert "sk-right" not in response.text


def test_key_is_masked(server: BackgroundServer) -> None:
    keys = {"sk-short": "sk-short", "sk-proj-0123456789abcdef": "sk-proj-************cdef"}
    with (
        serve_in_thread(MemoryState(Settings(auth="exact", keys=frozenset(["other"])))) as server,
        httpx2.Client(timeout=60) as client,
    ):
        for key, shown in keys.items():
            response = client.post(server.url + EDITS, headers={"Authorization": f"Bearer {key}"})
            assert response.json()["error"]["message"].startswith(f"Incorrect API key provided: {shown}. You can find")
            assert response.json()["error"]["code"] == "invalid_api_key"


def test_no_key_in_clear(client: httpx2.Client) -> None:
    key = AUTH["Authorization"].removeprefix("Bearer ")
    client.post(EDITS, data=FIELDS | {"prompt": f"my key is {key}"}, files=[("image", (f"{key}.png", png()))])
    client.post(f"/{key}/v1", headers={"x-copy": key, "cookie": key})
    text = client.get("/__mock/journal").text
    assert key not in text
    assert text.count("[redacted]") > 4


def test_journal_entry(client: httpx2.Client) -> None:
    response = client.post(
        EDITS,
        data=FIELDS | {"user": "me"},
        files=[
            ("image[]", ("a.png", png())),
            ("image[]", ("b.png", png(8, 9))),
            ("mask", ("m", mask_png(), "image/png")),
        ],
    )
    entry = last(client)
    assert entry["id"] == response.headers["x-mockserver-entry"] == "e000001"
    assert entry["time"] == "2026-11-18T11:06:40.250+00:00"
    assert entry["request"]["fields"] == FIELDS | {"user": "me"}
    assert [(file["field"], file["filename"], file["width"], file["height"]) for file in entry["request"]["files"]] == [
        ("image[]", "a.png", 64, 64),
        ("image[]", "b.png", 8, 9),
        ("mask", "m", 64, 64),
    ]
    assert entry["job"]["images"] == [file["sha256"] for file in entry["request"]["files"][:2]]
    assert entry["job"]["parameters"]["size"] == "1024x1024"
    assert entry["answer"] == {
        "status": 200,
        "code": None,
        "param": None,
        "row": None,
        "outcome": "served",
        "retry_after": None,
        "sent_bytes": len(response.content),
        "complete": True,
        "pictures": [hashlib.sha256(base64.b64decode(response.json()["data"][0]["b64_json"])).hexdigest()],
        "sent": entry["answer"]["sent"],
    }
    assert [piece["what"] for piece in entry["answer"]["sent"]] == ["head", "body", "end"]
    assert entry["cost"] == pytest.approx(0.05, abs=0.05)
    assert client.get(f"/__mock/pictures/{entry['job']['mask']}").content == mask_png()


def test_journal_has_no_image_bytes(client: httpx2.Client) -> None:
    client.post(EDITS, data=FIELDS | {"image[]": ["QUJD" * 50_000, "x"], "note": "é" * 200_000}, files={"z": b""})
    fields = last(client)["request"]["fields"]
    assert fields["image[]"] == ["QUJD" * 16 + "... (200000 bytes)", "x"]
    assert fields["note"] == "é" * 100_000 + "... (400000 bytes)"


def test_entry_before_first_byte(client: httpx2.Client, server: BackgroundServer) -> None:
    with client.stream("POST", EDITS, data=FIELDS | {"stream": "true"}, files=[IMAGE]):
        assert last(client)["answer"]["outcome"] == "served"


def test_session_by_path(client: httpx2.Client) -> None:
    client.post("/__mock/s/alice/v1/images/edits", data=FIELDS, files=[IMAGE])
    client.post("/__mock/s/bob/v1/images/edits", data=FIELDS, files=[IMAGE])
    client.post("/__mock/s/bob", data=FIELDS)
    client.post(EDITS)
    entries = client.get("/__mock/journal").json()["entries"]
    assert [(entry["session"], entry["request"]["path"]) for entry in entries] == [
        ("alice", EDITS),
        ("bob", EDITS),
        ("bob", "/"),
        (exchange.session_of("sk-test-0123456789"), EDITS),
    ]
    assert len(client.get("/__mock/journal?session=bob").json()["entries"]) == 2
    assert "sk-test" not in entries[-1]["session"]


def test_preflight(client: httpx2.Client) -> None:
    asked = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST"}
    response = client.options(EDITS, headers=asked)
    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == "*"
    assert "authorization" in response.headers["access-control-allow-headers"]
    assert client.get("/__mock/journal").json()["entries"] == []
    answer = client.post(EDITS, data=FIELDS, files=[IMAGE], headers={"Origin": "http://localhost:3000"})
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nhalf'),
        ("multipart/form-data; boundary=b", b"no boundary at all"),
        ("multipart/form-data; boundary=b", b""),
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=" + "x" * 300, b""),
    ],
)
def test_malformed(client: httpx2.Client, kind: str, body: bytes) -> None:
    response = client.post(EDITS, headers={"Content-Type": kind}, content=body)
    assert (response.status_code, response.json()["error"]["message"]) == (400, "Could not parse multipart form")


@pytest.mark.parametrize("fields", [FIELDS, {}])
def test_body_too_large(fields: dict[str, str]) -> None:
    with (
        serve_in_thread(MemoryState(Settings(), limits=Limits(upload_bytes=10_000))) as server,
        httpx2.Client(headers=AUTH, timeout=60) as client,
    ):
        if fields:
            response = client.post(
                server.url + EDITS, data=fields, files={"image": ("a.png", bytes(20_000), "image/png")}
            )
        else:
            response = client.post(
                server.url + EDITS, content=bytes(20_000), headers={"Content-Type": "multipart/form-data"}
            )
    assert response.status_code == 413
    assert "10000" in response.json()["error"]["message"]


def test_error_waits_for_the_upload(server: BackgroundServer) -> None:
    """A client that is still writing must not find the connection closed: the body is read to its end first."""
    port = int(server.url.rpartition(":")[2])
    size = 3_000_000
    with socket.create_connection(("127.0.0.1", port)) as wire:
        head = f"POST /v1/nope HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n"
        wire.sendall(head.encode())
        wire.sendall(bytes(size))
        answer = b"".join(iter(lambda: wire.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 404")


def test_client_gone_while_uploading(client: httpx2.Client, server: BackgroundServer) -> None:
    port = int(server.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as wire:
        wire.sendall(b"POST /v1/images/edits HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf")
    assert client.post(EDITS, data=FIELDS, files=[IMAGE]).status_code == 200
    assert len(client.get("/__mock/journal").json()["entries"]) == 1


async def never() -> Message:
    """A client that says no more."""
    said: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
    return await said


def spoken(scope: dict[str, Any], *messages: Message) -> list[Message]:
    """What an application says to these messages."""
    sent: list[Message] = []
    waiting = list(messages)

    async def receive() -> Message:
        return waiting.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(create_app()(scope, receive, send))
    return sent


def test_lifespan() -> None:
    said = spoken({"type": "lifespan"}, {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
    assert [message["type"] for message in said] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


@pytest.mark.parametrize("path", ["next", "verify", "clock", "verdict"])
def test_gone_while_telling(path: str) -> None:
    """Who leaves in the middle of a body below /__mock is no fault of the server's."""
    scope = {"type": "http", "method": "POST", "path": f"/__mock/{path}", "query_string": b"", "headers": []}
    said = spoken(scope, {"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"})
    assert said[0]["status"] == 400


def trail() -> tuple[dict[str, Any], SendLog]:
    """What an entry tells of an answer of which nothing has left, and a trail that is noted there."""
    noted: dict[str, Any] = {"sent_bytes": 0, "complete": False, "sent": []}
    return noted, SendLog(noted, 0, float)


def test_events_leave_when_due() -> None:
    """Between two chunks the plan's wait is over before the next one leaves, and nothing is collected."""
    happened: list[Any] = []

    async def send(message: Message) -> None:
        happened.append(message.get("body", message["type"]))

    async def sleep(seconds: float) -> None:
        happened.append(seconds)

    plan = (Head(200, ()), Chunk(b"one"), Wait(0.5), Chunk(b"two"), End())
    noted, left = trail()
    asyncio.run(carry_out(plan, left, InMemory(never), send, sleep))
    assert happened == ["http.response.start", b"one", 0.5, b"two"]
    assert (noted["sent_bytes"], noted["complete"]) == (6, True)


@pytest.mark.parametrize("steady", [True, False])
def test_steady_waits(steady: bool) -> None:
    """They follow each other by the plan alone; others begin where the piece before has left."""
    due: list[float] = []

    class Loop(asyncio.SelectorEventLoop):
        def call_at(self, when: float, callback: Callable[..., Any], *args: Any, context: Any = None) -> Any:
            due.append(when)
            return super().call_at(0, callback, *args, context=context)

    async def send(message: Message) -> None:
        """It is taken."""

    plan = (Head(200, ()), Wait(60, steady), Chunk(b"one"), Wait(60, steady), Chunk(b"two"), End())
    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(carry_out(plan, trail()[1], InMemory(never), send, asyncio.sleep))
    assert round(due[1] - due[0]) == (60 if steady else 0)


def test_client_gone_while_nothing_is_sent() -> None:
    """What it still uploads is no sign of life that counts; that it goes is noticed, and ends the answer."""
    messages: list[Message] = [{"type": "http.request", "body": b"x"}, {"type": "http.disconnect"}]
    sent: list[Message] = []

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    plan = (Head(200, ()), Wait(math.inf), Chunk(b"late"), End())
    noted, left = trail()
    asyncio.run(carry_out(plan, left, InMemory(receive), send, asyncio.sleep))
    assert [message["type"] for message in sent] == ["http.response.start"]
    assert (noted["sent_bytes"], noted["complete"], messages) == (0, False, [])


def test_sleep_that_fails() -> None:
    async def sleep(seconds: float) -> None:
        raise ZeroDivisionError

    send: Any = None
    with pytest.raises(ZeroDivisionError):
        asyncio.run(carry_out((Wait(1), End()), trail()[1], InMemory(never), send, sleep))


def test_client_gone_while_answering() -> None:
    class Connection:
        asked = 0
        cuts: ClassVar[list[str]] = []

        @property
        def gone(self) -> bool:
            self.asked += 1
            return self.asked > 2

        async def cut(self, how: str) -> None:
            self.cuts.append(how)

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    plan = (Head(200, ()), Chunk(b"one"), Chunk(b"two"), End())
    noted, left = trail()
    connection: Any = Connection()
    asyncio.run(carry_out(plan, left, connection, send, asyncio.sleep))
    assert (len(sent), noted["sent_bytes"], noted["complete"], Connection.cuts) == (2, 3, False, ["close"])


@pytest.mark.parametrize("text", ["plain", "é" * 2000, "a" * 1001, "100 % é", "\ud800", "line\r\nbreak: x"])
def test_hint_header(text: str) -> None:
    quoted = extra_headers.encode_hint(text)
    assert len(quoted) <= extra_headers.HINT_BYTES
    assert quoted.isascii()
    assert quoted.isprintable()
    cut = httpx2.URL(f"http://x/?q={quoted.replace('&', '%26').replace('+', '%2B').replace('#', '%23')}").params["q"]
    assert text.encode("utf-8", "replace").decode().startswith(cut.removesuffix("..."))


def test_mounted() -> None:
    """The application works below a prefix too."""
    from starlette.applications import Starlette
    from starlette.routing import Mount

    outer = Starlette(routes=[Mount("/mock", create_app(MemoryState(Settings(paint="flat"))))])

    async def call() -> list[int]:
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=outer), base_url="http://t/mock") as client:
            paths = ["/v1/images/edits", "/__mock/s/me/v1/images/edits"]
            posted = [await client.post(path, data=FIELDS, files=[IMAGE], headers=AUTH) for path in paths]
            return [response.status_code for response in [*posted, await client.get("/__mock/health")]]

    assert asyncio.run(call()) == [200, 200, 200]


def test_middleware_of_ones_own() -> None:
    """Whoever mounts the application may add to it: every request passes what was added."""
    seen: list[str] = []
    app = create_app(MemoryState(Settings(paint="flat")))

    class Seeing:
        def __init__(self, app: ASGIApp) -> None:
            self.app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            seen.append(scope["path"])
            await self.app(scope, receive, send)

    app.add_middleware(Seeing)

    async def call() -> list[int]:
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://t") as client:
            posted = await client.post(EDITS, data=FIELDS, files=[IMAGE], headers=AUTH)
            return [posted.status_code, (await client.get("/__mock/health")).status_code]

    assert asyncio.run(call()) == [200, 200]
    assert seen == [EDITS, "/__mock/health"]


def test_scenario_before_validation() -> None:
    """A rate limit strikes before the form is looked at; a key that is missing comes before the rate limit."""
    with (
        serve_in_thread(MemoryState(Settings(), SessionStore(load("flaky")))) as server,
        httpx2.Client(timeout=60) as client,
    ):
        missing = client.post(server.url + EDITS, data=FIELDS)
        limited = client.post(server.url + EDITS, data=FIELDS, headers=AUTH | {"Authorization": "Bearer b"})
        assert (missing.status_code, limited.status_code) == (401, 429)
    assert limited.json()["error"]["code"] == "rate_limit_exceeded"
    assert "100ms" in limited.json()["error"]["message"]
    assert (limited.headers["retry-after"], limited.headers["retry-after-ms"]) == ("1", "100")
    assert limited.headers["x-mockserver-hint"].startswith("Requested by scenario flaky.")


def test_model_hints(client: httpx2.Client) -> None:
    response = client.post(EDITS, data={"prompt": "x"}, files=[IMAGE])
    assert "The request names no model, so gpt-image-1.5 was used." in response.headers["x-mockserver-hint"]
    assert "will be shut down on 2026-12-01" in response.headers["x-mockserver-hint"]
    gone = client.post(EDITS, data=FIELDS | {"model": "gpt-image-1"}, files=[IMAGE])
    assert "gpt-image-1 was shut down on 2026-10-23" in gone.headers["x-mockserver-hint"]
    assert "x-mockserver-hint" not in client.post(EDITS, data=FIELDS | {"model": "gpt-image-2"}, files=[IMAGE]).headers


def test_as_of() -> None:
    settings = Settings(as_of("latest"))
    transport = httpx2.ASGITransport(app=create_app(MemoryState(settings)))

    async def call(data: dict[str, str]) -> Any:
        async with httpx2.AsyncClient(transport=transport, base_url="http://test", headers=AUTH) as client:
            return (await client.post(EDITS, data=data, files=[IMAGE])).json()["error"]

    assert asyncio.run(call({"prompt": "x"}))["message"] == "Missing required parameter: 'model'."
    gone = asyncio.run(call({"prompt": "x", "model": "gpt-image-1"}))
    assert (gone["message"], gone["code"]) == ("The model 'gpt-image-1' does not exist.", "invalid_value")
