"""Send requests to an application in this process, with a clock that the test sets."""

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


class MockClient:
    """A client of a server that plays `steps` (YAML) or a built-in scenario; its monotonic clock shows `now`."""

    def __init__(self, steps: str = "", scenario: str = "ok", day: str = "any") -> None:
        self.now = 0.0
        self.server = MemoryState(Settings(as_of(day), paint="flat"), SessionStore(self.load_scenario(steps, scenario)))
        self.server.clock = Clock(lambda: START, lambda: self.now)
        self.app = create_app(self.server)

    @staticmethod
    def load_scenario(steps: str, scenario: str) -> Scenario:
        return parse(f"scenario: own\nsteps: [{steps}]\nthen: ok\n".encode(), "own") if steps else load(scenario)

    def request(self, method: str, url: str, **options: Any) -> httpx2.Response:
        async def send() -> httpx2.Response:
            transport = httpx2.ASGITransport(app=self.app)
            async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.request(method, url, **options)

        return asyncio.run(send())

    def edit(self, wait: float = 0, data: dict[str, Any] | None = None, **changes: Any) -> httpx2.Response:
        """Advance the clock by `wait` seconds and send an edit; `data` overrides fields of the form."""
        self.now += wait
        options = FORM | changes | {"data": {**FORM["data"], **(data or {})}}
        return self.request("POST", options.pop("url"), **options)

    def get(self, path: str) -> Any:
        """Return the JSON served under /__mock."""
        return self.request("GET", f"/__mock/{path}").json()

    def post(self, path: str, value: Any) -> httpx2.Response:
        return self.request("POST", f"/__mock/{path}", json=value)
