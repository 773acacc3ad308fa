"""Images in Redis, for pure functions that look up a URL of this server."""

from typing import Any

from mockserver.state.redis.client import Client


class RedisImages:
    """Blocks the calling thread while Redis responds. Raises StateUnavailable."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def find(self, sha256: str) -> tuple[bytes, str] | None:
        return _parse(self._client.read_blocking("find", "sha256", sha256))

    def named(self, start: str) -> tuple[bytes, str] | None:
        return _parse(self._client.read_blocking("find", "digest", start))


def _parse(result: list[Any]) -> tuple[bytes, str] | None:
    _, *found = result
    return (found[1], found[0].decode()) if found else None
