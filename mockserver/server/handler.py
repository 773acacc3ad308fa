"""One request of the API to its end: it is read, the engine decides, it is journaled once, and the plan carried out.

No other module journals an entry or sends a byte of the API's answers. It knows no routes.
"""

import asyncio
import hashlib
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote

from starlette.types import Receive, Scope, Send

from mockserver.core.plan import Head, Plan
from mockserver.core.request import Request
from mockserver.engine.admission import get_api_key
from mockserver.engine.context import Context
from mockserver.engine.entry import build_entry, list_images, record_faults
from mockserver.engine.headers import select_needed
from mockserver.engine.respond import Response, apply_faults, is_cheap_to_respond, may_respond_early, respond
from mockserver.engine.understand import is_cheap_to_understand, understand, understand_head
from mockserver.engine.values import Settings, Understood
from mockserver.journal.send_log import SendLog
from mockserver.scenario.loader import ScenarioError, find_scenario
from mockserver.scenario.machine import Scenario, Turn
from mockserver.server.admin.errors import problem
from mockserver.server.receive import opened, read
from mockserver.server.send import carry_out, connection_of
from mockserver.state.server_state import ServerState

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


class Received(NamedTuple):
    """A request and how it was understood; `unread` if its body was not read."""

    request: Request
    settings: Settings
    understood: Understood
    unread: bool = False


class Api:
    """The emulated API."""

    def __init__(self, server: ServerState) -> None:
        self.server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.serve(scope, receive, send, scope["path"].removeprefix(scope.get("root_path", "")), None)

    async def serve(self, scope: Scope, receive: Receive, send: Send, path: str, session: str | None) -> None:
        """Serve one request, to its end."""
        server, request, began = self.server, opened(scope, path), self.server.clock.watch()
        browser = request.header("origin") is not None
        if browser and request.method == "OPTIONS" and request.header("access-control-request-method"):
            await send({"type": "http.response.start", "status": 204, "headers": list(PREFLIGHT)})
            await send({"type": "http.response.body"})
            return
        name, connection = session or session_of(get_api_key(request)), connection_of(scope, receive)
        server.look()
        try:
            picked = self._picked(request)
        except ScenarioError as error:
            await problem(400, "No such scenario", "\n".join(error.errors))(scope, receive, send)
            return
        if server.shared:
            await server.shared.meet(name)
        received = await self._understand(request, receive, name, picked, connection.uploaded)
        if received is None:
            return
        understood, settings = received.understood, received.settings
        facts = understood.facts._replace(now=server.clock(name))
        taken = await server.sessions.take(name, facts, picked)
        gone = partial(getattr, connection, "gone")
        context = Context(server.clock(name), name, taken.position, taken.seed, settings.as_of, taken.attempt)
        origin = f"{scope['scheme']}://{request.host}"
        work = partial(respond, understood, taken.turn, context, settings, origin, gone)
        given = work() if is_cheap_to_respond(understood, settings, context) else await self._aside(work)
        noted, meant, plan = await self._planned(received, taken.turn, context, given, browser)
        place = (name, noted["call"], noted["id"])
        arrived = began + server.clock.advanced(name)
        noted["repeats"], noted["waited"] = server.journal.repeats.begin(*place, arrived, gone)
        self._keep(name, noted, understood, given)
        stream = self._count(noted, understood, given, began)
        server.stats.begin(stream)
        server.witness(noted, received.request, meant, plan)
        trail = SendLog(noted["answer"], began, server.clock.watch)

        def now() -> float:
            return server.clock.watch() + server.clock.advanced(name)

        try:
            if server.shared:
                send = await server.shared.keep(send, plan, trail, now)
            await carry_out(plan, trail, connection, send, server.sleep)
        finally:
            server.stats.end(stream)
            trail.close()
            left = gone() and not noted["answer"]["complete"]
            server.journal.repeats.end(*place, None if left else now())
            if server.shared:
                await server.shared.finish()

    async def _understand(
        self, request: Request, receive: Receive, name: str, picked: Scenario | None, uploaded: bool
    ) -> Received | None:
        """A whole request, or its head where a step responds before the body is read; None after a disconnect."""
        server = self.server
        if server.sessions.may_respond_early(name, picked):
            settings = server.sessions.settings_for(name, server.settings, picked)
            head = understand_head(request, settings)
            facts = head.facts._replace(now=server.clock(name))
            if may_respond_early(server.sessions.peek(name, facts, picked), settings):
                return Received(request, settings, head, unread=True)
        came = await read(request, receive, server.upload_bytes, server.journal.pictures.held)
        if came is None:
            return None
        # The scenario may have changed while the body came.
        if server.shared and not uploaded:
            await server.shared.meet(name)
        settings, whole = server.sessions.settings_for(name, server.settings, picked), came.whole()
        came = None  # what is decoded need not be held twice
        work = partial(understand, whole, settings, server.sources(name, settings, request.host))
        understood = work() if is_cheap_to_understand(whole) else await self._aside(work)
        return Received(whole, settings, understood)

    async def _planned(
        self, received: Received, turn: Turn, context: Context, given: Response, browser: bool
    ) -> tuple[dict[str, Any], Plan, Plan]:
        """The entry of an answer, its plan as it was meant, and as the faults of its turn leave it."""
        noted = build_entry(received.understood, turn, context, given, self.server.journal.next_id())
        meant = beside(given, noted["id"], browser, received.settings.bare)
        if not turn.faults:
            return noted, meant, meant
        done = await self._aside(apply_faults, meant, turn, context, received.unread)
        record_faults(noted, done)
        return noted, meant, done.plan

    def _count(self, noted: dict[str, Any], understood: Understood, given: Response, began: float) -> bool:
        """Count a request; is its answer a stream?"""
        job, row = understood.job, given.row
        seconds = self.server.clock.watch() - began
        endpoint, family = job.endpoint if job else "", row.family if row else ""
        self.server.stats.note(endpoint, noted["answer"]["status"], family, seconds)
        return job is not None and job.stream and row is None

    def _keep(self, name: str, noted: dict[str, Any], understood: Understood, given: Response) -> None:
        """Remember what an answer leaves behind: its entry, its pictures and the session's files."""
        server, job = self.server, understood.job
        server.journal.add(noted)
        for picture in list_images(understood, given):
            server.journal.pictures.put(*picture)
        if given.filed:
            server.uploads.put(name, given.filed)
        if given.removed:
            server.uploads.remove(name, given.removed)
        if job and job.capability.shutdown:
            server.dated[job.model] += 1

    def _picked(self, request: Request) -> Scenario | None:
        """The scenario that the request itself names, if it does. Raises ScenarioError."""
        named = request.header("x-mockserver-scenario")
        return find_scenario(named, self.server.sessions.scenario.folder) if named is not None else None

    async def _aside(self, work: Callable[..., T], *arguments: object) -> T:
        """Do pure work off the event loop, when one of a bounded number of places is free."""
        async with self.server.slots():
            return await asyncio.to_thread(work, *arguments)


def session_of(key: str) -> str:
    """The session that an API key stands for: a short hash, so that no journal shows the key.

    Nothing in it is secret: who has a key can tell its session.
    """
    return "key-" + hashlib.blake2b(key.encode(), key=b"mockserver session", digest_size=6).hexdigest()


def beside(given: Response, entry_id: str, cross_origin: bool, bare: bool) -> Plan:
    """The plan with our own headers beside the API's: the journal entry, the hint, and leave to read for a browser.

    With `bare` neither ours nor the API's own are sent, but for those that a client needs.
    """
    ours = [] if bare else [("x-mockserver-entry", entry_id)]
    if given.hints and not bare:
        ours.append(("x-mockserver-hint", encoded(" ".join(given.hints))))
    if cross_origin:
        ours.append(("access-control-allow-origin", "*"))
    return tuple(
        Head(step.status, (*(select_needed(step.headers) if bare else step.headers), *ours))
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
