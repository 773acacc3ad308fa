"""The conformance cases of contracts/cases/: loading them, their dates, and their requests as bytes."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from typing import Any

from mockserver.contract.asof import AsOf, as_of
from mockserver.contract.endpoints import route
from mockserver.core import data_files
from mockserver.harness.conformance import recipes

Headers = tuple[tuple[str, str], ...]
# Status, headers and body of a response.
Reply = tuple[int, Headers, bytes]


@dataclass(frozen=True, slots=True)
class Case:
    """A request and the response to expect. contracts/schemas/case.json documents each key."""

    id: str
    about: str
    request: Mapping[str, Any]
    expect: Mapping[str, Any]
    covers: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None
    any: bool = True
    orders: str | None = None
    confidence: str = "high"
    file: str = field(default="", compare=False)

    @property
    def provider(self) -> str:
        endpoint = route(self.request["path"].partition("?")[0], as_of("any"))
        return endpoint.provider if endpoint else "openai"

    @property
    def is_served(self) -> bool:
        return bool(200 <= self.expect["status"] < 300)

    @property
    def has_own_key(self) -> bool:
        return "auth" not in self.request

    @property
    def label(self) -> str:
        """`latest` if the case holds then, else the date nearest to it on which the case holds."""
        latest = as_of("latest")
        if latest.holds(self.since, self.until):
            return "latest"
        has_ended = self.until is not None and self.until <= latest.day
        return self.last_day if has_ended else str(self.since)

    @property
    def last_day(self) -> str:
        assert self.until is not None
        return str(self.until - timedelta(days=1))

    def holds(self, day: AsOf) -> bool:
        return self.any if day.is_any else day.holds(self.since, self.until)


@dataclass(frozen=True, slots=True)
class Call:
    """A request ready to be sent. Header names are in lower case."""

    method: str
    path: str
    headers: Headers
    body: bytes


@cache
def load() -> tuple[Case, ...]:
    return tuple(_read())


def _read() -> Iterator[Case]:
    for name in data_files.names("contracts/cases", ".yaml"):
        for row in data_files.contract(f"cases/{name}.yaml")["cases"]:
            values: dict[str, Any] = {**row, "covers": tuple(row["covers"])}
            yield Case(**values, file=name)


def build_call(case: Case, key: str) -> Call:
    """The request of a case, byte for byte the same each time; `key` is the caller's API key."""
    request = case.request
    kind, body = _build_body(case)
    auth = request.get("auth", f"Bearer {key}")
    headers = {"accept": "application/json"}
    headers |= {} if auth == "none" else {"authorization": auth}
    headers |= {} if kind is None else {"content-type": kind}
    headers |= {name.lower(): str(value) for name, value in request.get("headers", {}).items()}
    return Call(request.get("method", "POST"), request["path"], tuple(headers.items()), body)


def _build_body(case: Case) -> tuple[str | None, bytes]:
    request = case.request
    if "json" in request:
        text = json.dumps(expand(request["json"]), ensure_ascii=False)
        return request.get("content_type", "application/json"), text.encode()
    if "text" in request:
        return request["content_type"], request["text"].encode()
    if "fields" in request or "files" in request:
        boundary = f"case-{hashlib.blake2b(case.id.encode(), digest_size=8).hexdigest()}"
        return f"multipart/form-data; boundary={boundary}", b"".join(_build_form(request, boundary))
    return None, b""


def expand(value: Any) -> Any:
    """Replace `{repeat: TEXT, times: N}` and `{data_url: RECIPE}` by their texts, at any depth."""
    if isinstance(value, Mapping):
        if set(value) == {"repeat", "times"}:
            return str(value["repeat"]) * int(value["times"])
        if set(value) == {"data_url"}:
            return recipes.build_data_url(value["data_url"])
        return {name: expand(item) for name, item in value.items()}
    return [expand(item) for item in value] if isinstance(value, list) else value


def _build_form(request: Mapping[str, Any], boundary: str) -> Iterator[bytes]:
    delimiter = f"--{boundary}\r\n".encode()
    for name, values in request.get("fields", {}).items():
        for value in values if isinstance(values, list) else [values]:
            yield delimiter + _disposition(name) + b"\r\n" + _encode(expand(value)) + b"\r\n"
    for file in request.get("files", ()):
        yield delimiter + _file_headers(file) + b"\r\n" + recipes.make(file) + b"\r\n"
    yield f"--{boundary}--\r\n".encode()


def _encode(value: Any) -> bytes:
    return (json.dumps(value) if isinstance(value, bool) else str(value)).encode()


def _disposition(name: str, filename: str | None = None) -> bytes:
    parameter = "" if filename is None else f'; filename="{filename}"'
    return f'Content-Disposition: form-data; name="{name}"{parameter}\r\n'.encode()


def _file_headers(file: Mapping[str, Any]) -> bytes:
    filename = file.get("filename", f"{file['field'].removesuffix('[]')}.{recipes.find_kind(file)}")
    kind = file.get("type", recipes.media_type(file))
    return _disposition(file["field"], filename) + (f"Content-Type: {kind}\r\n".encode() if kind else b"")
