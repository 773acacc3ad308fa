"""What arrived on the wire, as values. Owns the shape of a request; must not judge it."""

from typing import Any, NamedTuple


class Part(NamedTuple):
    """One part of a multipart form, as it was sent.

    `filename` is None when the part had none (a text field), and may be empty. `content_type` is None when
    the part declared none. `digest` is the xxh3 of `data`, in hexadecimal.
    """

    name: str
    filename: str | None
    content_type: str | None
    data: bytes
    digest: str


class MalformedBody:
    """What is wrong with the bytes of a request: the catalogue's family, and the facts its texts speak of."""

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
    fault: MalformedBody | None = None


class Request(_Request):
    """A whole request. Header names are in lower case; order and duplicates are kept.

    `path` begins at the API's own root: a prefix that names a session is gone. For multipart bodies `parts`
    holds the form and `body` is empty. `fault` says what is wrong with the bytes themselves, or is None.
    """

    def header(self, name: str) -> str | None:
        """The last header of that (lower-case) name, or None."""
        kept = self.__dict__
        if not kept:
            kept["lookup"] = dict(self.headers)
        found: str | None = kept["lookup"].get(name)
        return found

    @property
    def host(self) -> str:
        """What the caller calls this server: a name, and the port where it is not the scheme's own."""
        return self.header("host") or "localhost"

    @property
    def media_type(self) -> str:
        """The content type without its parameters, in lower case; empty when there is none."""
        return (self.header("content-type") or "").split(";")[0].strip().lower()


def is_header_safe(key: str) -> bool:
    """Is it a key that a header can carry?"""
    return bool(key) and all("!" <= char <= "~" for char in key)
