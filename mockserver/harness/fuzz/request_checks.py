"""Checks of requests: the server received what the call asked for. Each yields what it expected and what it got."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from mockserver.contract.request_schema import nest_fields
from mockserver.core.request import Part
from mockserver.harness.fuzz.case import KEY, Case, File
from mockserver.harness.fuzz.executor import Exchange, Observation
from mockserver.harness.fuzz.failure import Failure, shorten

# Characters that a form's file name cannot hold as they are: the standard escapes some, clients escape more.
ESCAPED = re.compile(r'[\x00-\x1f\x7f-\x9f"\\%\u2028\u2029]')
# A name that a client chose itself.
PLAIN = re.compile(r"[A-Za-z0-9_.\- ]{1,80}")
CALL_FIELDS = ("model", "prompt", "image", "mask", "images")


def check_request_count(case: Case, observation: Observation) -> Iterator[Failure]:
    """One call sends one request, to images/edits."""
    paths = [f"{exchange.request.method} {exchange.request.path}" for exchange in observation.exchanges]
    if any(exchange.entry["session"] != observation.session for exchange in observation.exchanges):
        yield Failure("a path under base_url", "another path", "base_url")
    if paths != ["POST /v1/images/edits"]:
        received = ", ".join(paths) or "no request"
        yield Failure(
            "one request, POST /v1/images/edits",
            f"{received}; {observation.problem}" if observation.problem else received,
            "requests",
        )


def check_contract(case: Case, observation: Observation) -> Iterator[Failure]:
    """The request satisfies the contract: the server responds with images."""
    for exchange in observation.exchanges:
        response = exchange.entry["answer"]
        if response["status"] != 200:
            words = " ".join(str(response[name]) for name in ("status", "code", "param") if response[name])
            yield Failure(
                "a request that the API accepts",
                f"{words}: {' '.join(exchange.entry['hints'])[:300]}",
                str(response["code"]),
            )


def check_parameters(case: Case, observation: Observation) -> Iterator[Failure]:
    """Every parameter arrives unchanged, and no others do."""
    for exchange in observation.exchanges:
        fields, is_typed = _parse_fields(exchange.request)
        expected = {"model": observation.model, **case.options} | ({"stream": True} if case.stream else {})
        for name, value in expected.items():
            got = fields.get(name)
            if not (got == value and type(got) is type(value) if is_typed else got == _serialize(value)):
                yield Failure(f"{name} = {shorten(value)}", f"{name} = {shorten(got)}", name)
        for name, value in fields.items():
            # A client may send default values.
            if name not in expected and name not in CALL_FIELDS and value not in (None, *DEFAULTS.get(name, ())):
                yield Failure(f"no parameter {name}", f"{name} = {shorten(value)}", name)


DEFAULTS: Mapping[str, tuple[Any, ...]] = {
    "stream": ("false", False),
    "n": ("1", 1),
    "size": ("auto",),
    "quality": ("auto",),
    "background": ("auto",),
    "moderation": ("auto",),
    "output_format": ("png",),
    "output_compression": ("100", 100),
    "partial_images": ("0", 0),
    "input_fidelity": ("low",),
}


def check_prompt(case: Case, observation: Observation) -> Iterator[Failure]:
    """The prompt arrives unchanged."""
    for exchange in observation.exchanges:
        got = _parse_fields(exchange.request)[0].get("prompt")
        if got != case.prompt:
            yield Failure(shorten(case.prompt), shorten(got), "prompt")


def check_images(case: Case, observation: Observation) -> Iterator[Failure]:
    """Every image arrives unchanged, in order, with its content type."""
    for exchange in observation.exchanges:
        yield from _check_files(case.images, _find_parts(exchange, "image"), "image")


def check_mask(case: Case, observation: Observation) -> Iterator[Failure]:
    """The mask arrives unchanged, with its content type."""
    for exchange in observation.exchanges:
        yield from _check_files((case.mask,) if case.mask else (), _find_parts(exchange, "mask"), "mask")


def _check_files(expected: tuple[File, ...], got: list[Part], field: str) -> Iterator[Failure]:
    if len(got) != len(expected):
        yield Failure(f"{len(expected)} files under {field}", f"{len(got)}", f"{field} count")
        return
    for number, (file, part) in enumerate(zip(expected, got, strict=True), 1):
        if part.data != file.data:
            others = [place for place, other in enumerate(expected, 1) if other.data == part.data]
            described = (
                f"those of {field} {others[0]}" if others else f"{len(part.data)} other bytes: {part.data[:40]!r}"
            )
            yield Failure(f"the {len(file.data)} bytes of {field} {number}", described, f"{field} bytes")
        elif (part.content_type or "").split(";")[0].strip().lower() != file.media_type:
            yield Failure(f"{field} {number} as {file.media_type}", f"as {part.content_type}", f"{field} type")


def check_names(case: Case, observation: Observation) -> Iterator[Failure]:
    """File names arrive unchanged, or as a plain name of the client's choice."""
    for exchange in observation.exchanges:
        for field, files in (("image", case.images), ("mask", (case.mask,) if case.mask else ())):
            for file, part in zip(files, _find_parts(exchange, field), strict=False):
                got = part.filename or ""
                if got and not _is_acceptable(got, file.name):
                    yield Failure(shorten(file.name), shorten(got), "file name")


def _is_acceptable(got: str, name: str) -> bool:
    """Whether it is the name, possibly with characters escaped or left out, or a plain name in its place."""
    pattern = "".join(r"[\s\S]{0,4}" if ESCAPED.fullmatch(char) else re.escape(char) for char in name)
    rest = "".join(char for char in name if char.isascii())
    return bool(re.fullmatch(pattern, got)) or unquote(got) == name or (got != rest and bool(PLAIN.fullmatch(got)))


def check_key(case: Case, observation: Observation) -> Iterator[Failure]:
    """The key is sent in the Authorization header only."""
    for exchange in observation.exchanges:
        request = exchange.request
        if request.header("authorization") != f"Bearer {KEY}":
            yield Failure(
                "authorization: Bearer followed by the key", shorten(request.header("authorization")), "authorization"
            )
        places = {
            "the URL": f"{request.path}?{request.query}",
            "another header": "\n".join(f"{n}: {v}" for n, v in request.headers if n != "authorization"),
            "the body": request.body.decode("utf-8", "replace")
            + "\n".join(f"{part.name} {part.filename} {part.data[:4096]!r}" for part in request.parts),
        }
        yield from _find_key(places)
    yield from _find_key({"the result": json.dumps(observation.result)})


def _find_key(places: Mapping[str, str]) -> Iterator[Failure]:
    for where, text in places.items():
        if KEY in text:
            yield Failure("the key in the Authorization header only", f"the key in {where}", where)


def _find_parts(exchange: Exchange, field: str) -> list[Part]:
    """The files of a field, from a form or from the data URLs of JSON."""
    if exchange.request.parts:
        # Without a file name, a part is a text field to the server, but the client meant a file.
        return [part for part in exchange.request.parts if part.name.removesuffix("[]") == field]
    return exchange.json_images.get(field, [])


def _parse_fields(request: Any) -> tuple[dict[str, Any], bool]:
    """The parameters by name, and whether they are typed, as in JSON."""
    if request.parts:
        texts = {part.name: part.data.decode("utf-8", "replace") for part in request.parts if part.filename is None}
        return nest_fields(texts), False
    try:
        document = json.loads(request.body)
    except ValueError:
        document = {}
    return (document if isinstance(document, dict) else {}), True


def _serialize(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else str(value)
