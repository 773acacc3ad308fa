"""What a test reads and changes while it runs: journal, ledger, verdict and clock."""

from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mockserver.journal.filters import wanted
from mockserver.journal.ledger import ledger
from mockserver.journal.store import Journal
from mockserver.journal.verdict import verdict
from mockserver.server.admin.errors import AdminError, bad_request, read_object, read_query
from mockserver.state.server_state import ServerState, Time

RESULTS = ("success", "error")
BOOLEANS = {"true": True, "false": False}


class Control:
    """Endpoints of one server."""

    def __init__(self, state: ServerState) -> None:
        self.state = state

    async def get_journal(self, request: Request) -> Response:
        try:
            selection = wanted(request.query_params.multi_items())
        except ValueError as error:
            raise bad_request(str(error)) from None
        journal = await self.state.read_journal()
        return JSONResponse({"entries": journal.chosen(selection), "dropped": journal.dropped})

    async def delete_journal(self, request: Request) -> Response:
        await self.state.clear_journal(read_query(request, "session").get("session"))
        return Response(status_code=204)

    async def get_entry(self, request: Request) -> Response:
        read_query(request, "session")
        journal = await self.state.read_journal()
        return JSONResponse(journal.read(_find_entry(journal, request.path_params["id"])))

    async def get_ledger(self, request: Request) -> Response:
        session = read_query(request, "session").get("session")
        journal = await self.state.read_journal()
        return JSONResponse(ledger(journal.noted(session), journal.dropped))

    async def get_verdict(self, request: Request) -> Response:
        """With `?end=true` also evaluates the rules that need the end of the run."""
        query = read_query(request, "session", "end")
        end = query.get("end", "false")
        if end not in BOOLEANS:
            raise bad_request(f"end is true or false, not {end!r}")
        journal = await self.state.read_journal()
        return JSONResponse(verdict(journal.noted(query.get("session")), BOOLEANS[end]))

    async def report_result(self, request: Request) -> Response:
        """Record how the client interpreted a response, `success` or `error`; responds with the session's verdict."""
        read_query(request, "session")
        report = await read_object(request, "entry", "result")
        if report["result"] not in RESULTS:
            raise bad_request(f"result is {' or '.join(RESULTS)}")
        entry = _find_entry(await self.state.read_journal(), report["entry"])
        await self.state.report_result(entry["id"], report["result"])
        journal = await self.state.read_journal()
        return JSONResponse(verdict(journal.noted(entry["session"])))

    async def get_clock(self, request: Request) -> Response:
        return _time_response(await self.state.time(read_query(request, "session").get("session")))

    async def advance_clock(self, request: Request) -> Response:
        session = read_query(request, "session").get("session")
        seconds = (await read_object(request, "advance"))["advance"]
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            raise bad_request("advance is a number of seconds")
        try:
            time = await self.state.advance(seconds, session)
        except ValueError as error:
            raise bad_request(str(error)) from None
        except OverflowError as error:
            raise AdminError(409, "Conflict", str(error)) from None
        return _time_response(time)


def _time_response(time: Time) -> Response:
    now = datetime.fromtimestamp(time.now, UTC).isoformat(timespec="milliseconds")
    return JSONResponse({"now": now, "advanced": time.advanced})


def _find_entry(journal: Journal, entry_id: Any) -> dict[str, Any]:
    entry = journal.find(entry_id) if isinstance(entry_id, str) else None
    if entry is None:
        shown = repr(entry_id[:100]) if isinstance(entry_id, str) else "whose id is not a string"
        raise AdminError(404, "Not Found", f"the journal has no entry {shown}: see GET /__mock/journal")
    return entry
