"""The ASGI application: reads a request, lets the engine decide, journals once, and carries the plan out.

The one way in and the one way out: no other module journals an entry or sends a byte of the API's answers.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import TypeVar
from urllib.parse import parse_qsl, quote

from starlette.applications import Starlette
from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import Message, Receive, Scope, Send

from mockserver import admin
from mockserver.engine.answer import Answer, answer
from mockserver.engine.asking import asking
from mockserver.engine.door import api_key
from mockserver.engine.entry import entry, pictures
from mockserver.engine.understand import understand
from mockserver.guard import Guard
from mockserver.moment import Moment
from mockserver.problems import problem
from mockserver.render import heads, links
from mockserver.scenario.files import ScenarioError, find
from mockserver.scenario.machine import Scenario
from mockserver.state import Server
from mockserver.trail import Trail
from mockserver.wire.multipart import FormReader, boundary
from mockserver.wire.plan import Chunk, Head, Plan, Wait
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
    routes: list[BaseRoute] = [Mount("/__mock/s", Named(api)), Mount("/__mock", Guard(server, admin.create(server)))]
    # Relative, for the application may be mounted anywhere.
    routes += [Route("/__mock", RedirectResponse("__mock/")), Mount("/private", Storage(server))]
    app = Starlette(routes=routes)
    # A mount at the root would lose its bearings on a path that ends in a line feed.
    app.router.default, app.router.redirect_slashes = api, False
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
        server, began = self.server, self.server.clock.watch()
        request = await read(scope, receive, path, server.upload_bytes)
        if request is None:
            return
        origin = request.header("origin") is not None
        if origin and request.method == "OPTIONS" and request.header("access-control-request-method"):
            await send({"type": "http.response.start", "status": 204, "headers": list(PREFLIGHT)})
            await send({"type": "http.response.body"})
            return
        name = session or session_of(api_key(request))
        host = request.header("host") or "localhost"
        here = f"{scope['scheme']}://{host}"
        server.look()
        try:
            picked = self._picked(request)
        except ScenarioError as error:
            await problem(400, "No such scenario", "\n".join(error.faults))(scope, receive, send)
            return
        settings = server.state.over(name, server.settings, picked)
        understood = await self._aside(understand, request, settings, server.sources(name, host))
        asked = await self._aside(asking, request, understood, settings, server.clock(name))
        taken = await server.state.take(name, asked, picked)
        moment = Moment(server.clock(name), name, taken.position, taken.seed, settings.as_of, taken.attempt)
        given = await self._aside(answer, understood, taken.turn, moment, settings, here)
        if understood.job and understood.job.capability.shutdown:
            server.dated[understood.job.model] += 1
        if given.filed:
            server.files.put(name, given.filed)
        if given.removed:
            server.files.remove(name, given.removed)
        noted = entry(request, understood, taken.turn, moment, given, server.journal.next_id())
        moved = server.clock.advanced(name)
        place = (name, noted["call"], noted["id"])
        noted["repeats"], noted["waited"] = server.journal.calls.begin(*place, began + moved, hung_up(scope))
        server.journal.add(noted)
        for picture in pictures(understood, given):
            server.journal.pictures.put(*picture)
        plan = beside(given, noted["id"], origin, settings.bare)
        trail = Trail(noted["answer"]["sent"], began, server.clock.watch)
        try:
            await carry_out(plan, noted["answer"], trail.along(send), server.sleep, scope)
        finally:
            trail.close()
            server.journal.calls.end(*place, server.clock.watch() + server.clock.advanced(name))

    def _picked(self, request: Request) -> Scenario | None:
        """The scenario that the request itself names, if it does. Raises ScenarioError."""
        named = request.header("x-mockserver-scenario")
        return find(named, self.server.state.scenario.folder) if named is not None else None

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
        await carry_out(plan, {}, send, server.sleep, scope)


async def read(scope: Scope, receive: Receive, path: str, limit: int) -> Request | None:
    """The whole request, its form parsed as the bytes arrive; None when the client went away before its end.

    A body beyond `limit` bytes is not read on: the request then carries the fault `body-too-large`.
    """
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    kind = dict(headers).get("content-type", "")
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
    query = scope["query_string"].decode("latin-1")
    return Request(scope["method"], path, headers, query, bytes(body), parts, fault)


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


def hung_up(scope: Scope) -> Callable[[], bool]:
    """A function that tells whether the client has gone; nobody knows without a socket."""
    transport = scope.get("extensions", {}).get("mockserver.transport")
    return transport.is_closing if transport is not None else lambda: False


async def carry_out(
    plan: Plan, noted: dict[str, object], send: Send, sleep: Callable[[float], Awaitable[None]], scope: Scope
) -> None:
    """Perform a plan step by step and note in the entry what was really sent. Stops when the client has gone."""
    gone, sent = hung_up(scope), 0
    for step in plan:
        if gone():
            return
        match step:
            case Wait(seconds):
                await sleep(seconds)
            case Head(status, headers):
                raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
                await send({"type": "http.response.start", "status": status, "headers": raw})
            case Chunk(data):
                await send({"type": "http.response.body", "body": data, "more_body": True})
                sent += len(data)
                noted["sent_bytes"] = sent
            case _:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                noted["complete"] = True
