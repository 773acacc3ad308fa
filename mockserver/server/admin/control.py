"""What a test asks and tells while it runs: journal, ledger, verdict, clock. Errors are RFC 9457."""

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mockserver.journal.filters import wanted
from mockserver.journal.ledger import ledger
from mockserver.journal.store import Journal
from mockserver.journal.verdict import verdict
from mockserver.server.admin.errors import Refusal, bad, body, queried
from mockserver.state.server_state import ServerState

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
RESULTS = ("success", "error")
TRUTH = {"true": True, "false": False}


def routes(server: ServerState) -> list[Route]:
    """The routes below `/__mock`."""
    control = Control(server)
    return [
        _route("/journal", GET=control.journal, DELETE=control.clear),
        _route("/journal/{id}", GET=control.entry),
        _route("/ledger", GET=control.ledger),
        _route("/verdict", GET=control.verdict, POST=control.told),
        _route("/clock", GET=control.clock, POST=control.advance),
    ]


def _route(path: str, **handlers: Handler) -> Route:
    """One route for all methods of a path, so that a refused method is told which there are."""

    async def choose(request: Request) -> Response:
        return await handlers["GET" if request.method == "HEAD" else request.method](request)

    return Route(path, choose, methods=list(handlers))


class Control:
    """The handlers, which all speak of one server."""

    def __init__(self, server: ServerState) -> None:
        self.server = server

    @property
    def _journal(self) -> Journal:
        return self.server.journal

    async def journal(self, request: Request) -> Response:
        """The entries that the query asks for, oldest first."""
        try:
            chosen = wanted(request.query_params.multi_items())
        except ValueError as error:
            raise bad(str(error)) from None
        return JSONResponse({"entries": self._journal.chosen(chosen), "dropped": self._journal.dropped})

    async def clear(self, request: Request) -> Response:
        """Forget the entries of `?session=`, or all."""
        self._journal.clear(queried(request, "session").get("session"))
        return Response(status_code=204)

    async def entry(self, request: Request) -> Response:
        """One entry, by its id."""
        queried(request, "session")
        return JSONResponse(self._journal.read(self._find(request.path_params["id"])))

    async def ledger(self, request: Request) -> Response:
        """What the calls of `?session=`, or all, would have cost."""
        entries = self._journal.noted(queried(request, "session").get("session"))
        return JSONResponse(ledger(entries, self._journal.dropped))

    async def verdict(self, request: Request) -> Response:
        """What the client of `?session=`, or any, did wrong; with `?end=true` also what it left undone."""
        asked = queried(request, "session", "end")
        end = asked.get("end", "false")
        if end not in TRUTH:
            raise bad(f"end is true or false, not {end!r}")
        return JSONResponse(verdict(self._journal.noted(asked.get("session")), TRUTH[end]))

    async def told(self, request: Request) -> Response:
        """Note what the client made of an answer, `success` or `error`; the verdict on its session comes back."""
        queried(request, "session")
        said = await body(request, "entry", "result")
        if said["result"] not in RESULTS:
            raise bad(f"result is {' or '.join(RESULTS)}")
        entry = self._find(said["entry"])
        self._journal.tell(entry, said["result"])
        return JSONResponse(verdict(self._journal.noted(entry["session"])))

    async def clock(self, request: Request) -> Response:
        """What time it is, for `?session=` or for all."""
        return self._time(queried(request, "session").get("session"))

    async def advance(self, request: Request) -> Response:
        """Move the time of `?session=`, or of all, on: limits refill and URLs expire, and nobody waits."""
        session = queried(request, "session").get("session")
        seconds = (await body(request, "advance"))["advance"]
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            raise bad("advance is a number of seconds")
        try:
            self.server.clock.advance(seconds, session)
        except ValueError as error:
            raise bad(str(error)) from None
        except OverflowError as error:
            raise Refusal(409, "Conflict", str(error)) from None
        return self._time(session)

    def _time(self, session: str | None) -> Response:
        now = datetime.fromtimestamp(self.server.clock(session), UTC).isoformat(timespec="milliseconds")
        return JSONResponse({"now": now, "advanced": self.server.clock.advanced(session)})

    def _find(self, entry_id: Any) -> dict[str, Any]:
        found = self._journal.find(entry_id) if isinstance(entry_id, str) else None
        if found is None:
            named = entry_id[:100] if isinstance(entry_id, str) else "that is no text"
            raise Refusal(404, "Not Found", f"the journal has no entry {named!r}: see GET /__mock/journal")
        return found
