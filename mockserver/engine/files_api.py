"""`/v1/files`: upload, list, retrieve, download and delete. Pure; the state stores the files.

Sources: the SDK's types for parameters, limits and responses; that files of some purposes cannot be downloaded, and the
message for an unknown id, are widely reported. All other errors are worded as on the images endpoints (a guess).
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from mockserver.contract.asof import AsOf
from mockserver.contract.capabilities import ANY_MODEL
from mockserver.contract.catalogue import Problem
from mockserver.contract.endpoints import Route, body_schema, rows
from mockserver.contract.form import group_fields
from mockserver.contract.request_schema import compile_schema
from mockserver.core.request import Request
from mockserver.engine.values import Sources, Understood, UploadRequest

BATCH_SECONDS = 30 * 86_400


def understand_files(route: Route, request: Request, as_of: AsOf, sources: Sources) -> Understood:
    if route.endpoint == "files":
        if request.method == "POST":
            return Understood(upload=_parse_upload(request, as_of, sources), provider=route.provider)
        return Understood(reply=_list_files(request, as_of, sources), provider=route.provider)
    file = sources.files.get(route.names["file_id"])
    if file is None:
        raise Problem("file-unknown", file_id=route.names["file_id"])
    if request.method == "DELETE":
        reply = {"object": "file", "deleted": True, "id": file.id}
        return Understood(reply=reply, removes=file.id, provider=route.provider)
    if route.endpoint == "file":
        return Understood(reply=file.described(), provider=route.provider)
    if file.purpose in rows()[route.endpoint]["withheld"]:
        raise Problem("file-withheld", purpose=file.purpose)
    return Understood(content=file, provider=route.provider)


def _parse_upload(request: Request, as_of: AsOf, sources: Sources) -> UploadRequest:
    name = body_schema("files", request.media_type, as_of)
    if request.malformed:
        raise Problem(request.malformed.family, **request.malformed.facts)
    typed = compile_schema(name, ANY_MODEL, as_of).check(group_fields(request.parts))
    expiry = typed.get("expires_after")
    for key in ("anchor", "seconds"):
        if expiry and key not in expiry:
            raise Problem("missing-parameter", param=f"expires_after.{key}")
    (part,) = typed["file"]
    if len(part.data) > sources.room:
        raise Problem("files-full", length=len(part.data), room=sources.room)
    default = BATCH_SECONDS if typed["purpose"] == "batch" else None
    return UploadRequest(part, typed["purpose"], expiry["seconds"] if expiry else default)


def _list_files(request: Request, as_of: AsOf, sources: Sources) -> Mapping[str, Any]:
    schema = compile_schema("file-query", ANY_MODEL, as_of)
    # Azure's roots accept any api-version.
    query = {name: value for name, value in parse_qsl(request.query, True) if name != "api-version"}
    options = schema.defaults | schema.check(query)
    files = [file for file in sources.files.values() if options.get("purpose", file.purpose) == file.purpose]
    files = files if options["order"] == "asc" else files[::-1]
    if "after" in options:
        ids = [file.id for file in files]
        if options["after"] not in ids:
            raise Problem("file-unknown", file_id=options["after"])
        files = files[ids.index(options["after"]) + 1 :]
    page = files[: options["limit"]]
    ends = {"first_id": page[0].id, "last_id": page[-1].id} if page else {"first_id": None, "last_id": None}
    data = [file.described() for file in page]
    return {"object": "list", "data": data, **ends, "has_more": len(files) > len(page)}
