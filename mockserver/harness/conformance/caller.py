"""One HTTP request to somebody else's server, and what came back. Says in a line what was wrong with the way there."""

import contextlib
import http.client
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

from mockserver.harness.conformance.cases import Call, Reply

SECONDS = 60
SECONDS_SERVED = 300


class Trouble(Exception):
    """A server that cannot be asked; the message is one line."""


@dataclass(frozen=True, slots=True)
class Target:
    """A server's address. `prefix` is what stands in its URL before /v1."""

    secure: bool
    host: str
    port: int | None
    prefix: str

    @property
    def provider(self) -> str:
        """Whose server that is, by its name."""
        return "azure" if ".azure." in self.host else "openai"

    @property
    def url(self) -> str:
        """The address, for messages."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        return f"{'https' if self.secure else 'http'}://{host}{port}{self.prefix}"


def target(url: str) -> Target:
    """A Target from a root URL, or one that ends in /v1. Raises Trouble for anything else."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Trouble(f"this is no URL: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Trouble("the URL begins with http:// or https:// and names a host")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise Trouble("the URL has no query, no fragment and no user; the key is given apart")
    if any(not "!" <= char <= "~" for char in parts.netloc + parts.path):
        raise Trouble("the URL has a character that belongs in none")
    prefix = parts.path.rstrip("/").removesuffix("/v1")
    return Target(parts.scheme == "https", parts.hostname, port, prefix)


def call(server: Target, request: Call, seconds: float = SECONDS) -> Reply:
    """Status, headers and body of the answer. Follows no redirect. Raises Trouble."""
    kind = http.client.HTTPSConnection if server.secure else http.client.HTTPConnection
    connection = kind(server.host, server.port, timeout=seconds)
    try:
        return _exchange(connection, server.prefix, request)
    except ssl.SSLError as error:
        raise Trouble(f"TLS with {server.url} failed: {getattr(error, 'reason', None) or error}") from None
    except TimeoutError:
        raise Trouble(f"{server.url} did not answer within {seconds:g} seconds") from None
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise Trouble(f"{server.url} cannot be reached: {reason}") from None
    except (http.client.HTTPException, ValueError) as error:
        raise Trouble(f"{server.url} does not speak HTTP as it should: {type(error).__name__}") from None
    finally:
        connection.close()


def _exchange(connection: http.client.HTTPConnection, prefix: str, request: Call) -> Reply:
    connection.connect()
    # A server may refuse a long body before its end, and its answer is there to be read.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        connection.request(request.method, prefix + request.path, request.body or None, dict(request.headers))
    response = connection.getresponse()
    body = response.read()
    return response.status, tuple((name.lower(), value) for name, value in response.getheaders()), body
