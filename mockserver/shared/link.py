"""The way to Redis: runs scripts there, and says in one line why that cannot be. Knows nothing of what they do."""

import asyncio
import contextlib
import hashlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit
from weakref import WeakKeyDictionary

from mockserver.state import Unreachable

if TYPE_CHECKING:
    from redis.asyncio import Redis

SCHEMES = ("redis", "rediss", "unix")
# Seconds until a Redis that says nothing counts as gone.
PATIENCE = 2.0
CONNECTIONS = 32
Command = tuple[str, Sequence[str | bytes | int | float]]


@cache
def script(name: str) -> str:
    """The Lua text of a script, after what all of them share."""
    folder = resources.files(__package__) / "scripts"
    return "".join((folder / f"{one}.lua").read_text("utf-8") for one in ("common", name))


@cache
def digest(name: str) -> str:
    """What Redis knows a script by that it has run before."""
    return hashlib.sha1(script(name).encode(), usedforsecurity=False).hexdigest()


def place(url: str) -> str:
    """A URL of a Redis as messages may show it: without user and password. Raises ValueError for one that is none."""
    expected = "expected redis://HOST:PORT/DB, rediss:// for TLS, or unix:///PATH?db=DB"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 6379
    except ValueError:
        raise ValueError(f"the state's URL cannot be read: {expected}") from None
    there = parts.path if parts.scheme == "unix" else host
    base = parse_qs(parts.query).get("db", ["0"])[0] if parts.scheme == "unix" else parts.path.strip("/") or "0"
    if parts.scheme not in SCHEMES or not there or not (base.isascii() and base.isdigit()):
        raise ValueError(f"the state's URL is wrong: {expected}")
    return f"unix://{there}?db={base}" if parts.scheme == "unix" else f"{parts.scheme}://{host}:{port}/{base}"


class Link:
    """A Redis, reached when it is asked. `say` takes a line for the user when it goes away and when it is back.

    While it is `quiet` it does not. Raises ValueError for a URL that is none, and where the package `redis` is missing.
    """

    def __init__(self, url: str, say: Callable[[str], object] = lambda line: None) -> None:
        self.place = place(url)
        try:
            import redis.asyncio
            import redis.exceptions
        except ImportError:
            raise ValueError(
                "a state in Redis needs the package redis: pip install 'mockserver-images[redis]'"
            ) from None
        self._redis, self._url, self._say = redis.asyncio, url, say
        self._faults = (redis.RedisError, OSError, asyncio.TimeoutError)
        self._unknown = redis.exceptions.NoScriptError
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, Redis] = WeakKeyDictionary()
        self._away = False
        self.quiet = False

    async def ask(self, name: str, *arguments: str | bytes | int | float) -> Any:
        """The answer of a script that changes nothing. Raises Unreachable.

        Connections of a Redis that was started anew meanwhile are of no use; then it is asked once more.
        """
        client = self._client()
        try:
            return await self._evaluated(name, arguments)
        except self._faults:
            await client.connection_pool.disconnect(inuse_connections=False)
        return await self.run(name, *arguments)

    async def run(self, name: str, *arguments: str | bytes | int | float) -> Any:
        """The answer of one script. Raises Unreachable, also where it may have run: nothing is tried twice."""
        with self._told():
            return await self._evaluated(name, arguments)

    async def _evaluated(self, name: str, arguments: Sequence[str | bytes | int | float]) -> Any:
        """The answer of a script, whose text is sent where Redis does not know it: it has then done nothing."""
        try:
            return await _settled(self._client().evalsha(digest(name), 0, *arguments))
        except self._unknown:
            return await _settled(self._client().eval(script(name), 0, *arguments))

    async def run_all(self, commands: Sequence[Command]) -> list[Any]:
        """The answers of several scripts, which run as one: all or none. Raises Unreachable."""
        with self._told():
            async with self._client().pipeline(transaction=True) as pipeline:
                for name, arguments in commands:
                    pipeline.eval(script(name), 0, *arguments)
                return list(await pipeline.execute())

    async def close(self) -> None:
        """Hang up, as far as the running loop is concerned."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client:
            await client.aclose()

    def _client(self) -> "Redis":
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            from redis.asyncio.retry import Retry
            from redis.backoff import NoBackoff

            pool = self._redis.BlockingConnectionPool.from_url(
                self._url,
                max_connections=CONNECTIONS,
                timeout=5 * PATIENCE,
                socket_timeout=PATIENCE,
                socket_connect_timeout=PATIENCE,
                # What may have happened is not done again.
                retry=Retry(NoBackoff(), 0),
            )
            client = self._clients[loop] = self._redis.Redis.from_pool(pool)
        return client

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Around what is asked: turns what went wrong into one error, and tells the user once."""
        try:
            yield
        except self._faults as error:
            why = " ".join(str(error).split()) or type(error).__name__
            if not self._away and not self.quiet:
                self._away = True
                self._say(f"the state at {self.place} cannot be used: {why}; requests get 503 until it can")
            raise Unreachable(f"the state at {self.place} cannot be used just now: {why}") from None
        if self._away:
            self._away = False
            self._say(f"the state at {self.place} is back")


async def _settled(answer: Any) -> Any:
    """What a client's call comes to: its types leave open whether that is to be waited for."""
    return await answer if inspect.isawaitable(answer) else answer
