"""What `/v1/files` is asked: an upload, a list, one file, its content, its end. Pure; keeps nothing itself.

Sources: the SDK's types for parameters, bounds and answers; that files of some purposes cannot be downloaded, and the
words for an unknown id, are widely reported. All other refusals are worded as on the images endpoints (a guess).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from mockserver.contract.asof import AsOf
from mockserver.contract.capabilities import ANY_MODEL
from mockserver.contract.catalogue import Problem
from mockserver.contract.endpoints import Route, body_schema, rows
from mockserver.contract.form import group_fields
from mockserver.contract.request_schema import compile_schema
from mockserver.core.request import Part, Request
from mockserver.core.uploads import Upload
from mockserver.engine.context import Context
from mockserver.engine.values import Sources, Understood

BATCH_SECONDS = 30 * 86_400


@dataclass(frozen=True, slots=True)
class NewUpload:
    """A file on its way in; `lasts` is in seconds, None for ever."""

    part: Part
    purpose: str
    lasts: int | None

    def filed(self, context: Context) -> Upload:
        """The file that it becomes: its id and its times come from the context."""
        now = int(context.now)
        return Upload(
            id=f"file-{context.token('file', 12)}",
            name=self.part.filename or "upload",
            purpose=self.purpose,
            data=self.part.data,
            digest=self.part.digest,
            created_at=now,
            expires_at=None if self.lasts is None else now + self.lasts,
        )


def asked(place: Route, request: Request, as_of: AsOf, sources: Sources) -> Understood:
    """What a request about files means. Raises the Problem that the API has with it."""
    if place.endpoint == "files":
        if request.method == "POST":
            return Understood(upload=_upload(request, as_of, sources), provider=place.provider)
        return Understood(reply=_listed(request, as_of, sources), provider=place.provider)
    file = sources.files.get(place.names["file_id"])
    if file is None:
        raise Problem("file-unknown", file_id=place.names["file_id"])
    if request.method == "DELETE":
        gone = {"object": "file", "deleted": True, "id": file.id}
        return Understood(reply=gone, removes=file.id, provider=place.provider)
    if place.endpoint == "file":
        return Understood(reply=file.described(), provider=place.provider)
    if file.purpose in rows()[place.endpoint]["withheld"]:
        raise Problem("file-withheld", purpose=file.purpose)
    return Understood(content=file, provider=place.provider)


def _upload(request: Request, as_of: AsOf, sources: Sources) -> NewUpload:
    name = body_schema("files", request.media_type, as_of)
    if request.fault:
        raise Problem(request.fault.family, **request.fault.facts)
    typed = compile_schema(name, ANY_MODEL, as_of).check(group_fields(request.parts))
    expiry = typed.get("expires_after")
    for key in ("anchor", "seconds"):
        if expiry and key not in expiry:
            raise Problem("missing-parameter", param=f"expires_after.{key}")
    (part,) = typed["file"]
    if len(part.data) > sources.room:
        raise Problem("files-full", length=len(part.data), room=sources.room)
    default = BATCH_SECONDS if typed["purpose"] == "batch" else None
    return NewUpload(part, typed["purpose"], expiry["seconds"] if expiry else default)


def _listed(request: Request, as_of: AsOf, sources: Sources) -> Mapping[str, Any]:
    schema = compile_schema("file-query", ANY_MODEL, as_of)
    # Azure's roots take an api-version, of any kind.
    given = {name: value for name, value in parse_qsl(request.query, True) if name != "api-version"}
    wanted = schema.defaults | schema.check(given)
    found = [file for file in sources.files.values() if wanted.get("purpose", file.purpose) == file.purpose]
    found = found if wanted["order"] == "asc" else found[::-1]
    if "after" in wanted:
        names = [file.id for file in found]
        if wanted["after"] not in names:
            raise Problem("file-unknown", file_id=wanted["after"])
        found = found[names.index(wanted["after"]) + 1 :]
    page = found[: wanted["limit"]]
    ends = {"first_id": page[0].id, "last_id": page[-1].id} if page else {"first_id": None, "last_id": None}
    data = [file.described() for file in page]
    return {"object": "list", "data": data, **ends, "has_more": len(found) > len(page)}
