"""Who may use `/__mock`: no page of another origin, and from other machines only a client with the token."""

import hmac
import ipaddress

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from mockserver.server.admin.errors import AdminError
from mockserver.state.server_state import ServerState

# These show no requests and change nothing: a health check has no token, and the page asks for it.
OPEN = ("/", "/health", "/openapi.json", "/sample.png")


def loopback(host: str) -> bool:
    name = host.lower().strip("[]").rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class Guard:
    """Calls an application only for requests that may use it."""

    def __init__(self, state: ServerState, app: ASGIApp) -> None:
        self.state, self.app = state, app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._check(scope)
        except AdminError as error:
            await error.response()(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if len(scope["query_string"]) > (limit := self.state.limits.query_bytes):
            raise AdminError(414, "URI Too Long", f"a query has at most {limit} bytes")
        self._check_origin(headers)
        if path not in OPEN and not self._has_token(headers):
            detail = "the server's token is missing: send X-Mockserver-Token, or Authorization: Bearer"
            raise AdminError(401, "Unauthorized", detail, {"www-authenticate": 'Bearer realm="mockserver"'})

    def _has_token(self, headers: Headers) -> bool:
        if self.state.token is None:
            return True
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        token = headers.get("x-mockserver-token", bearer if scheme.lower() == "bearer" else "")
        return hmac.compare_digest(token.encode(), self.state.token.encode())

    def _check_origin(self, headers: Headers) -> None:
        host, origin = headers.get("host", ""), headers.get("origin")
        if origin is not None and origin.lower().partition("://")[2] != host.lower():
            detail = f"the request comes from a page of {origin}; only pages of this server's origin may use /__mock"
            raise AdminError(403, "Forbidden", detail)
        # A page whose own name resolves to this machine cannot know the token.
        if self.state.token is not None or self.state.hosts is None or not host:
            return
        name = host.lower().rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host.lower()
        if not (loopback(name) or name in self.state.hosts):
            detail = f"the host {host} is not this server: expected localhost, or the address that it was bound to"
            raise AdminError(403, "Forbidden", detail)
