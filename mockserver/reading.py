"""Reads a request from the wire, its form as the bytes arrive. Knows ASGI; understands nothing of what it reads."""

from starlette.types import Message, Receive, Scope

from mockserver.wire.form import FormReader
from mockserver.wire.multipart import Held, boundary
from mockserver.wire.request import Fault, Request


def opened(scope: Scope, path: str) -> Request:
    """The request as far as its head tells."""
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    return Request(scope["method"], path, tuple(headers), scope["query_string"].decode("latin-1"))


async def read(request: Request, receive: Receive, limit: int, held: Held) -> Request | None:
    """The whole request, its form parsed as the bytes arrive; None when the client went away before its end.

    A body beyond `limit` bytes is not read on, and not at all where its head says so: the request then carries the
    fault `body-too-large`. `held` is as for FormReader.
    """
    told = request.header("content-length") or ""
    if told.isdecimal() and int(told) > limit:
        large = Fault("body-too-large", maximum=limit, length=int(told))
        return Request(request.method, request.path, request.headers, request.query, fault=large)
    kind = request.header("content-type") or ""
    edge = boundary(kind)
    form = FormReader(edge, held) if edge else None
    body, size, more = bytearray(), 0, True
    fault: Fault | None = None
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
        fault = Fault("body-too-large", maximum=limit, length=size)
    elif form:
        form.close()
        fault = Fault("malformed-multipart", reason=form.fault) if form.fault else None
    elif kind.lower().startswith("multipart/form-data"):
        fault = Fault("malformed-multipart", reason="the content type names no boundary")
    parts = tuple(form.parts) if form and not fault else ()
    return Request(request.method, request.path, request.headers, request.query, bytes(body), parts, fault)
