"""`/__mock/*`: what the server tells about itself, and what it can be told. Its errors are RFC 9457 problems."""

import asyncio

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from mockserver import __version__
from mockserver.contract.openapi import bundle
from mockserver.engine import image_urls
from mockserver.images import sample
from mockserver.journal.store import Journal
from mockserver.scenario.loader import ScenarioError, parse, parse_part
from mockserver.scenario.verify import verify
from mockserver.server.admin import choices, control, page
from mockserver.server.admin.errors import Refusal, problem, queried, taken
from mockserver.server.admin.errors import refused as told_why
from mockserver.state.server_state import ServerState


def create(server: ServerState) -> Starlette:
    """The application below `/__mock`."""
    told = Told(server)
    routes = [
        Route("/", told.page),
        Route("/choices", told.choices),
        Route("/health", told.health),
        Route("/metrics", told.metrics),
        Route("/reset", told.reset, methods=["POST"]),
        Route("/openapi.json", told.openapi),
        Route("/scenario", told.scenario, methods=["GET", "PUT"]),
        Route("/next", told.next, methods=["POST"]),
        Route("/verify", told.verify, methods=["POST"]),
        Route("/pictures/{sha256}", told.picture),
        Route("/sample.png", told.sample),
        *control.routes(server),
    ]
    return Starlette(
        routes=routes, exception_handlers={HTTPException: refused, Refusal: told_why, ClientDisconnect: left}
    )


async def refused(request: Request, error: Exception) -> Response:
    """Any other path or method."""
    assert isinstance(error, HTTPException)
    detail = f"{request.method} {request.url.path} is nothing that this server answers"
    return problem(error.status_code, error.detail, detail, error.headers)


async def left(request: Request, error: Exception) -> Response:
    """Nobody reads it: the caller went before all of the body had come."""
    return Response(status_code=400)


def faulty(title: str, error: ScenarioError) -> Response:
    """What is wrong with a body that was sent to us, a line for each fault."""
    return problem(400, title, "\n".join(error.errors))


class Told:
    """The handlers, which all speak of one server."""

    def __init__(self, server: ServerState) -> None:
        self.server = server

    @property
    def _journal(self) -> Journal:
        return self.server.journal

    async def page(self, request: Request) -> Response:
        """The page that shows all this to people."""
        return HTMLResponse(page.text(), headers=page.headers())

    async def choices(self, request: Request) -> Response:
        """What there is to choose from: the built-in scenarios, and the models that edit pictures."""
        return JSONResponse(choices.choices(self.server.settings.as_of))

    async def health(self, request: Request) -> Response:
        """Is the server there, and what does it play?"""
        return JSONResponse(
            {
                "status": "ok",
                "version": __version__,
                "as_of": self.server.settings.as_of.label,
                "scenario": self.server.sessions.scenario.name,
            }
        )

    async def metrics(self, request: Request) -> Response:
        """Counts and sizes, as Prometheus reads them."""
        from mockserver.server import metrics  # its library takes longer to load than a server may to start

        return Response(metrics.exposition(self.server), headers={"content-type": metrics.CONTENT_TYPE})

    async def reset(self, request: Request) -> Response:
        """Back to the start, for `?session=` or for all: the place in the scenario, clock, files and journal."""
        session = queried(request, "session").get("session")
        self.server.sessions.reset(session)
        self.server.clock.reset(session)
        self.server.uploads.clear(session)
        self._journal.clear(session)
        if session is None:
            self._journal.restart()
        return Response(status_code=204)

    async def scenario(self, request: Request) -> Response:
        """The scenario of `?session=`, or the server's; PUT begins another, from YAML or JSON, or changes nothing."""
        session, state = request.query_params.get("session"), self.server.sessions
        if request.method == "PUT":
            try:
                found = parse(await taken(request), "scenario")
            except ScenarioError as error:
                return faulty("The scenario cannot be used", error)
            state.play(session, found)
        return JSONResponse(state.scenario_of(session).data)

    async def next(self, request: Request) -> Response:
        """A step for the next request that it fits, of `?session=` or of any."""
        try:
            step = parse_part(await taken(request), "step", "step")
            self.server.sessions.add_step(request.query_params.get("session"), step)
        except ScenarioError as error:
            return faulty("The step cannot be used", error)
        except ValueError as error:
            return problem(409, "Too many steps", str(error))
        return Response(status_code=204)

    async def verify(self, request: Request) -> Response:
        """How many calls of `?session=`, or of all, met a `when`, and which came near."""
        try:
            asked = parse_part(await taken(request), "verify", "verify")
        except ScenarioError as error:
            return faulty("The question cannot be understood", error)
        entries = self._journal.entries(request.query_params.get("session"))
        return JSONResponse(verify(entries, asked["when"], asked.get("times")))

    async def openapi(self, request: Request) -> Response:
        """The contract of the server's day as one OpenAPI document."""
        return JSONResponse(bundle(self.server.settings.as_of))

    async def picture(self, request: Request) -> Response:
        """A picture that was received or sent, by its SHA-256."""
        sha256 = request.path_params["sha256"]
        found = await asyncio.to_thread(self._journal.pictures.find, sha256)
        if found:
            return Response(found[0], media_type=found[1], headers=dict(image_urls.INERT))
        if await asyncio.to_thread(self._journal.pictures.dropped, sha256):
            return problem(410, "Gone", "this picture was dropped: the store keeps the newest 64 MiB")
        return problem(404, "Not Found", "no picture with this SHA-256 was received or sent")

    async def sample(self, request: Request) -> Response:
        """A small picture to try an edit with."""
        return Response(sample.png(), media_type="image/png")
