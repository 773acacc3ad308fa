"""Reads a request from the wire, its form as the bytes arrive. Knows ASGI; understands nothing of what it reads."""

from typing import NamedTuple

from starlette.types import Message, Receive, Scope

from mockserver.core.form_reader import FormReader
from mockserver.core.multipart import FindCached, parse_boundary
from mockserver.core.request import MalformedBody, Request
from mockserver.limits import Limits


def opened(scope: Scope, path: str) -> Request:
    """The request as far as its head tells."""
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    return Request(scope["method"], path, tuple(headers), scope["query_string"].decode("latin-1"))


class Arrived(NamedTuple):
    """A request of which all has come. `body` holds its bytes, if they were not looked at as they came."""

    head: Request
    body: bytes | None
    form: FormReader | None = None
    fault: MalformedBody | None = None

    def whole(self) -> Request:
        """The request, its form parsed."""
        head, form, fault = self.head, self.form, self.fault
        if form and not fault:
            form.close()
            fault = MalformedBody("malformed-multipart", reason=form.error) if form.error else None
        parts = tuple(form.parts) if form and not fault else ()
        body = b"" if form else self.body or b""
        return Request(head.method, head.path, head.headers, head.query, body, parts, fault)


async def read(request: Request, receive: Receive, limits: Limits, held: FindCached) -> Arrived | None:
    """All of a request, a long form parsed as the bytes arrive; None if the client disconnects before its end.

    A body that exceeds the limit is not read to its end, and not at all where its head says so: the request then
    carries the error `body-too-large`. `held` is FormReader's `find_cached`.
    """
    limit = limits.upload_bytes
    told = request.header("content-length") or ""
    if told.isdecimal() and int(told) > limit:
        return Arrived(request, None, fault=MalformedBody("body-too-large", maximum=limit, length=int(told)))
    kind = request.header("content-type") or ""
    edge = parse_boundary(kind)
    form = FormReader(edge, held, limits=limits) if edge else None
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
        return Arrived(request, bytes(body), form, MalformedBody("body-too-large", maximum=limit, length=size))
    if form is None and kind.lower().startswith("multipart/form-data"):
        return Arrived(
            request,
            bytes(body),
            fault=MalformedBody("malformed-multipart", reason="the content type names no boundary"),
        )
    return Arrived(request, form.body if form else bytes(body), form)
