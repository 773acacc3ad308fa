"""Who may ask `/__mock`: no page of another origin, and beyond loopback only who knows the token."""

import hmac
import ipaddress

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from mockserver.server.admin.errors import problem
from mockserver.state.server_state import ServerState

QUERY_BYTES = 4_096
# What tells nothing of anybody's requests and changes nothing: a health check has no token, and the page asks for it.
OPEN = ("/", "/health", "/openapi.json", "/sample.png")


def loopback(host: str) -> bool:
    """Does a host's name or address stand for this machine alone?"""
    name = host.lower().strip("[]").rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class Guard:
    """An application that only who may ask it reaches."""

    def __init__(self, server: ServerState, app: ASGIApp) -> None:
        self.server, self.app = server, app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        wrong = self._foreign(headers)
        if len(scope["query_string"]) > QUERY_BYTES:
            await problem(414, "URI Too Long", f"a query has at most {QUERY_BYTES} bytes")(scope, receive, send)
        elif wrong:
            await problem(403, "Forbidden", wrong)(scope, receive, send)
        elif path not in OPEN and not self._known(headers):
            detail = "this server asks for its token: send X-Mockserver-Token, or Authorization: Bearer"
            answer = problem(401, "Unauthorized", detail, {"www-authenticate": 'Bearer realm="mockserver"'})
            await answer(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _known(self, headers: Headers) -> bool:
        """Did the caller send the token, if there is one to send?"""
        if self.server.token is None:
            return True
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        given = headers.get("x-mockserver-token", bearer if scheme.lower() == "bearer" else "")
        return hmac.compare_digest(given.encode(), self.server.token.encode())

    def _foreign(self, headers: Headers) -> str:
        """What shows that a page of another origin asks, in words; empty when nothing does."""
        host, origin = headers.get("host", ""), headers.get("origin")
        if origin is not None and origin.lower().partition("://")[2] != host.lower():
            return f"a page of {origin} asks, and only pages of this server's own origin may ask /__mock"
        # A page whose own name points to this machine cannot know the token.
        if self.server.token is not None or self.server.hosts is None or not host:
            return ""
        name = host.lower().rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host.lower()
        if loopback(name) or name in self.server.hosts:
            return ""
        return f"the host {host} is not this server: expected localhost, or the address that it was bound to"
