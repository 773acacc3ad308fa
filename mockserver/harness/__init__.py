"""Tools that test other programs: conformance cases for servers, fuzzing for clients, checks for files."""

from collections.abc import Callable
from typing import Any


def client_properties(client: str | Callable[[dict[str, Any]], Any], **limits: Any) -> Any:
    """Return a pytest test of a client with one case per property.

    `client` is `module:callable` or the callable. `limits` are the arguments of
    `mockserver.harness.fuzz.testing.client_properties`. Needs the extra `fuzz`.
    """
    from mockserver.harness.fuzz import testing

    return testing.client_properties(client, **limits)
