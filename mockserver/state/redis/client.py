"""Redis as it is reached from any loop: where it is, and in one line why it cannot be. Knows nothing of scripts."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit
from weakref import WeakKeyDictionary

from mockserver.state.redis.pipeline import Command, Lane, Word
from mockserver.state.server_state import StateUnavailable

SCHEMES = ("redis", "rediss", "unix")
# Seconds until a Redis that says nothing counts as gone.
PATIENCE = 2.0
CONNECTIONS = 32


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
        self._answers = redis.exceptions.ResponseError, redis.exceptions.NoScriptError
        self._lanes: WeakKeyDictionary[asyncio.AbstractEventLoop, Lane] = WeakKeyDictionary()
        self._away = False
        self.quiet = False

    async def ask(self, name: str, *arguments: Word) -> Any:
        """The answer of a script that changes nothing. Raises StateUnavailable.

        A connection to a Redis that was started anew meanwhile is of no use; then it is asked once more.
        """
        lane = self._lane()
        try:
            return (await lane.ask([(name, arguments)]))[0]
        except self._faults:
            await lane.hang_up()
        return await self.run(name, *arguments)

    async def run(self, name: str, *arguments: Word) -> Any:
        """The answer of one script. Raises StateUnavailable, also where it may have run: nothing is tried twice."""
        return (await self.run_all([(name, arguments)]))[0]

    async def run_all(self, commands: Sequence[Command]) -> list[Any]:
        """The answers of several scripts, which run as one: nobody else comes between. Raises StateUnavailable."""
        with self._told():
            return await self._lane().ask(commands)

    async def close(self) -> None:
        """Hang up, as far as the running loop is concerned."""
        lane = self._lanes.pop(asyncio.get_running_loop(), None)
        if lane:
            await lane.close()

    def _lane(self) -> Lane:
        loop = asyncio.get_running_loop()
        lane = self._lanes.get(loop)
        if lane is None:
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
            lane = self._lanes[loop] = Lane(self._redis.Redis.from_pool(pool), *self._answers)
        return lane

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
            raise StateUnavailable(f"the state at {self.place} cannot be used just now: {why}") from None
        if self._away:
            self._away = False
            self._say(f"the state at {self.place} is back")
