"""What must hold of requests: what was asked for is what arrives. Pure; each check yields what it expected and got."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from mockserver.contract.request_schema import nest_fields
from mockserver.core.request import Part
from mockserver.harness.fuzz.case import KEY, Case, File
from mockserver.harness.fuzz.executor import Exchange, Observation
from mockserver.harness.fuzz.failure import Failure, short

# What a file's name in a form cannot hold as it is: the standard escapes some of it, custom more.
ODD = re.compile(r'[\x00-\x1f\x7f-\x9f"\\%\u2028\u2029]')
# A name that a client thought up itself.
PLAIN = re.compile(r"[A-Za-z0-9_.\- ]{1,80}")
OWN = ("model", "prompt", "image", "mask", "images")


def one_request(case: Case, seen: Observation) -> Iterator[Failure]:
    """One call is one request to images/edits."""
    paths = [f"{one.request.method} {one.request.path}" for one in seen.exchanges]
    if any(one.entry["session"] != seen.session for one in seen.exchanges):
        yield Failure("a path that begins as base_url does", "another beginning of the path", "base_url")
    if paths != ["POST /v1/images/edits"]:
        came = ", ".join(paths) or "no request"
        yield Failure("one request, POST /v1/images/edits", f"{came}; {seen.amiss}" if seen.amiss else came, "requests")


def contract(case: Case, seen: Observation) -> Iterator[Failure]:
    """The request satisfies the contract: the server answers it with pictures."""
    for one in seen.exchanges:
        answer = one.entry["answer"]
        if answer["status"] != 200:
            words = " ".join(str(answer[name]) for name in ("status", "code", "param") if answer[name])
            yield Failure(
                "a request that is served", f"{words}: {' '.join(one.entry['hints'])[:300]}", str(answer["code"])
            )


def parameters(case: Case, seen: Observation) -> Iterator[Failure]:
    """Each parameter arrives with its name and value, and no other does."""
    for one in seen.exchanges:
        fields, typed = _fields(one.request)
        wanted = {"model": seen.model, **case.options} | ({"stream": True} if case.stream else {})
        for name, value in wanted.items():
            got = fields.get(name)
            if not (got == value and type(got) is type(value) if typed else got == _spelled(value)):
                yield Failure(f"{name} = {short(value)}", f"{name} = {short(got)}", name)
        for name, value in fields.items():
            # Said aloud, what would be assumed anyway does no harm.
            if name not in wanted and name not in OWN and value not in (None, *HARMLESS.get(name, ())):
                yield Failure(f"no parameter {name}", f"{name} = {short(value)}", name)


HARMLESS: Mapping[str, tuple[Any, ...]] = {
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


def prompt(case: Case, seen: Observation) -> Iterator[Failure]:
    """The prompt arrives character by character."""
    for one in seen.exchanges:
        got = _fields(one.request)[0].get("prompt")
        if got != case.prompt:
            yield Failure(short(case.prompt), short(got), "prompt")


def images(case: Case, seen: Observation) -> Iterator[Failure]:
    """Every picture arrives as a picture, byte by byte, in its order, with its type."""
    for one in seen.exchanges:
        yield from _files(case.images, _parts(one, "image"), "image")


def mask(case: Case, seen: Observation) -> Iterator[Failure]:
    """The mask arrives as the mask, with its type."""
    for one in seen.exchanges:
        yield from _files((case.mask,) if case.mask else (), _parts(one, "mask"), "mask")


def _files(wanted: tuple[File, ...], got: list[Part], field: str) -> Iterator[Failure]:
    if len(got) != len(wanted):
        yield Failure(f"{len(wanted)} files under {field}", f"{len(got)}", f"{field} count")
        return
    for number, (file, part) in enumerate(zip(wanted, got, strict=True), 1):
        if part.data != file.data:
            others = [place for place, other in enumerate(wanted, 1) if other.data == part.data]
            said = f"that of {field} {others[0]}" if others else f"{len(part.data)} other bytes: {part.data[:40]!r}"
            yield Failure(f"the {len(file.data)} bytes of {field} {number}", said, f"{field} bytes")
        elif (part.content_type or "").split(";")[0].strip().lower() != file.media_type:
            yield Failure(f"{field} {number} as {file.media_type}", f"as {part.content_type}", f"{field} type")


def names(case: Case, seen: Observation) -> Iterator[Failure]:
    """The names of files arrive as they are, or a plain one takes their place."""
    for one in seen.exchanges:
        for field, files in (("image", case.images), ("mask", (case.mask,) if case.mask else ())):
            for file, part in zip(files, _parts(one, field), strict=False):
                got = part.filename or ""
                if got and not _like(got, file.name):
                    yield Failure(short(file.name), short(got), "file name")


def _like(got: str, name: str) -> bool:
    """Is it the name, with what forms cannot hold escaped or left out, or a plain one in its place?"""
    spelled = "".join(r"[\s\S]{0,4}" if ODD.fullmatch(char) else re.escape(char) for char in name)
    rest = "".join(char for char in name if char.isascii())
    return bool(re.fullmatch(spelled, got)) or unquote(got) == name or (got != rest and bool(PLAIN.fullmatch(got)))


def key(case: Case, seen: Observation) -> Iterator[Failure]:
    """The key stands in its header and nowhere else."""
    for one in seen.exchanges:
        request = one.request
        if request.header("authorization") != f"Bearer {KEY}":
            yield Failure("authorization: Bearer and the key", short(request.header("authorization")), "authorization")
        places = {
            "the URL": f"{request.path}?{request.query}",
            "another header": "\n".join(f"{n}: {v}" for n, v in request.headers if n != "authorization"),
            "the body": request.body.decode("utf-8", "replace")
            + "\n".join(f"{part.name} {part.filename} {part.data[:4096]!r}" for part in request.parts),
        }
        yield from _told(places)
    yield from _told({"the result": json.dumps(seen.result)})


def _told(places: Mapping[str, str]) -> Iterator[Failure]:
    for where, text in places.items():
        if KEY in text:
            yield Failure("the key in the header authorization alone", f"the key in {where}", where)


def _parts(one: Exchange, field: str) -> list[Part]:
    """The files under a field: of a form, or of the data URLs of JSON as they were understood."""
    if one.request.parts:
        # A picture that came without a file's name is a text to a form.
        return [part for part in one.request.parts if part.name.removesuffix("[]") == field]
    return one.pictures.get(field, [])


def _fields(request: Any) -> tuple[dict[str, Any], bool]:
    """The parameters by name, and whether they have types."""
    if request.parts:
        texts = {part.name: part.data.decode("utf-8", "replace") for part in request.parts if part.filename is None}
        return nest_fields(texts), False
    try:
        document = json.loads(request.body)
    except ValueError:
        document = {}
    return (document if isinstance(document, dict) else {}), True


def _spelled(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else str(value)
