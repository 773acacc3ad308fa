"""Reads a request from ASGI, and parses its form as the bytes arrive."""

from starlette.types import Message, Receive, Scope

from mockserver.core.form_reader import FormReader
from mockserver.core.multipart import FindCached, parse_boundary
from mockserver.core.request import MalformedBody, Request
from mockserver.limits import Limits


def open_request(scope: Scope, path: str) -> Request:
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    return Request(scope["method"], path, tuple(headers), scope["query_string"].decode("latin-1"))


async def read_request(head: Request, receive: Receive, limits: Limits, find_cached: FindCached) -> Request | None:
    """The whole request, its form parsed; None if the client disconnects before its end.

    Of a body of more than `limits.upload_bytes` the rest is not read, and nothing where `content-length` announces it:
    the request then has the fault `body-too-large`. `find_cached` is as for FormReader.
    """
    limit = limits.upload_bytes
    announced = head.header("content-length") or ""
    if announced.isdecimal() and int(announced) > limit:
        return _build_request(head, fault=MalformedBody("body-too-large", maximum=limit, length=int(announced)))
    content_type = head.header("content-type") or ""
    boundary = parse_boundary(content_type)
    form = FormReader(boundary, find_cached, limits=limits) if boundary else None
    body, size, more = bytearray(), 0, True
    while more and size <= limit:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            return None
        data, more = message.get("body", b""), message.get("more_body", False)
        size += len(data)
        if form:
            form.feed(data)
        else:
            body += data
    if size > limit:
        return _build_request(head, bytes(body), fault=MalformedBody("body-too-large", maximum=limit, length=size))
    if form:
        form.close()
        fault = MalformedBody("malformed-multipart", reason=form.error) if form.error else None
        return _build_request(head, form=None if fault else form, fault=fault)
    if content_type.lower().startswith("multipart/form-data"):
        fault = MalformedBody("malformed-multipart", reason="the content type names no boundary")
        return _build_request(head, bytes(body), fault=fault)
    return _build_request(head, bytes(body))


def _build_request(
    head: Request, body: bytes = b"", form: FormReader | None = None, fault: MalformedBody | None = None
) -> Request:
    parts = tuple(form.parts) if form else ()
    return Request(head.method, head.path, head.headers, head.query, body, parts, fault)
