"""The conformance cases of contracts/cases/: read, dated, and turned into the requests that go over the wire."""

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
# Status, headers and body of an answer.
Reply = tuple[int, Headers, bytes]


@dataclass(frozen=True, slots=True)
class Case:
    """A request and the answer it should get; contracts/schemas/case.json explains each key."""

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
        """Whose path it asks: that of nobody counts as the API's own."""
        place = route(self.request["path"].partition("?")[0], as_of("any"))
        return place.provider if place else "openai"

    @property
    def served(self) -> bool:
        """Does a server that answers as expected make pictures, which cost money?"""
        return bool(200 <= self.expect["status"] < 300)

    @property
    def keyed(self) -> bool:
        """Does it bring the caller's own key?"""
        return "auth" not in self.request

    def holds(self, day: AsOf) -> bool:
        """Is this what is expected of the API on that day?"""
        return self.any if day.is_any else day.holds(self.since, self.until)

    def label(self) -> str:
        """A day on which the case holds, as a label: the latest if it may be, else the nearest end of its time."""
        latest = as_of("latest")
        if latest.holds(self.since, self.until):
            return "latest"
        ended = self.until is not None and self.until <= latest.day
        return self.last() if ended else str(self.since)

    def last(self) -> str:
        """The last day on which the case holds; only for one that ends."""
        assert self.until is not None
        return str(self.until - timedelta(days=1))


@dataclass(frozen=True, slots=True)
class Call:
    """A request, ready for any wire. Header names are in lower case."""

    method: str
    path: str
    headers: Headers
    body: bytes


@cache
def load() -> tuple[Case, ...]:
    """Every case of contracts/cases/, in the order of the files and of their lines."""
    return tuple(_read())


def _read() -> Iterator[Case]:
    for name in data_files.names("contracts/cases", ".yaml"):
        for row in data_files.contract(f"cases/{name}.yaml")["cases"]:
            values: dict[str, Any] = {**row, "covers": tuple(row["covers"])}
            yield Case(**values, file=name)


def build(case: Case, key: str) -> Call:
    """The request of a case as bytes, the same ones every time; `key` is the caller's API key."""
    wanted = case.request
    kind, body = _body(case)
    auth = wanted.get("auth", f"Bearer {key}")
    headers = {"accept": "application/json"}
    headers |= {} if auth == "none" else {"authorization": auth}
    headers |= {} if kind is None else {"content-type": kind}
    headers |= {name.lower(): str(value) for name, value in wanted.get("headers", {}).items()}
    return Call(wanted.get("method", "POST"), wanted["path"], tuple(headers.items()), body)


def _body(case: Case) -> tuple[str | None, bytes]:
    wanted = case.request
    if "json" in wanted:
        text = json.dumps(filled(wanted["json"]), ensure_ascii=False)
        return wanted.get("content_type", "application/json"), text.encode()
    if "text" in wanted:
        return wanted["content_type"], wanted["text"].encode()
    if "fields" in wanted or "files" in wanted:
        boundary = f"case-{hashlib.blake2b(case.id.encode(), digest_size=8).hexdigest()}"
        return f"multipart/form-data; boundary={boundary}", b"".join(_form(wanted, boundary))
    return None, b""


def filled(value: Any) -> Any:
    """A value with `{repeat: TEXT, times: N}` and `{data_url: RECIPE}` written out, at any depth."""
    if isinstance(value, Mapping):
        if set(value) == {"repeat", "times"}:
            return str(value["repeat"]) * int(value["times"])
        if set(value) == {"data_url"}:
            return recipes.data_url(value["data_url"])
        return {name: filled(item) for name, item in value.items()}
    return [filled(item) for item in value] if isinstance(value, list) else value


def _form(wanted: Mapping[str, Any], boundary: str) -> Iterator[bytes]:
    edge = f"--{boundary}\r\n".encode()
    for name, values in wanted.get("fields", {}).items():
        for value in values if isinstance(values, list) else [values]:
            yield edge + _disposition(name) + b"\r\n" + _text(filled(value)) + b"\r\n"
    for file in wanted.get("files", ()):
        yield edge + _file_head(file) + b"\r\n" + recipes.make(file) + b"\r\n"
    yield f"--{boundary}--\r\n".encode()


def _text(value: Any) -> bytes:
    return (json.dumps(value) if isinstance(value, bool) else str(value)).encode()


def _disposition(name: str, filename: str | None = None) -> bytes:
    named = "" if filename is None else f'; filename="{filename}"'
    return f'Content-Disposition: form-data; name="{name}"{named}\r\n'.encode()


def _file_head(file: Mapping[str, Any]) -> bytes:
    filename = file.get("filename", f"{file['field'].removesuffix('[]')}.{recipes.kind_of(file)}")
    kind = file.get("type", recipes.media_type(file))
    return _disposition(file["field"], filename) + (f"Content-Type: {kind}\r\n".encode() if kind else b"")
