"""A Redis whose scripts can be run from any event loop, and from threads. Reports once when it becomes unavailable."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit
from weakref import WeakKeyDictionary

from mockserver.state.server_state import StateUnavailable

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.commands.core import AsyncScript

Argument = str | bytes | int | float
SCHEMES = ("redis", "rediss", "unix")
# Seconds until a Redis that does not respond counts as unavailable.
TIMEOUT = 2.0
CONNECTIONS = 32


@cache
def read_script(name: str) -> str:
    folder = resources.files(__package__) / "scripts"
    return "".join((folder / f"{part}.lua").read_text("utf-8") for part in ("common", name))


def display_url(url: str) -> str:
    """A Redis URL as messages show it: without user and password. Raises ValueError for an invalid one."""
    expected = "expected redis://HOST:PORT/DB, rediss:// for TLS, or unix:///PATH?db=DB"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 6379
    except ValueError:
        raise ValueError(f"--state: the URL cannot be parsed: {expected}") from None
    address = parts.path if parts.scheme == "unix" else host
    database = parse_qs(parts.query).get("db", ["0"])[0] if parts.scheme == "unix" else parts.path.strip("/") or "0"
    if parts.scheme not in SCHEMES or not address or not (database.isascii() and database.isdigit()):
        raise ValueError(f"--state: the URL is invalid: {expected}")
    return f"unix://{address}?db={database}" if parts.scheme == "unix" else f"{parts.scheme}://{host}:{port}/{database}"


class Client:
    """`say` takes a line for the user when Redis becomes unavailable, and when it is back; not while it is `quiet`.

    Raises ValueError for an invalid URL, and where the package `redis` is missing.
    """

    def __init__(self, url: str, say: Callable[[str], object] = lambda line: None) -> None:
        self.url = display_url(url)
        try:
            import redis
            import redis.asyncio as redis_async
            from redis.asyncio.retry import Retry as AsyncRetry
            from redis.backoff import NoBackoff
            from redis.retry import Retry
        except ImportError:
            raise ValueError("--state needs the package redis: pip install 'mockserver-images[redis]'") from None
        self._say = say
        self._errors = (redis.RedisError, OSError, asyncio.TimeoutError)
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[Redis, dict[str, AsyncScript]]] = (
            WeakKeyDictionary()
        )
        options: dict[str, Any] = {
            "max_connections": CONNECTIONS,
            "timeout": 5 * TIMEOUT,
            "socket_timeout": TIMEOUT,
            "socket_connect_timeout": TIMEOUT,
        }

        # No retries: nothing runs twice that may have run.
        def connect() -> "Redis":
            retry = AsyncRetry(NoBackoff(), 0)
            return redis_async.Redis.from_pool(redis_async.BlockingConnectionPool.from_url(url, retry=retry, **options))

        self._connect = connect
        pool = redis.BlockingConnectionPool.from_url(url, retry=Retry(NoBackoff(), 0), **options)
        self._blocking = redis.Redis.from_pool(pool)
        self._is_unavailable = False
        self.quiet = False

    async def read(self, name: str, *arguments: Argument) -> Any:
        """The result of a script that changes nothing. Retried once: Redis may have restarted."""
        try:
            return await self._evaluate(name, arguments)
        except self._errors:
            await self._connection()[0].connection_pool.disconnect(inuse_connections=False)
        return await self.run(name, *arguments)

    async def run(self, name: str, *arguments: Argument) -> Any:
        """The result of a script, which runs at most once. Raises StateUnavailable, also where it may have run."""
        with self._reported():
            return await self._evaluate(name, arguments)

    def read_blocking(self, name: str, *arguments: Argument) -> Any:
        with self._reported():
            return self._blocking.register_script(read_script(name))(args=arguments)

    async def close(self) -> None:
        connection = self._clients.pop(asyncio.get_running_loop(), None)
        if connection:
            await connection[0].aclose()
        self._blocking.close()

    async def _evaluate(self, name: str, arguments: tuple[Argument, ...]) -> Any:
        client, scripts = self._connection()
        if name not in scripts:
            scripts[name] = client.register_script(read_script(name))
        return await scripts[name](args=arguments)

    def _connection(self) -> "tuple[Redis, dict[str, AsyncScript]]":
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            self._clients[loop] = self._connect(), {}
        return self._clients[loop]

    @contextlib.contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            if not self._is_unavailable and not self.quiet:
                self._is_unavailable = True
                self._say(f"the state at {self.url} is unavailable: {reason}; requests get 503 until it responds")
            raise StateUnavailable(f"the state at {self.url} is unavailable: {reason}") from None
        if self._is_unavailable:
            self._is_unavailable = False
            self._say(f"the state at {self.url} is back")
