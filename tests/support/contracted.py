"""Validate every response sent in this process against contracts/: a plugin of this test suite."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from starlette.applications import Starlette
from starlette.types import Message, Receive, Scope, Send

from mockserver.core import data_files

SCHEMAS = {
    f"{name}.json": data_files.contract(f"schemas/{name}.json")
    for name in data_files.names("contracts/schemas", ".json")
}
REGISTRY: Registry[Any] = Registry().with_resources(
    [(name, Resource.from_contents(schema)) for name, schema in SCHEMAS.items()]
)
VALIDATORS = {name: Draft202012Validator(schema, registry=REGISTRY) for name, schema in SCHEMAS.items()}
RAW = ("application/xml", "application/octet-stream")
VALIDATORS["entry"] = Draft202012Validator({"$ref": "journal.json#/$defs/entry"}, registry=REGISTRY)
ADMIN_NAMES = ("health", "choices", "journal", "ledger", "verdict", "clock", "scenario", "verify")
ADMIN = {f"/__mock/{name}": f"{name}.json" for name in ADMIN_NAMES}


def find_schema(path: str, method: str) -> str:
    if re.search("/files/[^/]+$", path):
        return "file-deleted.json" if method == "DELETE" else "file.json"
    if path.endswith("/files"):
        return "files.json" if method == "GET" else "file.json"
    return "models.json" if path.endswith("/models") else "images-response.json"


def check(path: str, status: int, headers: dict[str, str], body: bytes, method: str = "POST") -> None:
    """Raise an error if a complete response violates the contracts."""
    kind = headers.get("content-type", "")
    if kind == "text/event-stream":
        for frame in body.decode("utf-8").split("\n\n")[:-1]:
            event, data = frame.split("\n")
            value = json.loads(data.removeprefix("data: "))
            VALIDATORS["stream-event.json"].validate(value)
            assert event == f"event: {value['type']}"
    elif kind == "application/problem+json":
        VALIDATORS["problem.json"].validate(json.loads(body))
    elif kind == "application/json":
        name = ADMIN.get(path) if path.startswith("/__mock/") and "/v1/" not in path else None
        name = "entry" if path.startswith("/__mock/journal/") else name
        if path != "/__mock/openapi.json" and "/models/" not in path:
            VALIDATORS[name or (find_schema(path, method) if status == 200 else "error.json")].validate(
                json.loads(body)
            )
    else:
        known = kind.startswith(("image/", "text/html", "text/plain; version=")) or kind in RAW
        assert body == b"" or known, (path, status, kind)
    if "content-length" in headers and body:
        assert int(headers["content-length"]) == len(body)


@pytest.fixture(autouse=True)
def contracted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Check each complete response that a mockserver application sends during a test."""
    plain = Starlette.__call__
    broken: list[BaseException] = []

    async def watched(self: Starlette, scope: Scope, receive: Receive, send: Send) -> None:
        # Routing in Starlette changes the scope.
        path = scope["path"].removeprefix(scope.get("root_path", "")) if scope["type"] == "http" else ""
        head: list[Message] = []
        body = bytearray()

        async def note(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.start":
                head.append(message)
            body.extend(message.get("body", b""))
            if message["type"] == "http.response.body" and not message.get("more_body") and scope["method"] != "HEAD":
                headers = {name.decode(): value.decode() for name, value in head[0]["headers"]}
                try:
                    check(path, head[0]["status"], headers, bytes(body), scope["method"])
                except BaseException as error:
                    broken.append(error)

        ours = hasattr(self.state, "server") and scope["type"] == "http"
        await plain(self, scope, receive, note if ours else send)

    monkeypatch.setattr(Starlette, "__call__", watched)
    yield
    if broken:
        raise broken[0]
