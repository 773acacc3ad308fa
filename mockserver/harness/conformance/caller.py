"""Sends one HTTP request to the server under test. Every failure is an error message of one line."""

import contextlib
import http.client
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

from mockserver.harness.conformance.cases import Call, Reply

TIMEOUT = 60
# Rendering images takes a real server minutes.
SERVED_TIMEOUT = 300


class CallError(Exception):
    """The server gave no usable response; the message is one line."""


@dataclass(frozen=True, slots=True)
class Target:
    """A server's address. `prefix` is the path of its URL before /v1."""

    secure: bool
    host: str
    port: int | None
    prefix: str

    @property
    def provider(self) -> str:
        return "azure" if ".azure." in self.host else "openai"

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        return f"{'https' if self.secure else 'http'}://{host}{port}{self.prefix}"


def parse_target(url: str) -> Target:
    """Parse a root URL, or one that ends in /v1. Raises CallError for anything else."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise CallError(f"invalid URL: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise CallError("invalid URL: expected http:// or https:// and a host")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise CallError("invalid URL: expected no query, fragment or user; pass the key with --key-env")
    if any(not "!" <= char <= "~" for char in parts.netloc + parts.path):
        raise CallError("invalid URL: expected printable ASCII characters without spaces")
    prefix = parts.path.rstrip("/").removesuffix("/v1")
    return Target(parts.scheme == "https", parts.hostname, port, prefix)


def send(server: Target, call: Call, timeout: float = TIMEOUT) -> Reply:
    """Return the response's status, headers and body. Follows no redirect. Raises CallError."""
    kind = http.client.HTTPSConnection if server.secure else http.client.HTTPConnection
    connection = kind(server.host, server.port, timeout=timeout)
    try:
        return _exchange(connection, server.prefix, call)
    except ssl.SSLError as error:
        raise CallError(f"TLS handshake with {server.url} failed: {getattr(error, 'reason', None) or error}") from None
    except TimeoutError:
        raise CallError(f"{server.url} did not respond within {timeout:g} seconds") from None
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise CallError(f"cannot connect to {server.url}: {reason}") from None
    except (http.client.HTTPException, ValueError) as error:
        raise CallError(f"{server.url} sent an invalid HTTP response: {type(error).__name__}") from None
    finally:
        connection.close()


def _exchange(connection: http.client.HTTPConnection, prefix: str, call: Call) -> Reply:
    connection.connect()
    # A server may reject a long body before its end; its response can still be read.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        connection.request(call.method, prefix + call.path, call.body or None, dict(call.headers))
    response = connection.getresponse()
    body = response.read()
    return response.status, tuple((name.lower(), value) for name, value in response.getheaders()), body
