"""The mock as tests hold it: a session of a server, what was called there, what to expect of it. Knows no pytest."""

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
    """One request, as the journal has it: `entry` is all of that."""

    def __init__(self, mock: ImagesMock, entry: Mapping[str, Any]) -> None:
        self.entry = entry
        self._mock, self._job = mock, entry["job"] or {}

    @property
    def prompt(self) -> str | None:
        """The prompt; None where the request was not understood."""
        prompt: str | None = self._job.get("prompt")
        return prompt

    @property
    def model(self) -> str | None:
        """The model, named or assumed; None where the request was not understood."""
        model: str | None = self._job.get("model")
        return model

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The typed parameters, defaults and `auto` made definite; empty where the request was not understood."""
        found: Mapping[str, Any] = self._job.get("parameters", {})
        return found

    @property
    def stream(self) -> bool:
        """Was a stream asked for?"""
        return bool(self._job.get("stream"))

    @property
    def attempt(self) -> int:
        """How often the same call has come, this time included."""
        return int(self.entry["attempt"])

    @property
    def status(self) -> int | None:
        """The status of the answer; None where a fault left none."""
        status: int | None = self.entry["answer"]["status"]
        return status

    @property
    def hints(self) -> Sequence[str]:
        """What the API would not have told."""
        return tuple(self.entry["hints"])

    @property
    def cost(self) -> float | None:
        """US dollars; None where no price is known or nothing was billed."""
        cost: float | None = self.entry["cost"]
        return cost

    @property
    def images(self) -> list[Image.Image]:
        """The pictures that came along, decoded. Raises LookupError for one that the store has dropped."""
        return [self._mock.picture(sha256) for sha256 in self._job.get("images", ())]

    @property
    def mask(self) -> Image.Image | None:
        """The mask, decoded, or None."""
        sha256 = self._job.get("mask")
        return self._mock.picture(sha256) if sha256 else None

    def __repr__(self) -> str:
        """A line for a failed test."""
        answer = self.entry["answer"]
        said = f"{answer['status']} {answer['code'] or answer['outcome']}"
        return f"<{self.entry['id']} {self.entry['request']['path']} {self.model} {self.prompt!r:.60}: {said}>"


class ImagesMock:
    """One session of a server: its place in a scenario, its journal, its ledger.

    `url` is the server's root; `base_url` ends in `/v1`, names the session, and is what a client takes.
    """

    def __init__(self, running: BackgroundServer, session: str) -> None:
        self._running = running
        self.session = session
        self.url = running.url
        self.base_url = f"{running.url}/__mock/s/{session}/v1"

    def scenario(self, name: str, seed: int | None = None) -> None:
        """Play a scenario from its first step: a built-in one's name, or a file's path.

        Raises mockserver.scenario.loader.ScenarioError for one that is unknown or wrong.
        """
        found = load(name)
        scenario = found if seed is None else replace(found, seed=seed)
        self._running.call(lambda: self._running.server.play(self.session, scenario))

    def as_of(self, day: str) -> None:
        """Be the API of that day: `any`, `latest` or a date. Raises ValueError for anything else."""
        from mockserver.contract.asof import as_of

        label = as_of(day).label
        self._running.call(lambda: self._running.server.play(self.session, as_of=label))

    @property
    def journal(self) -> list[dict[str, Any]]:
        """What this session's calls sent, what was understood and what was answered, oldest first."""
        # A copy: what it shares with what is kept at hand is nobody's to change.
        return self._read_journal(lambda journal: deepcopy(journal.entries(self.session)))

    def _read_journal(self, read: Callable[[Journal], T]) -> T:
        async def run() -> T:
            return read(await self._running.server.read_journal())

        return self._running.call(run)

    @property
    def calls(self) -> list[Call]:
        """The journal's entries, to be asked by name."""
        return [Call(self, entry) for entry in self.journal]

    @property
    def ledger(self) -> dict[str, Any]:
        """What this session's calls would have cost, as `GET /__mock/ledger` tells it."""
        return self._read_journal(lambda journal: ledger(journal.noted(self.session)))

    @property
    def verdict(self) -> dict[str, Any]:
        """What this session's client did wrong, and left undone, as `GET /__mock/verdict?end=true` tells it."""
        return self._read_journal(lambda journal: verdict(journal.noted(self.session), end=True))

    def picture(self, sha256: str) -> Image.Image:
        """A picture that was received or sent. Raises LookupError for one that the store has dropped."""
        from PIL import Image

        held = self._running.call(lambda: self._running.server.find_image(sha256))
        if held is None:
            raise LookupError(f"the picture {sha256} is not held any more: the store keeps the newest 64 MiB")
        return Image.open(io.BytesIO(held[0]))

    def advance(self, seconds: float) -> None:
        """Move this session's clock on: minutes pass at once. Raises ValueError for what is no way forward."""
        self._running.call(lambda: self._running.server.advance(seconds, self.session))

    def reset(self) -> None:
        """Back to the start: the server's own scenario, the clock's own time, no files, an empty journal."""
        self._running.call(lambda: self._running.server.reset(self.session))

    def assert_called(self, times: int | Mapping[str, int] | None = None, **when: Any) -> None:
        """Calls met the conditions, so many `times`, or at least once.

        Conditions are those of a scenario's `when` (prompt, model, images, mask, stream, endpoint, attempt, retry,
        headers, fields); any other name is a field of the request that the API knows (others stand in `fields`).
        Raises AssertionError, with what came nearest, and ValueError for a name that nobody knows, a condition that is
        none, and `times` that are neither a number nor a range.
        """
        found = verify(self.journal, build_when(when), check_count(times))
        if not found["ok"]:
            near = [f"  {miss['entry']}: {'; '.join(miss['failed'])}" for miss in found["misses"]]
            raise AssertionError("\n".join([found["detail"], *near]))

    def assert_called_once(self, **when: Any) -> None:
        """Exactly one call met the conditions. Raises AssertionError, with what came nearest."""
        self.assert_called(1, **when)

    def assert_not_called(self, **when: Any) -> None:
        """No call met the conditions. Raises AssertionError, with the calls that did."""
        self.assert_called(0, **when)

    def unreached(self) -> list[int]:
        """The numbers of the steps of this session's scenario that never answered."""
        steps = self._running.call(lambda: self._running.server.scenario(self.session)).steps
        reached = {entry["turn"]["step"] for entry in self.journal}
        return [step.number for step in steps if step.number not in reached]
