"""What a test uses: one session of a server, its calls, and assertions about them."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from mockserver.journal.ledger import ledger
from mockserver.journal.verdict import verdict
from mockserver.scenario.conditions import build_when, check_count
from mockserver.scenario.loader import load
from mockserver.scenario.verify import verify

if TYPE_CHECKING:
    from PIL import Image

    from mockserver.journal.store import Journal
    from mockserver.server.uvicorn_server import BackgroundServer

T = TypeVar("T")


class Call:
    """One request of a client. `entry` is its journal entry."""

    def __init__(self, mock: ImagesMock, entry: Mapping[str, Any]) -> None:
        self.entry = entry
        self._mock, self._job = mock, entry["job"] or {}

    @property
    def prompt(self) -> str | None:
        """The prompt, or None if the request was not understood."""
        prompt: str | None = self._job.get("prompt")
        return prompt

    @property
    def model(self) -> str | None:
        """The model, also one that the API chose by default, or None if the request was not understood."""
        model: str | None = self._job.get("model")
        return model

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The typed parameters with defaults and `auto` resolved; empty if the request was not understood."""
        parameters: Mapping[str, Any] = self._job.get("parameters", {})
        return parameters

    @property
    def stream(self) -> bool:
        """Whether the client requested a stream."""
        return bool(self._job.get("stream"))

    @property
    def attempt(self) -> int:
        """1 for the first request of a call, 2 for its first repeat, and so on."""
        return int(self.entry["attempt"])

    @property
    def status(self) -> int | None:
        """The status of the response, or None if a fault kept the server from sending one."""
        status: int | None = self.entry["answer"]["status"]
        return status

    @property
    def hints(self) -> Sequence[str]:
        """Explanations that the real API does not give."""
        return tuple(self.entry["hints"])

    @property
    def cost(self) -> float | None:
        """US dollars, or None if nothing was billed or the price is unknown."""
        cost: float | None = self.entry["cost"]
        return cost

    @property
    def images(self) -> list[Image.Image]:
        """The images of the request, decoded. Raises LookupError if the store has evicted one."""
        return [self._mock.picture(sha256) for sha256 in self._job.get("images", ())]

    @property
    def mask(self) -> Image.Image | None:
        """The mask, decoded, or None. Raises LookupError if the store has evicted it."""
        sha256 = self._job.get("mask")
        return self._mock.picture(sha256) if sha256 else None

    def __repr__(self) -> str:
        response = self.entry["answer"]
        result = f"{response['status']} {response['code'] or response['outcome']}"
        return f"<{self.entry['id']} {self.entry['request']['path']} {self.model} {self.prompt!r:.60}: {result}>"


class ImagesMock:
    """One session of a server: its scenario, journal, ledger, files and clock.

    `url` is the root of the server. `base_url` ends in `/v1` and names the session: pass it to the client.
    """

    def __init__(self, running: BackgroundServer, session: str) -> None:
        self._running = running
        self.session = session
        self.url = running.url
        self.base_url = f"{running.url}/__mock/s/{session}/v1"

    def scenario(self, name: str, seed: int | None = None) -> None:
        """Play a scenario from its first step. `name` is a built-in scenario or the path of a file.

        Raises mockserver.ScenarioError if it is unknown or invalid.
        """
        loaded = load(name)
        scenario = loaded if seed is None else replace(loaded, seed=seed)
        self._running.call(lambda: self._running.server.play(self.session, scenario))

    def as_of(self, day: str) -> None:
        """Emulate the API as of `any`, `latest` or a date such as 2026-04-21. Raises ValueError for anything else."""
        from mockserver.contract.asof import as_of

        label = as_of(day).label
        self._running.call(lambda: self._running.server.play(self.session, as_of=label))

    @property
    def journal(self) -> list[dict[str, Any]]:
        """The entries of this session, oldest first, in the shape of `GET /__mock/journal`."""
        # Entries share values with the server's caches, so the caller gets a copy.
        return self._read_journal(lambda journal: deepcopy(journal.entries(self.session)))

    def _read_journal(self, read: Callable[[Journal], T]) -> T:
        async def run() -> T:
            return read(await self._running.server.read_journal())

        return self._running.call(run)

    @property
    def calls(self) -> list[Call]:
        """The entries of the journal as objects."""
        return [Call(self, entry) for entry in self.journal]

    @property
    def ledger(self) -> dict[str, Any]:
        """What this session's calls would have cost, in the shape of `GET /__mock/ledger`."""
        return self._read_journal(lambda journal: ledger(journal.noted(self.session)))

    @property
    def verdict(self) -> dict[str, Any]:
        """What the client did wrong or left undone, in the shape of `GET /__mock/verdict?end=true`."""
        return self._read_journal(lambda journal: verdict(journal.noted(self.session), end=True))

    def picture(self, sha256: str) -> Image.Image:
        """An image that was received or sent. Raises LookupError if it is unknown or was evicted."""
        from PIL import Image

        stored = self._running.call(lambda: self._running.server.find_image(sha256))
        if stored is None:
            raise LookupError(f"the image {sha256} is not stored: the store keeps the newest 64 MiB")
        return Image.open(io.BytesIO(stored[0]))

    def advance(self, seconds: float) -> None:
        """Move this session's clock forward. Raises ValueError or OverflowError for negative or too many seconds."""
        self._running.call(lambda: self._running.server.advance(seconds, self.session))

    def reset(self) -> None:
        """Restore the server's own scenario and clock, and delete this session's files and journal entries."""
        self._running.call(lambda: self._running.server.reset(self.session))

    def assert_called(self, times: int | Mapping[str, int] | None = None, **when: Any) -> None:
        """Assert that calls matched the conditions: exactly `times`, a range such as {"minimum": 2}, or at least once.

        The conditions are those of a scenario's `when` (prompt, model, images, mask, stream, endpoint, attempt, retry,
        headers, fields) and the parameters of the API by name; `fields` takes any other field of the request.
        Raises AssertionError with the closest calls, and ValueError for an unknown name, an invalid condition or
        invalid `times`.
        """
        result = verify(self.journal, build_when(when), check_count(times))
        if not result["ok"]:
            misses = [f"  {miss['entry']}: {'; '.join(miss['failed'])}" for miss in result["misses"]]
            raise AssertionError("\n".join([result["detail"], *misses]))

    def assert_called_once(self, **when: Any) -> None:
        """Assert that exactly one call matched the conditions. See `assert_called`."""
        self.assert_called(1, **when)

    def assert_not_called(self, **when: Any) -> None:
        """Assert that no call matched the conditions. See `assert_called`."""
        self.assert_called(0, **when)

    def unreached(self) -> list[int]:
        """The numbers of the scenario's steps that no request has reached."""
        steps = self._running.call(lambda: self._running.server.scenario(self.session)).steps
        reached = {entry["turn"]["step"] for entry in self.journal}
        return [step.number for step in steps if step.number not in reached]
