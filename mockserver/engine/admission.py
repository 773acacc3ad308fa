"""Admission: path, method, api-version and API key, which are checked before the body is read."""

import base64
from urllib.parse import parse_qsl

from mockserver.contract.catalogue import Problem
from mockserver.contract.endpoints import Route, route
from mockserver.core.request import Request
from mockserver.engine.values import Settings


def admit(request: Request, settings: Settings) -> Route:
    """The route of a request. Raises Problem for an unknown path, an unsupported method or a bad key.

    That the path is checked before the method and the key is usual for gateways, not measured.
    """
    match = route(request.path, settings.as_of)
    if match is None:
        raise Problem("unknown-path", method=request.method, path=request.path)
    if match.since and get_api_version(request) < match.since:
        version = get_api_version(request)
        raise Problem("resource-not-found", version=version, since=match.since, provider=match.provider)
    if request.method not in match.methods:
        raise Problem("invalid-method", method=request.method, path=request.path, allow=", ".join(match.methods))
    key = get_api_key(request)
    if settings.auth != "open" and not key:
        raise Problem("missing-api-key")
    if settings.auth == "exact" and key not in settings.keys:
        raise Problem("invalid-api-key", key_masked=mask_key(key))
    return match


def get_api_version(request: Request) -> str:
    return dict(parse_qsl(request.query)).get("api-version", "")


def get_api_key(request: Request) -> str:
    """The bearer token, the password of basic authentication, or Azure's api-key; an empty string if there is none."""
    scheme, _, value = (request.header("authorization") or "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode("utf-8", "replace").partition(":")[2]
        except ValueError:  # also for characters that are not ASCII
            return ""
    return request.header("api-key") or ""


def mask_key(key: str) -> str:
    return key if len(key) <= 12 else f"{key[:8]}{'*' * (len(key) - 12)}{key[-4:]}"
