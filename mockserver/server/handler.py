"""One request of the API: receive, understand, take the turn, respond, record, send."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from starlette.types import Receive, Scope, Send

from mockserver.contract.catalogue import Problem
from mockserver.core.request import Request
from mockserver.engine.admission import get_api_key
from mockserver.engine.entry import build_entry, list_images, record_faults
from mockserver.engine.respond import Response, apply_faults, is_cheap_to_respond, may_respond_early, respond
from mockserver.engine.understand import is_cheap_to_understand, understand, understand_head
from mockserver.engine.values import Understood
from mockserver.scenario.loader import ScenarioError
from mockserver.scenario.machine import Turn
from mockserver.server.admin.errors import problem_response, unavailable_response
from mockserver.server.exchange import Exchange, session_of
from mockserver.server.extra_headers import add_close, add_headers, is_preflight, send_preflight_response
from mockserver.server.receive import open_request, read_request
from mockserver.server.send import WireFaultNeedsSocket, carry_out, connection_of
from mockserver.state.server_state import ServerState, StateUnavailable
from mockserver.state.session import Record
from mockserver.state.sessions import Taken

T = TypeVar("T")


class Api:
    """The emulated API, an ASGI application."""

    def __init__(self, state: ServerState) -> None:
        self.state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.serve(scope, receive, send, scope["path"].removeprefix(scope.get("root_path", "")), None)

    async def serve(self, scope: Scope, receive: Receive, send: Send, path: str, session_name: str | None) -> None:
        request, began = open_request(scope, path), self.state.clock.watch()
        if is_preflight(request):
            await send_preflight_response(send)
            return
        name = session_name or session_of(get_api_key(request))
        try:
            session = await self.state.open_session(name, request.header("x-mockserver-scenario"))
            exchange = Exchange(scope, receive, send, request, connection_of(scope, receive), began, session)
            await self._handle_or_report(exchange)
        except ScenarioError as error:
            await problem_response(400, "No such scenario", "\n".join(error.errors))(scope, receive, send)
        except StateUnavailable as error:
            await unavailable_response(error)(scope, receive, send)

    async def handle(self, exchange: Exchange) -> None:
        received = await self._receive(exchange)
        if received is None:  # the client disconnected before the end of its request
            return
        exchange.request = received
        understood = await self._understand(exchange)
        exchange.taken = taken = await exchange.session.take(exchange.facts(understood))
        response = await self._respond(exchange, understood, taken)
        record = await self._record(exchange, understood, taken, response)
        await self._send(exchange, record, is_stream(understood, response))

    async def run(self, work: Callable[[], T], is_cheap: bool = False) -> T:
        if is_cheap:
            return work()
        async with self.state.slots():
            return await asyncio.to_thread(work)

    async def _receive(self, exchange: Exchange) -> Request | None:
        """The whole request; only its head if a step responds early; None if the client disconnects."""
        request, session = exchange.request, exchange.session
        if self._may_respond_early(exchange):
            exchange.is_unread = True
            return request
        was_uploaded = exchange.connection.uploaded
        whole = await read_request(request, exchange.receive, self.state.limits, self.state.held_image)
        if whole is not None and not was_uploaded:
            await session.refresh()
        return whole

    def _may_respond_early(self, exchange: Exchange) -> bool:
        session = exchange.session
        if not session.may_respond_early():
            return False
        head = understand_head(exchange.request, session.settings)
        return may_respond_early(session.peek(exchange.facts(head)), session.settings)

    async def _understand(self, exchange: Exchange) -> Understood:
        request = exchange.request
        exchange.settings = settings = exchange.session.settings
        if exchange.is_unread:
            return understand_head(request, settings)
        sources = exchange.session.sources(request.host)
        return await self.run(partial(understand, request, settings, sources), is_cheap_to_understand(request))

    async def _respond(self, exchange: Exchange, understood: Understood, taken: Taken) -> Response:
        settings, context = exchange.settings, exchange.context(taken)
        work = partial(respond, understood, taken.turn, context, settings, exchange.origin, exchange.has_gone)
        return await self.run(work, is_cheap_to_respond(understood, settings, context))

    async def _record(self, exchange: Exchange, understood: Understood, taken: Taken, response: Response) -> Record:
        turn, context, entry_id = taken.turn, exchange.context(taken), exchange.session.entry_id()
        entry = build_entry(understood, turn, context, response, entry_id)
        plan = meant = add_headers(response.plan, exchange.request, entry_id, response.hints, exchange.settings.bare)
        if turn.faults:
            faulty = await self.run(partial(apply_faults, meant, turn, context, exchange.is_unread))
            record_faults(entry, faulty)
            plan = faulty.plan
        if not exchange.has_failed:
            self.state.witness(entry, exchange.request, meant, plan)
        images = tuple(list_images(understood, response))
        record = exchange.build_record(entry, plan, images, response, self.state.clock.watch)
        await exchange.session.record(record)
        exchange.is_recorded = True
        self._count(exchange, entry, understood, response)
        return record

    def _count(self, exchange: Exchange, entry: Mapping[str, Any], understood: Understood, response: Response) -> None:
        job, row = understood.job, response.row
        seconds = self.state.clock.watch() - exchange.began
        family, status = row.family if row else "", entry["answer"]["status"]
        self.state.stats.note(job.endpoint if job else "", status, family, seconds)
        if job and job.capability.shutdown:
            self.state.dated[job.model] += 1

    async def _send(self, exchange: Exchange, record: Record, is_stream: bool) -> None:
        session, state = exchange.session, self.state
        state.stats.begin(is_stream)
        try:
            before_end = partial(session.complete, record)
            await carry_out(record.plan, record.log, exchange.connection, exchange.send, state.sleep, before_end)
        finally:
            state.stats.end(is_stream)
            record.log.close()
            await session.finish(record)

    async def _handle_or_report(self, exchange: Exchange) -> None:
        """Handle a request. If that fails unexpectedly, respond with the API's own error before raising it again.

        Raised again, it is in the server's log with its traceback, and reaches a test that runs without a socket.
        """
        try:
            await self.handle(exchange)
        except (StateUnavailable, WireFaultNeedsSocket):
            raise
        except Exception as error:
            if not exchange.is_recorded:
                await self._respond_to_crash(exchange, error)
            raise

    async def _respond_to_crash(self, exchange: Exchange, error: Exception) -> None:
        """Record the request and send the API's 500. It takes its turn, as every request does."""
        exchange.has_failed, exchange.settings = True, exchange.session.settings
        head = understand_head(exchange.head, exchange.settings)
        taken = exchange.taken or await exchange.session.take(exchange.facts(head))
        taken = taken._replace(turn=Turn(taken.turn.scenario, None))
        failed = replace(head, problem=Problem("server-error", **exchange.context(taken).ids()))
        response = await self._respond(exchange, failed, taken)
        hint = f"mockserver itself failed with {type(error).__name__}; its log has the traceback."
        response = response._replace(plan=add_close(response.plan), hints=(hint,))
        record = await self._record(exchange, failed, taken, response)
        error.add_note(f"The request is entry {record.entry['id']} of the journal.")
        await self._send(exchange, record, is_stream=False)


def is_stream(understood: Understood, response: Response) -> bool:
    job = understood.job
    return job is not None and job.stream and response.row is None
