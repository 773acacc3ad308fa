"""Tests of others: the conformance cases put to any server, and clients fuzzed, in pytest too."""

from collections.abc import Callable
from typing import Any


def client_properties(client: str | Callable[[dict[str, Any]], Any], **limits: Any) -> Any:
    """A pytest test of a client, `module:callable` or the callable itself: one case for each property.

    `limits` are those of `mockserver.harness.fuzz.testing.client_properties`. Needs the extra `fuzz`.
    """
    from mockserver.harness.fuzz import testing

    return testing.client_properties(client, **limits)
