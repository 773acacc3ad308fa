"""Puts cases to a client before a mock server of its own, and keeps what was seen. Judges nothing."""

import base64
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from mockserver.contract.asof import as_of
from mockserver.core.plan import Plan
from mockserver.core.request import Part, Request
from mockserver.engine.values import Settings
from mockserver.harness.fuzz import case as cases
from mockserver.harness.fuzz import sockets
from mockserver.harness.fuzz.case import Case
from mockserver.harness.fuzz.client import Client, Reply
from mockserver.harness.fuzz.content import Content, meant, received
from mockserver.journal.send_log import ended
from mockserver.scenario.faults.fault import RequestedFault
from mockserver.scenario.faults.table import FAULTS
from mockserver.scenario.machine import build
from mockserver.server.uvicorn_server import BackgroundServer, listen
from mockserver.state.memory import MemoryState

# A client that waits for its deadline only and a machine that is busy: both are given this.
GRACE = 2.0
# So long may a client take to let go of its connections, after a call.
LEAVING = 2.0
# Of a client that has not let go so often nothing else is expected.
LEAKS = 3


@dataclass(frozen=True)
class Exchange:
    """One wire request and its answer: the journal's entry, the request, and the plan as meant and as sent."""

    entry: dict[str, Any]
    request: Request
    plan: Plan
    sent: Plan
    faults: tuple[RequestedFault, ...] = ()

    @cached_property
    def pictures(self) -> dict[str, list[Part]]:
        """The pictures of a JSON body, which stand in data URLs, as parts by field."""
        try:
            document = json.loads(self.request.body)
            listed = {"image": document.get("images", []), "mask": [document["mask"]] if "mask" in document else []}
            return {name: [_data_url(item["image_url"]) for item in items] for name, items in listed.items()}
        except (ValueError, TypeError, KeyError, AttributeError):
            return {}

    @cached_property
    def meant(self) -> Content:
        """What the answer says, faults of its content included."""
        return meant(self.plan, self.faults)

    @cached_property
    def received(self) -> Content:
        """What can be read of it at most."""
        return received(self.sent)


def _data_url(text: str) -> Part:
    kind, _, data = text.removeprefix("data:").partition(",")
    return Part("image", "", kind.removesuffix(";base64"), base64.b64decode(data), "")


@dataclass(frozen=True)
class Observation:
    """What came of a case: the client's reply, and each exchange in order.

    `session` and `model` are those of the call. When the call had ended, the client was still connected for `going`
    answers that had not come to their end, and had left `unread` connections open with bytes of answers in them.
    """

    reply: Reply
    exchanges: Sequence[Exchange] = field(default=())
    session: str = ""
    model: str = ""
    going: int = 0
    unread: int = 0

    @property
    def result(self) -> Any:
        """The client's result; an empty mapping where there is none."""
        return self.reply.result or {}

    @property
    def error(self) -> Any:
        """The error that it reported, or None."""
        return self.result.get("error")

    @property
    def success(self) -> bool:
        """Did the client report a success?"""
        return self.reply.how == "answered" and self.error is None

    @property
    def amiss(self) -> str:
        """Why the client gave no result, in words; nothing where it gave one."""
        words = {"answered": "", "late": "still going after its deadline"}
        return words.get(self.reply.how, f"a crash: {self.reply.cause}")

    @property
    def last(self) -> Exchange | None:
        """The last exchange."""
        return self.exchanges[-1] if self.exchanges else None


class Stage:
    """A server in a thread, a client, and what was seen of each case: the same case is tried once."""

    def __init__(self, client: Client, model: str, day: str) -> None:
        self.client, self.model, self.day = client, model, day
        # Called after each case that was tried.
        self.tell: Callable[[], object] = lambda: None
        self.tried = 0
        self._seen: dict[str, Observation] = {}
        self._witnessed: list[tuple[dict[str, Any], Request, Plan, Plan]] = []
        server = MemoryState(Settings(as_of(day), paint="flat"))
        server.witness = lambda *exchange: self._witnessed.append(exchange)
        self.running = BackgroundServer(server, listen("127.0.0.1", 0))
        self._folder = tempfile.TemporaryDirectory(prefix="mockserver-fuzz-")
        self._unread: frozenset[int] = frozenset()
        self._leaks = 0
        self._port = int(self.running.url.rpartition(":")[2])

    def close(self) -> None:
        """End client and server."""
        self.client.close()
        self.running.stop()
        self._folder.cleanup()

    def seen(self, case: Case) -> bool:
        """Has this case been tried before?"""
        return case.key in self._seen

    def observe(self, case: Case) -> Observation:
        """Try a case, or tell what came of it before. Raises CannotStart."""
        key = case.key
        if key not in self._seen:
            self._seen[key] = self._tried(case)
            self.tell()
        return self._seen[key]

    def _tried(self, case: Case) -> Observation:
        self.tried += 1
        session = f"case-{self.tried}"
        found = build(cases.scenario(case, "case", self.day), dict(cases.pictures(case.answers)))
        server = self.running.server
        self.running.call(lambda: server.play(session, found))
        self._witnessed.clear()
        base = f"{self.running.url}/__mock/s/{session}/v1"
        call = cases.call(case, session, base, self.model, Path(self._folder.name))
        reply = self.client.ask(call, case.deadline + GRACE)
        self.running.call(lambda: None)
        going, unread = self._left() if reply.how == "answered" and _ill(case) else (0, 0)
        exchanges = []
        # A client that was killed may have asked before.
        others = [f"case-{number}" for number in range(max(0, self.tried - 5), self.tried)]
        ours = [one for one in list(self._witnessed) if one[0]["session"] not in others]
        for entry, request, plan, sent in ours:
            turn = entry["turn"]
            step = found.steps[turn["step"] - 1] if turn["step"] and entry["session"] == session else None
            exchanges.append(Exchange(entry, request, plan, sent, step.faults if step else ()))
        self.running.call(lambda: server.reset(session))
        return Observation(reply, tuple(exchanges), session, self.model, going, unread)

    def _left(self) -> tuple[int, int]:
        """Answers that are still under way, and connections with unread bytes, once the client had time to go."""
        until = time.monotonic() + (LEAVING if self._leaks < LEAKS else 0)
        while True:
            going = [entry for entry, *_ in list(self._witnessed) if not ended(entry["answer"])]
            unread = sockets.unread(self._port)
            new = unread - self._unread
            if not (going or new) or time.monotonic() >= until:
                self._unread = unread
                self._leaks += bool(going or new)
                return len(going), len(new)
            time.sleep(0.01)


def _ill(case: Case) -> bool:
    hostile = [name for name in case.faults if FAULTS[name].mark == "hostile"]
    return bool(hostile) or any("error" in step for step in case.steps)
