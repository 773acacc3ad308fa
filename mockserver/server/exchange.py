"""One request of the API on its way through the handler."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Receive, Scope, Send

from mockserver.core.plan import Plan
from mockserver.core.request import Request
from mockserver.engine.context import Context
from mockserver.engine.respond import Response
from mockserver.engine.values import Settings, Understood
from mockserver.journal.send_log import SendLog
from mockserver.scenario.matching import RequestFacts
from mockserver.server.send import Connection
from mockserver.state.session import Record, Session
from mockserver.state.sessions import Taken


@dataclass(slots=True)
class Exchange:
    """A request and how far its response has come.

    `head` is the request without its body, `request` the whole of it once it has arrived. `began` is the arrival, by
    the server's watch, and `settings` are those that it was understood with. `is_unread` says that its body was not
    read, `has_failed` that the response is the error for an unexpected exception.
    """

    scope: Scope
    receive: Receive
    send: Send
    head: Request
    connection: Connection
    began: float
    session: Session
    request: Request = field(init=False)
    settings: Settings = field(default_factory=Settings)
    is_unread: bool = False
    taken: Taken | None = None
    is_recorded: bool = False
    has_failed: bool = False

    def __post_init__(self) -> None:
        self.request = self.head

    @property
    def origin(self) -> str:
        return f"{self.scope['scheme']}://{self.request.host}"

    def has_gone(self) -> bool:
        return self.connection.gone

    def facts(self, understood: Understood) -> RequestFacts:
        return understood.facts._replace(now=self.session.now())

    def context(self, taken: Taken) -> Context:
        name, as_of = self.session.name, self.settings.as_of
        return Context(self.session.now(), name, taken.position, taken.seed, as_of, taken.attempt)

    def build_record(
        self,
        entry: dict[str, Any],
        plan: Plan,
        images: tuple[tuple[str, bytes, str], ...],
        response: Response,
        watch: Callable[[], float],
    ) -> Record:
        arrived = self.began + self.session.clock.advanced(self.session.name)
        log = SendLog(entry["answer"], self.began, watch)
        return Record(entry, plan, log, images, response.filed, response.removed, arrived, self.has_gone)


def session_of(key: str) -> str:
    """The session of an API key: a short hash, so that no journal shows the key.

    It is no secret: a client that has the key can compute its session.
    """
    return "key-" + hashlib.blake2b(key.encode(), key=b"mockserver session", digest_size=6).hexdigest()
