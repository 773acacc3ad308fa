"""The way in: path, method and key, before anything is read. Knows nothing of models or pictures."""

import base64
from urllib.parse import parse_qsl

from mockserver.contract.catalogue import Problem
from mockserver.contract.endpoints import Route, route
from mockserver.core.request import Request
from mockserver.engine.values import Settings


def admit(request: Request, settings: Settings) -> Route:
    """Where a request leads. Raises Problem for an unknown path, a wrong method or a bad key.

    That the path comes before the method and the key is the usual order of gateways, not measured.
    """
    found = route(request.path, settings.as_of)
    if found is None:
        raise Problem("unknown-path", method=request.method, path=request.path)
    if found.since and version(request) < found.since:
        raise Problem("resource-not-found", version=version(request), since=found.since, provider=found.provider)
    if request.method not in found.methods:
        raise Problem("invalid-method", method=request.method, path=request.path, allow=", ".join(found.methods))
    key = api_key(request)
    if settings.auth != "open" and not key:
        raise Problem("missing-api-key")
    if settings.auth == "exact" and key not in settings.keys:
        raise Problem("invalid-api-key", key_masked=masked(key))
    return found


def version(request: Request) -> str:
    """The api-version that the query names; empty when it names none."""
    return dict(parse_qsl(request.query)).get("api-version", "")


def api_key(request: Request) -> str:
    """The caller's key: a bearer token, the password of basic authentication, or Azure's api-key; else empty."""
    scheme, _, value = (request.header("authorization") or "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode("utf-8", "replace").partition(":")[2]
        except ValueError:  # of characters that are not ASCII as well
            return ""
    return request.header("api-key") or ""


def masked(key: str) -> str:
    """A key as the API echoes it: short ones whole, the middle of longer ones in asterisks."""
    return key if len(key) <= 12 else f"{key[:8]}{'*' * (len(key) - 12)}{key[-4:]}"
