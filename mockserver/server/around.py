"""Requests to an application whose state is in Redis."""

from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mockserver.server.admin.errors import problem
from mockserver.state.server_state import Sharing, StateUnavailable


class Around:
    """Requests to an application as visits. Those below `/__mock` find all up to date, and see it changed."""

    def __init__(self, sharing: Sharing, app: ASGIApp) -> None:
        self.sharing, self.app = sharing, app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def noticed(message: Message) -> None:
            nonlocal begun
            if told and message["type"] == "http.response.start":
                await self.sharing.push()
            begun = True
            await send(message)

        self.sharing.begin()
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        told = path.startswith("/__mock/") and not path.startswith("/__mock/s/")
        try:
            if told:
                await self._meet(scope)
                await self.sharing.pull()
            await self.app(scope, receive, noticed)
        except StateUnavailable as error:
            if begun:
                raise
            await problem(503, "Service Unavailable", str(error), {"retry-after": "1"})(scope, receive, send)

    async def _meet(self, scope: Scope) -> None:
        await self.sharing.meet(parse_qs(scope["query_string"].decode("latin-1")).get("session", [""])[-1])
