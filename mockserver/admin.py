"""`/__mock/*`: what the server tells about itself, and what it can be told. Its errors are RFC 9457 problems."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mockserver import __version__, control
from mockserver.contract.document import bundle
from mockserver.images import sample
from mockserver.journal import Journal
from mockserver.problems import Refusal, problem, queried
from mockserver.problems import refused as told_why
from mockserver.state import Server


def create(server: Server) -> Starlette:
    """The application below `/__mock`."""
    told = Told(server)
    routes = [
        Route("/health", told.health),
        Route("/reset", told.reset, methods=["POST"]),
        Route("/openapi.json", told.openapi),
        Route("/pictures/{sha256}", told.picture),
        Route("/sample.png", told.sample),
        *control.routes(server),
    ]
    return Starlette(routes=routes, exception_handlers={HTTPException: refused, Refusal: told_why})


async def refused(request: Request, error: Exception) -> Response:
    """Any other path or method."""
    assert isinstance(error, HTTPException)
    detail = f"{request.method} {request.url.path} is nothing that this server answers"
    return problem(error.status_code, error.detail, detail, error.headers)


class Told:
    """The handlers, which all speak of one server."""

    def __init__(self, server: Server) -> None:
        self.server = server

    @property
    def _journal(self) -> Journal:
        return self.server.journal

    async def health(self, request: Request) -> Response:
        """Is the server there, and what does it play?"""
        return JSONResponse(
            {
                "status": "ok",
                "version": __version__,
                "as_of": self.server.settings.as_of.label,
                "scenario": self.server.state.scenario.name,
            }
        )

    async def reset(self, request: Request) -> Response:
        """Back to the start, for `?session=` or for all: the place in the scenario, clock, files and journal."""
        session = queried(request, "session").get("session")
        self.server.state.reset(session)
        self.server.clock.reset(session)
        self.server.files.clear(session)
        self._journal.clear(session)
        if session is None:
            self._journal.restart()
        return Response(status_code=204)

    async def openapi(self, request: Request) -> Response:
        """The contract of the server's day as one OpenAPI document."""
        return JSONResponse(bundle(self.server.settings.as_of))

    async def picture(self, request: Request) -> Response:
        """A picture that was received or sent, by its SHA-256."""
        sha256 = request.path_params["sha256"]
        found = self._journal.pictures.find(sha256)
        if found:
            return Response(found[0], media_type=found[1])
        if self._journal.pictures.dropped(sha256):
            return problem(410, "Gone", "this picture was dropped: the store keeps the newest 64 MiB")
        return problem(404, "Not Found", "no picture with this SHA-256 was received or sent")

    async def sample(self, request: Request) -> Response:
        """A small picture to try an edit with."""
        return Response(sample.png(), media_type="image/png")
