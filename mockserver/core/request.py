"""A request as it arrived."""

from typing import Any, NamedTuple


class Part(NamedTuple):
    """One part of a multipart form, as it was sent.

    `filename` is None for a text field, and may be empty. `content_type` is None if the part declared none. `digest` is
    the xxh3 of `data`, in hexadecimal.
    """

    name: str
    filename: str | None
    content_type: str | None
    data: bytes
    digest: str


class MalformedBody:
    """Why the body cannot be parsed: a family of the catalogue, and the facts for its texts."""

    def __init__(self, family: str, **facts: Any) -> None:
        self.family = family
        self.facts = facts


class _Request(NamedTuple):
    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    query: str = ""
    body: bytes = b""
    parts: tuple[Part, ...] = ()
    malformed: MalformedBody | None = None


class Request(_Request):
    """A complete request. Header names are in lower case, in order and with duplicates.

    `path` begins at the API's own root, without the prefix that names a session. For multipart bodies `parts` is the
    form and `body` is empty. `malformed` says why the body cannot be parsed, or is None.
    """

    def header(self, name: str) -> str | None:
        cache = self.__dict__
        if not cache:
            cache["lookup"] = dict(self.headers)
        value: str | None = cache["lookup"].get(name)
        return value

    @property
    def host(self) -> str:
        return self.header("host") or "localhost"

    @property
    def media_type(self) -> str:
        return (self.header("content-type") or "").split(";")[0].strip().lower()


def is_header_safe(key: str) -> bool:
    return bool(key) and all("!" <= char <= "~" for char in key)
