"""`/__mock/*`: what the server reports, and what can be changed in it."""

from collections.abc import Callable, Coroutine
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from mockserver import __version__
from mockserver.contract.openapi import bundle
from mockserver.engine import image_urls
from mockserver.images import sample
from mockserver.scenario.loader import ScenarioError, parse, parse_part
from mockserver.scenario.verify import verify
from mockserver.server.admin import choices, page
from mockserver.server.admin.control import Control
from mockserver.server.admin.errors import AdminError, problem_response, read_body, read_query, unavailable_response
from mockserver.state.server_state import ServerState, StateUnavailable

Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]


def create_admin(state: ServerState) -> Starlette:
    """The application under `/__mock`."""
    admin, control = Admin(state), Control(state)
    routes = [
        route("/", GET=admin.get_page),
        route("/choices", GET=admin.get_choices),
        route("/health", GET=admin.get_health),
        route("/metrics", GET=admin.get_metrics),
        route("/reset", POST=admin.reset),
        route("/openapi.json", GET=admin.get_openapi),
        route("/scenario", GET=admin.get_scenario, PUT=admin.put_scenario),
        route("/next", POST=admin.add_step),
        route("/verify", POST=admin.verify_calls),
        route("/pictures/{sha256}", GET=admin.get_image),
        route("/sample.png", GET=admin.get_sample),
        route("/journal", GET=control.get_journal, DELETE=control.delete_journal),
        route("/journal/{id}", GET=control.get_entry),
        route("/ledger", GET=control.get_ledger),
        route("/verdict", GET=control.get_verdict, POST=control.report_result),
        route("/clock", GET=control.get_clock, POST=control.advance_clock),
    ]
    return Starlette(routes=routes, exception_handlers=dict.fromkeys(ERRORS, respond_to_error))


def route(path: str, **endpoints: Endpoint) -> Route:
    """One route for all methods of a path, so that a 405 names them all."""

    async def choose(request: Request) -> Response:
        return await endpoints["GET" if request.method == "HEAD" else request.method](request)

    return Route(path, choose, methods=list(endpoints))


ERRORS = (AdminError, HTTPException, StateUnavailable, ClientDisconnect)


async def respond_to_error(request: Request, error: Exception) -> Response:
    match error:
        case AdminError():
            return error.response()
        case HTTPException():
            detail = f"this server does not serve {request.method} {request.url.path}"
            return problem_response(error.status_code, error.detail, detail, error.headers)
        case StateUnavailable():
            return unavailable_response(error)
    return Response(status_code=400)  # the client disconnected and will not read it


class Admin:
    """Endpoints of one server."""

    def __init__(self, state: ServerState) -> None:
        self.state = state

    async def get_page(self, request: Request) -> Response:
        return HTMLResponse(page.text(), headers=page.headers())

    async def get_choices(self, request: Request) -> Response:
        return JSONResponse(choices.choices(self.state.settings.as_of))

    async def get_health(self, request: Request) -> Response:
        return JSONResponse(
            {
                "status": "ok",
                "version": __version__,
                "as_of": self.state.settings.as_of.label,
                "scenario": (await self.state.scenario()).name,
            }
        )

    async def get_metrics(self, request: Request) -> Response:
        from mockserver.server import metrics  # its library takes longer to load than a server may take to start

        text = metrics.render_metrics(self.state.stats, await self.state.sizes())
        return Response(text, headers={"content-type": metrics.CONTENT_TYPE})

    async def reset(self, request: Request) -> Response:
        await self.state.reset(read_query(request, "session").get("session"))
        return Response(status_code=204)

    async def get_scenario(self, request: Request) -> Response:
        return JSONResponse((await self.state.scenario(request.query_params.get("session"))).data)

    async def put_scenario(self, request: Request) -> Response:
        """Start a scenario, from YAML or JSON, in `?session=` or in all sessions."""
        session = request.query_params.get("session")
        try:
            scenario = parse(await read_body(request), "scenario")
        except ScenarioError as error:
            raise _invalid("The scenario cannot be used", error) from None
        await self.state.play(session, scenario)
        return JSONResponse((await self.state.scenario(session)).data)

    async def add_step(self, request: Request) -> Response:
        """Add a step for the next matching request, of `?session=` or of any session."""
        try:
            step = parse_part(await read_body(request), "step", "step")
            await self.state.add_step(request.query_params.get("session"), step)
        except ScenarioError as error:
            raise _invalid("The step cannot be used", error) from None
        except ValueError as error:
            raise AdminError(409, "Too many steps", str(error)) from None
        return Response(status_code=204)

    async def verify_calls(self, request: Request) -> Response:
        try:
            question = parse_part(await read_body(request), "verify", "verify")
        except ScenarioError as error:
            raise _invalid("The question cannot be understood", error) from None
        entries = (await self.state.read_journal()).entries(request.query_params.get("session"))
        return JSONResponse(verify(entries, question["when"], question.get("times")))

    async def get_openapi(self, request: Request) -> Response:
        return JSONResponse(bundle(self.state.settings.as_of))

    async def get_image(self, request: Request) -> Response:
        sha256 = request.path_params["sha256"]
        image = await self.state.find_image(sha256)
        if image:
            return Response(image[0], media_type=image[1], headers=dict(image_urls.INERT))
        if await self.state.was_image_dropped(sha256):
            raise AdminError(410, "Gone", "this image was dropped: the store keeps the newest 64 MiB")
        raise AdminError(404, "Not Found", "no image with this SHA-256 was received or sent")

    async def get_sample(self, request: Request) -> Response:
        return Response(sample.png(), media_type="image/png")


def _invalid(title: str, error: ScenarioError) -> AdminError:
    return AdminError(400, title, "\n".join(error.errors))
