"""Requests to an application in this process, at times that the test tells."""

import asyncio
from typing import Any

import httpx2

from mockserver.contract.asof import as_of
from mockserver.engine.values import Settings
from mockserver.scenario.loader import load, parse
from mockserver.scenario.machine import Scenario
from mockserver.server.app import create_app
from mockserver.state.clock import Clock
from mockserver.state.memory import MemoryState
from mockserver.state.sessions import SessionStore
from tests.support.images import png

START = 1_795_000_000.0
KEY = "sk-proj-0123456789abcdefghij"
FORM: dict[str, Any] = {
    "url": "/v1/images/edits",
    "data": {"model": "gpt-image-2", "prompt": "x"},
    "files": {"image": ("a.png", png(), "image/png")},
    "headers": {"Authorization": f"Bearer {KEY}"},
}


class Talk:
    """A server that plays `steps` (YAML) or a built-in scenario, and whose watch stands at `now`."""

    def __init__(self, steps: str = "", scenario: str = "ok", day: str = "any") -> None:
        self.now = 0.0
        self.server = MemoryState(Settings(as_of(day), paint="flat"), SessionStore(self.scenario(steps, scenario)))
        self.server.clock = Clock(lambda: START, lambda: self.now)
        self.app = create_app(self.server)

    @staticmethod
    def scenario(steps: str, scenario: str) -> Scenario:
        return parse(f"scenario: own\nsteps: [{steps}]\nthen: ok\n".encode(), "own") if steps else load(scenario)

    def ask(self, method: str, url: str, **more: Any) -> httpx2.Response:
        """One request, to its end."""

        async def call() -> httpx2.Response:
            transport = httpx2.ASGITransport(app=self.app)
            async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.request(method, url, **more)

        return asyncio.run(call())

    def edit(self, wait: float = 0, data: dict[str, Any] | None = None, **changed: Any) -> httpx2.Response:
        """An edit, so many seconds later; `data` is laid over the form's fields."""
        self.now += wait
        call = FORM | changed | {"data": {**FORM["data"], **(data or {})}}
        return self.ask("POST", call.pop("url"), **call)

    def get(self, path: str) -> Any:
        """The JSON of a path below /__mock."""
        return self.ask("GET", f"/__mock/{path}").json()

    def post(self, path: str, value: Any) -> httpx2.Response:
        """What is answered to a JSON value."""
        return self.ask("POST", f"/__mock/{path}", json=value)
