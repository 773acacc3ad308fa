"""Tries properties on a client: first what is always tried, then what Hypothesis draws, and shrinks what fails."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity
from hypothesis.strategies import SearchStrategy

from mockserver.harness.fuzz import strategies
from mockserver.harness.fuzz.case import Case
from mockserver.harness.fuzz.client import Client
from mockserver.harness.fuzz.client_profile import PLAIN, Ground
from mockserver.harness.fuzz.executor import Stage
from mockserver.harness.fuzz.failure import Failure
from mockserver.harness.fuzz.finding import Finding
from mockserver.harness.fuzz.properties import Property, chosen
from mockserver.harness.fuzz.valid import allowed, parameters

# So many cases are tried to make one smaller.
SHRINKS = 80
# So often may a client hang before the same kind of trouble is not tried on it again.
HANGS = 1
# And so often in all, on streams or on bodies: each hang takes seconds.
HANGS_OF_MODE = 4
MODEL = "gpt-image-2"


@dataclass(frozen=True)
class Limits:
    """How much is tried: cases drawn of a property, seconds in all (None: without an end), findings of a property."""

    examples: int = 40
    seconds: float | None = None
    seed: int = 0
    findings: int = 6


@dataclass
class Run:
    """A run against one client. `tell` is called after each case and property, to show how far it has come."""

    stage: Stage
    limits: Limits = field(default_factory=Limits)
    tell: Callable[["Run"], object] = lambda run: None
    clock: Callable[[], float] = time.monotonic
    findings: list[Finding] = field(default_factory=list)
    tried: dict[str, int] = field(default_factory=dict)
    now: str = ""
    ground: Ground = field(default_factory=Ground)
    _began: float = 0
    _hung: dict[str, int] = field(default_factory=dict)
    _plain: set[bool] = field(default_factory=set)

    def prepare(self) -> None:
        """Ask the client for one plain edit. Raises CannotStart, and ValueError for a model that makes no edits."""
        self._began = self.clock()
        known = parameters(self.stage.model, self.stage.day)
        # A server's first answer takes it longest: this case is like no other, so that no property is held to it.
        first = self.stage.observe(replace(PLAIN, deadline=2 * PLAIN.deadline))
        # A picture of 50 MB fits into no text.
        forms = bool(first.last and first.last.request.parts)
        taken = first.last.request.header("accept-encoding") if first.last else ""
        self.ground = Ground(known, self.stage.day, "gzip" in (taken or ""), forms)

    @property
    def left(self) -> float | None:
        """The seconds that are left, or None where there is no end."""
        return None if self.limits.seconds is None else self.limits.seconds - (self.clock() - self._began)

    @property
    def over(self) -> bool:
        """Is there no time left?"""
        left = self.left
        return left is not None and left <= 0

    def examine(self, row: Property) -> list[Finding]:
        """What fails of one property. The same seed and limits find the same."""
        return self.sweep(row) or self.draw(row)

    def sweep(self, row: Property) -> list[Finding]:
        """What fails of a property in the cases that are always tried."""
        return self._found(row, self._swept)

    def draw(self, row: Property) -> list[Finding]:
        """What fails of a property in cases that are drawn: at most one, made small."""
        return self._found(row, self._drawn) if row.strategy and not self._spoiled(row) else []

    def _found(self, row: Property, look: Callable[[Property], list[Finding]]) -> list[Finding]:
        self.now = row.id
        self.tell(self)
        found = look(row)
        self.findings += found
        self.tell(self)
        return found

    def _swept(self, row: Property) -> list[Finding]:
        found: dict[str, Finding] = {}
        for case in row.sweep(self.ground):
            if len(found) >= self.limits.findings:
                break
            if self._skipped(row, case):
                continue
            failure = self._failure(row, case)
            if failure:
                if row.id == "response-plain":
                    self._plain.add(case.stream)
                name = failure.label if row.side == "request" else case.label or failure.label
                if name not in found:
                    found[name] = Finding(row, case, failure, self.stage.observe(case), name)
        return list(found.values())

    def _failure(self, row: Property, case: Case) -> Failure | None:
        """The first failure of a case, which is tried if it has not been."""
        new = not self.stage.seen(case)
        seen = self.stage.observe(case)
        self.tried[row.id] = self.tried.get(row.id, 0) + 1
        if new and seen.reply.how == "late":
            for name in (_trouble(case), _mode(case)):
                self._hung[name] = self._hung.get(name, 0) + 1
        return next(iter(list(row.check(case, seen))), None)

    def _skipped(self, row: Property, case: Case) -> bool:
        if self.stage.seen(case):
            return False
        if self.over or self._hung.get(_trouble(case), 0) >= HANGS or self._hung.get(_mode(case), 0) >= HANGS_OF_MODE:
            return True
        if row.side == "response" and row.id != "response-plain" and self._plainly(case.stream):
            return True
        return not allowed(case, self.stage.model, self.stage.day)

    def _plainly(self, stream: bool) -> bool:
        """Does the client fail of plain answers of a kind already?"""
        return stream in self._plain

    def _spoiled(self, row: Property) -> bool:
        return row.strategy == "together" and self._plainly(True) and self._plainly(False)

    def _drawn(self, row: Property) -> list[Finding]:
        """What fails of the cases that are drawn, made as small as can be."""
        failed: list[tuple[Case, Failure]] = []
        used = 0

        def attempt(case: Case) -> None:
            nonlocal used
            if not self.stage.seen(case):
                used += bool(failed)
                if self._skipped(row, case) or used > SHRINKS:
                    return
            failure = self._failure(row, case)
            if failure:
                failed.append((case, failure))
                raise Failed

        settings = hypothesis.settings(
            max_examples=self.limits.examples,
            database=None,
            deadline=None,
            derandomize=False,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
            verbosity=Verbosity.quiet,
            print_blob=False,
        )
        test: Any = settings(hypothesis.given(self._strategy(row))(attempt))
        hypothesis.seed(self.limits.seed)(test)
        try:
            test()
        except Failed:
            case, failure = failed[-1]
            name = failure.label if row.side == "request" else case.label
            return [Finding(row, case, failure, self.stage.observe(case), name)]
        return []

    def _strategy(self, row: Property) -> SearchStrategy[Case]:
        if row.strategy == "calls":
            return strategies.calls(self.ground, self.stage.model)
        if row.strategy == "together":
            known = {name for one in self.findings if one.row.side == "response" for name in one.case.faults}
            return strategies.together(self.ground, frozenset(known))
        return strategies.broken()


def _trouble(case: Case) -> str:
    return " + ".join(sorted(set(case.faults))) or case.label


def _mode(case: Case) -> str:
    return "a stream" if case.stream else "a body"


class Failed(Exception):
    """A case of which a property does not hold."""


def fuzz(client: Client, model: str, day: str, only: str | None, limits: Limits, **more: Any) -> Run:
    """A whole run. Raises CannotStart, and ValueError for a model that makes no edits on that day."""
    stage = Stage(client, model, day)
    try:
        run = Run(stage, limits, **more)
        stage.tell = lambda: run.tell(run)
        run.prepare()
        rows = chosen(only)
        for row in rows:
            run.sweep(row)
        for row in rows:
            if not any(one.row is row for one in run.findings):
                run.draw(row)
        run.findings.sort(key=lambda one: rows.index(one.row))
    finally:
        stage.close()
    return run
