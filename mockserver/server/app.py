"""The ASGI application: which path leads where."""

import re
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from mockserver.engine import image_urls
from mockserver.journal.send_log import SendLog
from mockserver.server.admin import routes as admin
from mockserver.server.admin.auth import Guard
from mockserver.server.admin.errors import problem_response, unavailable_response
from mockserver.server.handler import Api
from mockserver.server.send import carry_out, connection_of
from mockserver.state.memory import MemoryState
from mockserver.state.server_state import ServerState, StateUnavailable


def create_app(state: ServerState | None = None) -> Starlette:
    """An ASGI application that serves the Images API, and `/__mock/*`."""
    state = state or MemoryState()
    api = Api(state)
    routes: list[BaseRoute] = [
        mount("/__mock/s", SessionPaths(api)),
        mount("/__mock", Guard(state, admin.create_admin(state))),
        mount("/private", Storage(state)),
        # Relative, for the application may be mounted anywhere.
        Route("/__mock", RedirectResponse("__mock/")),
    ]
    app = Starlette(routes=routes)
    # The API is the default route: a mount at the root would lose its prefix on a path that ends in a line feed.
    app.router.default, app.router.redirect_slashes = api, False
    app.state.server = state
    return app


def mount(path: str, app: ASGIApp) -> Mount:
    """Mount an application under a path. Unlike Starlette's Mount, also matches paths that contain a line feed."""
    mounted = Mount(path, app)
    mounted.path_regex = re.compile(mounted.path_regex.pattern, re.DOTALL)
    return mounted


class SessionPaths:
    """Requests whose session is named by the path: `/__mock/s/NAME/v1/...`."""

    def __init__(self, api: Api) -> None:
        self.api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"].removeprefix(scope.get("root_path", ""))
        _, name, *rest = path.split("/", 2)
        if len(name) > (limit := self.api.state.limits.session_name_length):
            response = problem_response(400, "Bad Request", f"a session's name has at most {limit} characters")
            await response(scope, receive, send)
            return
        await self.api.serve(scope, receive, send, "/" + "".join(rest), name)


class Storage:
    """The storage service behind the image URLs of old responses."""

    def __init__(self, state: ServerState) -> None:
        self.state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        name = scope["path"].rpartition("/")[2].removeprefix("img-").removesuffix(".png")
        try:
            image, now = await self.state.find_image_by_name(name), (await self.state.time()).now
        except StateUnavailable as error:
            await unavailable_response(error)(scope, receive, send)
            return
        plan = image_urls.respond_from_storage(name, query, now, image)
        log = SendLog({"sent": []}, 0, self.state.clock.watch)
        await carry_out(plan, log, connection_of(scope, receive), send, self.state.sleep)
