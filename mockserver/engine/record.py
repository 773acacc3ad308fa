"""The part of a journal entry that describes the request, and the secrets that the journal must not show."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

import xxhash

from mockserver.core.request import Part, Request
from mockserver.engine.admission import get_api_key
from mockserver.engine.truncate import FEW, SMALL, TEXT, shorten
from mockserver.engine.values import Understood
from mockserver.images.inspect import detect_type, find_inspected
from mockserver.journal.redact import REDACTED, SECRET_HEADERS, redact

# Names of headers, query parameters and fields that clients send API keys under, by mistake or not.
KEY_NAMES = frozenset(
    ("api_key", "api-key", "apikey", "access_token", "authorization", "x-api-key", "openai-api-key", "key")
)
# Anything shorter than this could be a word of the prompt.
SECRET_CHARACTERS = 8
# Text in the place of a file may be an image, and the journal stores no image bytes.
FILE_TEXT = 64
FILE_FIELDS = ("image", "mask", "markup", "images", "file")


def find_secrets(request: Request, document: Mapping[str, Any] | None) -> frozenset[str]:
    headers = [value for name, value in request.headers if name in KEY_NAMES]
    # The last word of a header is the credential, whatever the scheme.
    keys = [get_api_key(request), *headers, *[value.rpartition(" ")[2] for value in headers]]
    keys += [part.data[:1000].decode("utf-8", "replace") for part in request.parts if part.name.lower() in KEY_NAMES]
    if request.query or document:
        pairs = (*parse_qsl(request.query), *_iterate_pairs(document))
        keys += [value for name, value in pairs if name.lower() in KEY_NAMES and isinstance(value, str)]
    return frozenset([key for key in keys if len(key) >= SECRET_CHARACTERS])


def _iterate_pairs(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from value.items()
    for inner in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        yield from _iterate_pairs(inner)


def describe_request(request: Request, understood: Understood) -> dict[str, Any]:
    """`request` and `job` of an entry, redacted; `headers` is empty, see `describe_headers`.

    Files are named by `digest`, their xxh3: computing the SHA-256 is left until the entry is read.
    """
    document = understood.document
    record = {
        "request": {
            "method": request.method,
            "path": request.path,
            "query": [list(pair) for pair in parse_qsl(request.query, keep_blank_values=True)],
            "headers": [],
            "fields": _describe_fields(request.parts) if document is None else _shorten_texts(document),
            "files": [_describe_file(part) for part in _list_files(request, understood)],
        },
        "job": understood.job and understood.job.describe(),
    }
    if _is_large(request):
        record = shorten(record)
    redacted: dict[str, Any] = redact(record, find_secrets(request, document))
    return redacted


def describe_headers(request: Request, secrets: frozenset[str]) -> list[list[str]]:
    headers = [(name, REDACTED if name in SECRET_HEADERS else value) for name, value in request.headers]
    redacted: list[list[str]] = redact(headers, secrets)
    return redacted


def digest_call(request: Request, understood: Understood) -> str:
    """A digest that is equal for repeats of a call: that of the job, or else of everything that was sent.

    The boundary of a form and the order of headers do not count.
    """
    if understood.job:
        return understood.job.digest
    parts = [(part.name, part.filename, part.content_type, part.digest) for part in request.parts]
    # A body that could not be read has left only its length.
    length = request.header("content-length") if request.malformed else None
    sent = (request.method, request.path, request.query, parts, xxhash.xxh3_128_hexdigest(request.body), length)
    return xxhash.xxh3_128_hexdigest(repr(sent).encode("utf-8", "backslashreplace"))


def _is_large(request: Request) -> bool:
    texts = sum(len(part.data) for part in request.parts if part.filename is None)
    return len(request.parts) > FEW or len(request.body) + texts > SMALL


def _describe_fields(parts: tuple[Part, ...]) -> dict[str, Any]:
    fields: dict[str, list[str]] = {}
    for part in parts:
        if part.filename is None:
            limit = FILE_TEXT if part.name.removesuffix("[]") in FILE_FIELDS else TEXT
            text = part.data[: limit * 4].decode("utf-8", "replace")
            if len(text) > limit:
                text = f"{text[:limit]}... ({len(part.data)} bytes)"
            fields.setdefault(part.name, []).append(text)
    return {name: values[0] if len(values) == 1 else values for name, values in fields.items()}


def _shorten_texts(value: Any) -> Any:
    if isinstance(value, str):
        limit = FILE_TEXT if value.startswith("data:") else TEXT
        return value if len(value) <= limit else f"{value[:limit]}... ({len(value)} characters)"
    if isinstance(value, Mapping):
        return {key: _shorten_texts(item) for key, item in value.items()}
    return [_shorten_texts(item) for item in value] if isinstance(value, list) else value


def _list_files(request: Request, understood: Understood) -> list[Part]:
    if understood.document is None or understood.job is None:
        return [part for part in request.parts if part.filename is not None]
    return [image.part for image in understood.job.input_images]


def _describe_file(part: Part) -> Mapping[str, Any]:
    facts = find_inspected(part)
    return {
        "field": part.name,
        "filename": part.filename,
        "declared_type": part.content_type,
        "real_type": facts.real_type if facts else detect_type(part.data),
        "bytes": len(part.data),
        "digest": part.digest,
        "width": facts and facts.width,
        "height": facts and facts.height,
        "mode": facts and facts.mode,
    }
