"""One loop's way to Redis: sends scripts there, many at once, and brings answers. Knows nothing of what they do."""

import asyncio
import hashlib
from collections.abc import Sequence
from functools import cache, partial
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from redis.asyncio import ConnectionPool, Redis
    from redis.asyncio.connection import AbstractConnection

Word = str | bytes | int | float
Command = tuple[str, Sequence[Word]]
# What a script answered, or how it failed.
Answer = list[Any] | Exception
# Scripts that every request runs; those of so many characters and more hold nobody up.
SHARED = frozenset({"meet", "take", "picture", "add", "complete"})
LONG = 65_536
# Connections that they share. While one waits for answers the other takes what comes; a third would make their loads
# too small.
WAYS = 2


@cache
def program(*names: str) -> tuple[str, str]:
    """Scripts as one Lua text, which runs those that it is given in turn; and what Redis knows it by.

    One that answers false ends it: what comes after is not done, and has no answer.
    """
    folder = resources.files(__package__) / "scripts"
    common, run, *texts = ((folder / f"{name}.lua").read_text("utf-8") for name in ("common", "run", *names))
    scripts = [f"scripts['{name}'] = function(ARGV)\n{text}end\n" for name, text in zip(names, texts, strict=True)]
    whole = "".join((common, "local scripts = {}\n", *scripts, run))
    return whole, hashlib.sha1(whole.encode(), usedforsecurity=False).hexdigest()


class Lane:
    """The way from one loop to Redis: what every request asks shares connections, all else has one of its own.

    What comes while the shared ones wait for answers goes out together.
    """

    def __init__(self, client: "Redis", refused: type[Exception], unknown: type[Exception]) -> None:
        self._client = client
        self._way = partial(Way, client.connection_pool, refused, unknown)
        self._waiting: list[tuple[Sequence[Command], asyncio.Future[Answer]]] = []
        self._under_way: set[asyncio.Task[None]] = set()

    async def ask(self, commands: Sequence[Command]) -> list[Any]:
        """What scripts answer that run as one. Raises whatever the client does."""
        if not all(name in SHARED and _size(told) < LONG for name, told in commands):
            way = self._way()
            try:
                (answer,) = await way.answers([commands])
            finally:
                await way.end()
            return _returned(answer)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((commands, future))
        if len(self._under_way) < WAYS:
            self._under_way.add(asyncio.create_task(self._go()))
        return _returned(await future)

    async def hang_up(self) -> None:
        """End connections that are not in use; the next that asks makes another."""
        await self._client.connection_pool.disconnect(inuse_connections=False)

    async def close(self) -> None:
        """End all."""
        await self._client.aclose()

    async def _go(self) -> None:
        way = self._way()
        try:
            while self._waiting:
                asked, self._waiting = self._waiting, []
                answers = await way.answers([commands for commands, _ in asked])
                for (_, future), answer in zip(asked, answers, strict=True):
                    if not future.done():  # else who asked does not wait any more
                        future.set_result(answer)
        finally:
            # First, for whoever asks from now on is not heard here.
            self._under_way.discard(asyncio.current_task())
            await way.end()


class Way:
    """A connection to Redis, for as long as there is something to ask.

    By itself, for what the package wraps around it takes longer than many a script. Redis may answer `refused`, and
    `unknown` where it does not know a script.
    """

    def __init__(self, pool: "ConnectionPool", refused: type[Exception], unknown: type[Exception]) -> None:
        self._pool, self._refused, self._unknown = pool, refused, unknown
        self._connection: AbstractConnection | None = None

    async def answers(self, asked: list[Sequence[Command]]) -> list[Answer]:
        """What each set of scripts answers, or how it failed.

        Their text is sent where Redis does not know it: it has then done nothing.
        """
        programs = [program(*sorted({name for name, _ in commands})) for commands in asked]
        words = [[word for name, told in commands for word in (name, len(told), *told)] for commands in asked]
        try:
            known = [("EVALSHA", digest, 0, *line) for (_, digest), line in zip(programs, words, strict=True)]
            answers = await self._say(known)
            absent = [number for number, answer in enumerate(answers) if isinstance(answer, self._unknown)]
            if absent:
                told = await self._say([("EVAL", programs[number][0], 0, *words[number]) for number in absent])
                for number, answer in zip(absent, told, strict=True):
                    answers[number] = answer
        except Exception as error:
            return [error] * len(asked)
        return answers

    async def end(self) -> None:
        """Give it back."""
        if self._connection:
            await self._pool.release(self._connection)

    async def _say(self, commands: Sequence[Sequence[Word]]) -> list[Answer]:
        if self._connection is None:
            self._connection = await self._pool.get_connection()  # type: ignore[no-untyped-call]
        await self._connection.send_packed_command(self._connection.pack_commands(commands))
        return [await self._heard(self._connection) for _ in commands]

    async def _heard(self, connection: "AbstractConnection") -> Answer:
        try:
            answer: list[Any] = await connection.read_response()
        except self._refused as error:
            return error
        return answer


def _size(words: Sequence[Word]) -> int:
    return sum(len(word) for word in words if isinstance(word, str | bytes))


def _returned(answer: Answer) -> list[Any]:
    if isinstance(answer, Exception):
        raise answer
    return answer
