"""The ASGI application: reads a request, lets the engine decide, journals once, and carries the plan out.

The one way in and the one way out: no other module journals an entry or sends a byte of the API's answers.
"""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar
from urllib.parse import parse_qsl, quote

from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import Message, Receive, Scope, Send

from mockserver import admin
from mockserver.delivery import carry_out
from mockserver.engine.answer import Answer, answer, disturbed, early
from mockserver.engine.door import api_key
from mockserver.engine.entry import amend, entry, pictures
from mockserver.engine.understand import glance, understand
from mockserver.moment import Moment
from mockserver.render import heads, links
from mockserver.state import Server
from mockserver.wire.multipart import FormReader, boundary
from mockserver.wire.plan import Head, Plan
from mockserver.wire.request import Fault, Request

HINT_BYTES = 1_000
T = TypeVar("T")
# What stands in a header as it is; everything else, "%" included, is percent-encoded.
HEADER_SAFE = " !#$&'()*+,/:;=?@[]<>|`{}^\"-._~"
PREFLIGHT = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"GET, POST, DELETE, OPTIONS"),
    (b"access-control-allow-headers", b"*, authorization"),
    (b"access-control-max-age", b"600"),
    (b"content-length", b"0"),
)


def create_app(server: Server | None = None) -> Starlette:
    """An ASGI application that answers the Images API, and `/__mock/*` about itself."""
    server = server or Server()
    api = Api(server)
    routes = [Mount("/__mock/s", Named(api)), Mount("/__mock", admin.create(server))]
    routes += [Mount("/private", Storage(server)), Mount("/", api)]
    app = Starlette(routes=routes)
    app.state.server = server
    return app


class Named:
    """Requests whose session is named by the path: `/__mock/s/NAME/v1/...`."""

    def __init__(self, api: "Api") -> None:
        self.api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"].removeprefix(scope.get("root_path", ""))
        _, name, *rest = path.split("/", 2)
        await self.api.serve(scope, receive, send, "/" + "".join(rest), name)


class Api:
    """The emulated API."""

    def __init__(self, server: Server) -> None:
        self.server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.serve(scope, receive, send, scope["path"].removeprefix(scope.get("root_path", "")), None)

    async def serve(self, scope: Scope, receive: Receive, send: Send, path: str, session: str | None) -> None:
        """Answer one request, to its end."""
        server, request = self.server, opened(scope, path)
        origin = request.header("origin") is not None
        if origin and request.method == "OPTIONS" and request.header("access-control-request-method"):
            await send({"type": "http.response.start", "status": 204, "headers": list(PREFLIGHT)})
            await send({"type": "http.response.body"})
            return
        name = session or session_of(api_key(request))
        settings = server.state.over(name, server.settings)
        if unread := early(server.state.peek(name), settings):
            understood = glance(request, settings)
        else:
            whole = await read(request, receive, server.upload_bytes)
            if whole is None:
                return
            request, settings = whole, server.state.over(name, server.settings)
            understood = await self._aside(understand, request, settings)
        taken = await server.state.take(name, understood.digest)
        moment = Moment(server.clock(), name, taken.position, taken.seed, settings.as_of, taken.attempt)
        here = f"{scope['scheme']}://{request.header('host') or 'localhost'}"
        given = await self._aside(answer, understood, taken.turn, moment, settings, here)
        if understood.job and understood.job.capability.shutdown:
            server.dated[understood.job.model] += 1
        noted = entry(request, understood, taken.turn, moment, given, server.journal.next_id())
        server.journal.add(noted)
        for picture in pictures(understood, given):
            server.journal.pictures.put(*picture)
        plan = beside(given, noted["id"], origin, settings.bare)
        if taken.turn.faults:
            done = await self._aside(disturbed, plan, taken.turn, moment, unread)
            amend(noted, done)
            plan = done.plan
        await carry_out(plan, noted["answer"], receive, send, server.sleep, scope)

    async def _aside(self, work: Callable[..., T], *arguments: object) -> T:
        """Do pure work off the event loop, when one of a bounded number of places is free."""
        async with self.server.slots():
            return await asyncio.to_thread(work, *arguments)


class Storage:
    """The storage service behind the URLs of old answers."""

    def __init__(self, server: Server) -> None:
        self.server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        server, query = self.server, dict(parse_qsl(scope["query_string"].decode("latin-1")))
        name = scope["path"].rpartition("/")[2].removeprefix("img-").removesuffix(".png")
        plan = links.answer(name, query, server.clock(), server.journal.pictures.named(name))
        await carry_out(plan, {}, receive, send, server.sleep, scope)


def opened(scope: Scope, path: str) -> Request:
    """The request as far as its head tells."""
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    return Request(scope["method"], path, headers, scope["query_string"].decode("latin-1"))


async def read(request: Request, receive: Receive, limit: int) -> Request | None:
    """The whole request, its form parsed as the bytes arrive; None when the client went away before its end.

    A body beyond `limit` bytes is not read on: the request then carries the fault `body-too-large`.
    """
    kind = request.header("content-type") or ""
    edge = boundary(kind)
    form = FormReader(edge) if edge else None
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
    return replace(request, body=bytes(body), parts=parts, fault=fault)


def session_of(key: str) -> str:
    """The session that an API key stands for: a keyed hash, so that no journal shows the key."""
    return "key-" + hashlib.blake2b(key.encode(), key=b"mockserver session", digest_size=6).hexdigest()


def beside(given: Answer, entry_id: str, cross_origin: bool, bare: bool) -> Plan:
    """The plan with our own headers beside the API's: the journal entry, the hint, and leave to read for a browser.

    With `bare` neither ours nor the API's own are sent, but for those that a client needs.
    """
    ours = [] if bare else [("x-mockserver-entry", entry_id)]
    if given.hints and not bare:
        ours.append(("x-mockserver-hint", encoded(" ".join(given.hints))))
    if cross_origin:
        ours.append(("access-control-allow-origin", "*"))
    return tuple(
        Head(step.status, (*(heads.bare(step.headers) if bare else step.headers), *ours))
        if isinstance(step, Head)
        else step
        for step in given.plan
    )


def encoded(text: str, limit: int = HINT_BYTES) -> str:
    """A text as percent-encoded UTF-8 of at most `limit` characters, cut between characters if need be."""
    whole = quote(text, safe=HEADER_SAFE, errors="replace")
    while len(whole) > limit:
        text = text[: min(len(text) - 1, limit)]
        whole = quote(text, safe=HEADER_SAFE, errors="replace") + "..."
    return whole
