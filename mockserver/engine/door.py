"""The way in: path, method and key, before anything is read. Knows nothing of models or pictures."""

import base64
import binascii

from mockserver.contract.catalogue import Problem
from mockserver.contract.endpoints import routes
from mockserver.engine.values import Settings
from mockserver.wire.request import Request


def admit(request: Request, settings: Settings) -> str:
    """The endpoint that a request is for. Raises Problem for an unknown path, a wrong method or a bad key.

    That the path comes before the method and the key is the usual order of gateways, not measured.
    """
    if request.path not in routes():
        raise Problem("unknown-path", method=request.method, path=request.path)
    endpoint, methods = routes()[request.path]
    if request.method not in methods:
        raise Problem("invalid-method", method=request.method, path=request.path, allow=", ".join(methods))
    key = api_key(request)
    if settings.auth != "open" and not key:
        raise Problem("missing-api-key")
    if settings.auth == "exact" and key not in settings.keys:
        raise Problem("invalid-api-key", key_masked=masked(key))
    return endpoint


def api_key(request: Request) -> str:
    """The caller's key: a bearer token, or the password of basic authentication; empty when there is none."""
    scheme, _, value = (request.header("authorization") or "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode("utf-8", "replace").partition(":")[2]
        except binascii.Error:
            return ""
    return ""


def masked(key: str) -> str:
    """A key as the API echoes it: short ones whole, the middle of longer ones in asterisks."""
    return key if len(key) <= 12 else f"{key[:8]}{'*' * (len(key) - 12)}{key[-4:]}"
