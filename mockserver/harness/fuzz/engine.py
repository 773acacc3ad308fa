"""Tries the properties on a client and turns violations into findings.

Each property is tried in two phases. The first, `sweep`, runs a fixed list of cases with one unusual thing each, so
that a finding names its cause without shrinking. The second, `draw`, runs only where the first found nothing:
Hypothesis generates cases from the property's strategy and shrinks the first failure.

All properties share one executor, which runs each distinct case once and keeps its observation. A check is a pure
function of a case and its observation, so eight properties of requests cost one run of the calls. Do not make a check
depend on anything else: shrinking compares observations of cases that ran minutes apart.

Clients that hang would make a run take hours, so a run gives up early:

- a fault that a client hung on is tried no further, nor is a mode (stream or body) after `MAX_HANGS_PER_MODE` hangs;
- a client that fails `response-plain` in a mode is not tried on the other response properties in that mode;
- shrinking stops after `MAX_SHRINKS` new cases, and everything stops after `Limits.seconds`.

What is skipped depends on earlier cases only, and on the clock only where `Limits.seconds` is set. The same seed and
limits therefore find the same.
"""

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
from mockserver.harness.fuzz.client_profile import PLAIN, ClientProfile
from mockserver.harness.fuzz.executor import Executor
from mockserver.harness.fuzz.failure import Failure
from mockserver.harness.fuzz.finding import Finding
from mockserver.harness.fuzz.properties import Property, select
from mockserver.harness.fuzz.valid import is_allowed, load_parameters

MAX_SHRINKS = 80
MAX_HANGS_PER_FAULT = 1
MAX_HANGS_PER_MODE = 4
MODEL = "gpt-image-2"


@dataclass(frozen=True)
class Limits:
    """Generated cases per property, seconds in all (None: unlimited), the seed, and findings per property."""

    examples: int = 40
    seconds: float | None = None
    seed: int = 0
    findings: int = 6


@dataclass
class Run:
    """A run against one client. `on_progress` is called after each case and at the start and end of each property."""

    executor: Executor
    limits: Limits = field(default_factory=Limits)
    on_progress: Callable[["Run"], object] = lambda run: None
    clock: Callable[[], float] = time.monotonic
    findings: list[Finding] = field(default_factory=list)
    tried: dict[str, int] = field(default_factory=dict)
    current: str = ""
    profile: ClientProfile = field(default_factory=ClientProfile)
    _began: float = 0
    _hangs: dict[str, int] = field(default_factory=dict)
    _fails_plain: set[bool] = field(default_factory=set)

    def prepare(self) -> None:
        """Try one plain edit. Raises CannotStart, and ValueError for a model that has no edits."""
        self._began = self.clock()
        parameters = load_parameters(self.executor.model, self.executor.day)
        # A server's first response is its slowest. The deadline makes this case unlike all others, so that no property
        # is checked on it.
        first = self.executor.observe(replace(PLAIN, deadline=2 * PLAIN.deadline))
        sends_forms = bool(first.last and first.last.request.parts)
        accepted = first.last.request.header("accept-encoding") if first.last else ""
        self.profile = ClientProfile(parameters, self.executor.day, "gzip" in (accepted or ""), sends_forms)

    @property
    def seconds_left(self) -> float | None:
        """None without a limit."""
        return None if self.limits.seconds is None else self.limits.seconds - (self.clock() - self._began)

    @property
    def is_over(self) -> bool:
        left = self.seconds_left
        return left is not None and left <= 0

    def examine(self, row: Property) -> list[Finding]:
        """Try both phases of a property."""
        return self.sweep(row) or self.draw(row)

    def sweep(self, row: Property) -> list[Finding]:
        """Try a property on its fixed cases."""
        return self._run_phase(row, self._sweep)

    def draw(self, row: Property) -> list[Finding]:
        """Try a property on generated cases; return at most one finding, shrunk."""
        return self._run_phase(row, self._draw) if row.strategy and not self._is_pointless(row) else []

    def _run_phase(self, row: Property, phase: Callable[[Property], list[Finding]]) -> list[Finding]:
        self.current = row.id
        self.on_progress(self)
        findings = phase(row)
        self.findings += findings
        self.on_progress(self)
        return findings

    def _sweep(self, row: Property) -> list[Finding]:
        findings: dict[str, Finding] = {}
        for case in row.sweep(self.profile):
            if len(findings) >= self.limits.findings:
                break
            if self._is_skipped(row, case):
                continue
            failure = self._check(row, case)
            if failure:
                if row.id == "response-plain":
                    self._fails_plain.add(case.stream)
                name = failure.label if row.side == "request" else case.label or failure.label
                if name not in findings:
                    findings[name] = Finding(row, case, failure, self.executor.observe(case), name)
        return list(findings.values())

    def _check(self, row: Property, case: Case) -> Failure | None:
        is_new = not self.executor.has_run(case)
        observation = self.executor.observe(case)
        self.tried[row.id] = self.tried.get(row.id, 0) + 1
        if is_new and observation.reply.how == "late":
            for name in (_cause(case), _mode(case)):
                self._hangs[name] = self._hangs.get(name, 0) + 1
        return next(iter(list(row.check(case, observation))), None)

    def _is_skipped(self, row: Property, case: Case) -> bool:
        if self.executor.has_run(case):
            return False
        if self.is_over or self._has_hung(case):
            return True
        if row.side == "response" and row.id != "response-plain" and case.stream in self._fails_plain:
            return True
        return not is_allowed(case, self.executor.model, self.executor.day)

    def _has_hung(self, case: Case) -> bool:
        causes, modes = self._hangs.get(_cause(case), 0), self._hangs.get(_mode(case), 0)
        return causes >= MAX_HANGS_PER_FAULT or modes >= MAX_HANGS_PER_MODE

    def _is_pointless(self, row: Property) -> bool:
        return row.strategy == "together" and self._fails_plain == {True, False}

    def _draw(self, row: Property) -> list[Finding]:
        failures: list[tuple[Case, Failure]] = []
        shrinks = 0

        def attempt(case: Case) -> None:
            nonlocal shrinks
            if not self.executor.has_run(case):
                shrinks += bool(failures)
                if self._is_skipped(row, case) or shrinks > MAX_SHRINKS:
                    return
            failure = self._check(row, case)
            if failure:
                failures.append((case, failure))
                raise PropertyViolated

        test: Any = _settings(self.limits.examples)(hypothesis.given(self._build_strategy(row))(attempt))
        hypothesis.seed(self.limits.seed)(test)
        try:
            test()
        except PropertyViolated:
            case, failure = failures[-1]
            name = failure.label if row.side == "request" else case.label
            return [Finding(row, case, failure, self.executor.observe(case), name)]
        return []

    def _build_strategy(self, row: Property) -> SearchStrategy[Case]:
        if row.strategy == "calls":
            return strategies.calls(self.profile, self.executor.model)
        if row.strategy == "together":
            known = {
                name for finding in self.findings if finding.row.side == "response" for name in finding.case.faults
            }
            return strategies.combined_faults(self.profile, frozenset(known))
        return strategies.hostile_responses()


def _settings(examples: int) -> hypothesis.settings:
    return hypothesis.settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        verbosity=Verbosity.quiet,
        print_blob=False,
    )


def _cause(case: Case) -> str:
    return " + ".join(sorted(set(case.faults))) or case.label


def _mode(case: Case) -> str:
    return "a stream" if case.stream else "a body"


class PropertyViolated(Exception):
    """Tells Hypothesis that a case violates the property."""


def fuzz(client: Client, model: str, day: str, only: str | None, limits: Limits, **options: Any) -> Run:
    """Try all properties. Raises CannotStart, and ValueError for a model that has no edits on that date."""
    executor = Executor(client, model, day)
    try:
        run = Run(executor, limits, **options)
        executor.on_case = lambda: run.on_progress(run)
        run.prepare()
        rows = select(only)
        for row in rows:
            run.sweep(row)
        for row in rows:
            if not any(finding.row is row for finding in run.findings):
                run.draw(row)
        run.findings.sort(key=lambda finding: rows.index(finding.row))
    finally:
        executor.close()
    return run
