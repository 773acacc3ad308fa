"""The ASGI application: which path leads where. Answers nothing itself."""

import asyncio
import re
from collections.abc import Sequence
from functools import partial
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from mockserver.engine import image_urls
from mockserver.journal.send_log import SendLog
from mockserver.server.admin import routes as admin
from mockserver.server.admin.auth import Guard
from mockserver.server.admin.errors import problem
from mockserver.server.around import Around
from mockserver.server.handler import Api
from mockserver.server.send import carry_out, connection_of
from mockserver.state.memory import MemoryState
from mockserver.state.server_state import ServerState

# Characters of a session's name.
NAME = 200


def create_app(server: ServerState | None = None) -> Starlette:
    """An ASGI application that answers the Images API, and `/__mock/*` about itself."""
    server = server or MemoryState()
    api = Api(server)
    mounts: list[tuple[str, ASGIApp]] = [
        ("/__mock/s", Named(api)),
        ("/__mock", Guard(server, admin.create(server))),
        ("/private", Storage(server)),
    ]
    routes: list[BaseRoute] = [mount(path, inner) for path, inner in mounts]
    # Relative, for the application may be mounted anywhere.
    routes.append(Route("/__mock", RedirectResponse("__mock/")))
    app = Application(api, routes)
    app.state.server = server
    if server.shared:
        app.add_middleware(partial(Around, server.shared))
    return app


class Application(Starlette):
    """Starlette's, but that requests of the API pass by all that nothing was added to."""

    def __init__(self, api: Api, routes: Sequence[BaseRoute]) -> None:
        super().__init__(routes=routes)
        self.api = api
        # A mount at the root would lose its bearings on a path that ends in a line feed.
        self.router.default, self.router.redirect_slashes = api, False
        self.router.middleware_stack = partial(sorted_out, self.router.middleware_stack, api)

    def build_middleware_stack(self) -> ASGIApp:
        """Whoever serves tells of errors as Starlette would; each layer wraps every message."""
        whole = super().build_middleware_stack()
        added = self.user_middleware or self.exception_handlers or self.debug
        return whole if added else partial(sorted_out, whole, self.api)


async def sorted_out(routed: ASGIApp, api: Api, scope: Scope, receive: Receive, send: Send) -> None:
    """Paths of the API need not be compared with every route: none of those begins like it."""
    http = scope["type"] == "http"
    ours = http and scope["path"].removeprefix(scope.get("root_path", "")).startswith("/v1/")
    await (api if ours else routed)(scope, receive, send)


def mount(path: str, app: ASGIApp) -> Mount:
    """All below a path, also what holds a line feed, which Starlette passes by."""
    made = Mount(path, app)
    made.path_regex = re.compile(made.path_regex.pattern, re.DOTALL)
    return made


class Named:
    """Requests whose session is named by the path: `/__mock/s/NAME/v1/...`."""

    def __init__(self, api: Api) -> None:
        self.api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"].removeprefix(scope.get("root_path", ""))
        _, name, *rest = path.split("/", 2)
        if len(name) > NAME:
            await problem(400, "Bad Request", f"a session's name has at most {NAME} characters")(scope, receive, send)
            return
        await self.api.serve(scope, receive, send, "/" + "".join(rest), name)


class Storage:
    """The storage service behind the URLs of old answers."""

    def __init__(self, server: ServerState) -> None:
        self.server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        server, query = self.server, dict(parse_qsl(scope["query_string"].decode("latin-1")))
        name = scope["path"].rpartition("/")[2].removeprefix("img-").removesuffix(".png")
        if server.shared:
            await server.shared.meet("")
        found = await asyncio.to_thread(server.journal.pictures.named, name)
        plan = image_urls.respond_from_storage(name, query, server.clock(), found)
        trail = SendLog({"sent": []}, 0, server.clock.watch)
        await carry_out(plan, trail, connection_of(scope, receive), send, server.sleep)
