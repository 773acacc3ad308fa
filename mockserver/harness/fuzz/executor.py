"""Runs cases: sends calls to the client while a mock server plays their scenarios, and records what happened."""

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
from mockserver.harness.fuzz.content import Content, read_intended, read_sent
from mockserver.journal.send_log import ended
from mockserver.scenario.faults.fault import RequestedFault
from mockserver.scenario.faults.table import FAULTS
from mockserver.scenario.machine import build
from mockserver.server.uvicorn_server import BackgroundServer, listen
from mockserver.state.memory import MemoryState

# Seconds after its deadline before a client is killed: the machine may be busy.
GRACE = 2.0
# Seconds that a client may take to close its connections after a call.
DISCONNECT_TIMEOUT = 2.0
# After so many leaks a client gets no more time to disconnect.
MAX_LEAKS = 3


@dataclass(frozen=True)
class Exchange:
    """One request on the wire and its response: the journal entry, and the plan before and after the faults."""

    entry: dict[str, Any]
    request: Request
    plan: Plan
    sent: Plan
    faults: tuple[RequestedFault, ...] = ()

    @cached_property
    def json_images(self) -> dict[str, list[Part]]:
        """The images of a JSON body's data URLs, as parts by field."""
        try:
            document = json.loads(self.request.body)
            items = {"image": document.get("images", []), "mask": [document["mask"]] if "mask" in document else []}
            return {name: [_parse_data_url(item["image_url"]) for item in values] for name, values in items.items()}
        except (ValueError, TypeError, KeyError, AttributeError):
            return {}

    @cached_property
    def intended(self) -> Content:
        return read_intended(self.plan, self.faults)

    @cached_property
    def sent_content(self) -> Content:
        return read_sent(self.sent)


def _parse_data_url(text: str) -> Part:
    kind, _, data = text.removeprefix("data:").partition(",")
    return Part("image", "", kind.removesuffix(";base64"), base64.b64decode(data), "")


@dataclass(frozen=True)
class Observation:
    """The client's reply to a case, and each exchange in order.

    `session` and `model` are those of the call. After the call, the client was still connected for `unfinished`
    responses, and held `unread` connections open that contain unread bytes.
    """

    reply: Reply
    exchanges: Sequence[Exchange] = field(default=())
    session: str = ""
    model: str = ""
    unfinished: int = 0
    unread: int = 0

    @property
    def result(self) -> Any:
        """The client's result, or an empty mapping."""
        return self.reply.result or {}

    @property
    def error(self) -> Any:
        return self.result.get("error")

    @property
    def is_success(self) -> bool:
        return self.reply.how == "answered" and self.error is None

    @property
    def problem(self) -> str:
        """Why the client returned no result; empty if it returned one."""
        problems = {"answered": "", "late": "no result before the deadline"}
        return problems.get(self.reply.how, f"a crash: {self.reply.cause}")

    @property
    def last(self) -> Exchange | None:
        return self.exchanges[-1] if self.exchanges else None


class Executor:
    """A client, a server in a thread, and the observation of each case. Equal cases run once."""

    def __init__(self, client: Client, model: str, day: str) -> None:
        self.client, self.model, self.day = client, model, day
        # Called after each case that was run.
        self.on_case: Callable[[], object] = lambda: None
        self.case_count = 0
        self._observations: dict[str, Observation] = {}
        self._exchanges: list[tuple[dict[str, Any], Request, Plan, Plan]] = []
        server = MemoryState(Settings(as_of(day), paint="flat"))
        server.witness = lambda *exchange: self._exchanges.append(exchange)
        self.running = BackgroundServer(server, listen("127.0.0.1", 0))
        self._folder = tempfile.TemporaryDirectory(prefix="mockserver-fuzz-")
        self._unread: frozenset[int] = frozenset()
        self._leaks = 0
        self._port = int(self.running.url.rpartition(":")[2])

    def close(self) -> None:
        self.client.close()
        self.running.stop()
        self._folder.cleanup()

    def has_run(self, case: Case) -> bool:
        return case.key in self._observations

    def observe(self, case: Case) -> Observation:
        """Run a case, or return the observation of an equal one. Raises CannotStart."""
        key = case.key
        if key not in self._observations:
            self._observations[key] = self._run(case)
            self.on_case()
        return self._observations[key]

    def _run(self, case: Case) -> Observation:
        self.case_count += 1
        session = f"case-{self.case_count}"
        images = dict(cases.make_response_images(case.image_count))
        scenario = build(cases.build_scenario(case, "case", self.day), images)
        server = self.running.server
        self.running.call(lambda: server.play(session, scenario))
        self._exchanges.clear()
        base = f"{self.running.url}/__mock/s/{session}/v1"
        call = cases.build_call(case, session, base, self.model, Path(self._folder.name))
        reply = self.client.send(call, case.deadline + GRACE)
        self.running.call(lambda: None)
        unfinished, unread = self._await_disconnects() if reply.how == "answered" and _is_hostile(case) else (0, 0)
        exchanges = []
        # The server may still receive requests of earlier calls whose client was killed.
        others = [f"case-{number}" for number in range(max(0, self.case_count - 5), self.case_count)]
        recorded = [exchange for exchange in list(self._exchanges) if exchange[0]["session"] not in others]
        for entry, request, plan, sent in recorded:
            turn = entry["turn"]
            step = scenario.steps[turn["step"] - 1] if turn["step"] and entry["session"] == session else None
            exchanges.append(Exchange(entry, request, plan, sent, step.faults if step else ()))
        self.running.call(lambda: server.reset(session))
        return Observation(reply, tuple(exchanges), session, self.model, unfinished, unread)

    def _await_disconnects(self) -> tuple[int, int]:
        """Count unfinished responses and unread connections, once the client had time to disconnect."""
        until = time.monotonic() + (DISCONNECT_TIMEOUT if self._leaks < MAX_LEAKS else 0)
        while True:
            unfinished = [entry for entry, *_ in list(self._exchanges) if not ended(entry["answer"])]
            unread = sockets.find_unread(self._port)
            new = unread - self._unread
            if not (unfinished or new) or time.monotonic() >= until:
                self._unread = unread
                self._leaks += bool(unfinished or new)
                return len(unfinished), len(new)
            time.sleep(0.01)


def _is_hostile(case: Case) -> bool:
    hostile = [name for name in case.faults if FAULTS[name].mark == "hostile"]
    return bool(hostile) or any("error" in step for step in case.steps)
