"""Puts the conformance cases to any server and says where it differs, for no more money than was allowed."""

import math
from collections.abc import Iterator, Sequence

from mockserver.contract.asof import AsOf, as_of
from mockserver.core.request import is_header_safe
from mockserver.harness.conformance import reports as documents
from mockserver.harness.conformance.caller import SECONDS, SECONDS_SERVED, Target, Trouble, call, target
from mockserver.harness.conformance.cases import Case, Reply, build, load
from mockserver.harness.conformance.in_process import estimate
from mockserver.harness.conformance.outcome import Outcome, has_error, judged
from mockserver.harness.conformance.reports import summary, writer

Priced = tuple[Case, float]
# Answers after which a server that never spoke as the API does is asked no more.
FEW = 20
COSTLY = "a refusal was expected and a success came, which may have cost money; no further case was run"


class Stranger(Trouble):
    """A server from whose answers nothing can be learnt."""


def conform(
    url: str,
    key: str,
    as_of_label: str = "latest",
    budget_usd: float = 0.0,
    report_path: str | None = None,
    as_json: bool = False,
    key_name: str = "the key",
) -> tuple[int, list[str]]:
    """Exit status and the lines to print, after putting every case of that day to the server at `url`.

    0: all as expected; 1: the server differs; 2: it could not be asked, or was not asked sensibly. Served cases are
    run only as far as the sum of their estimated prices stays within `budget_usd`. `url` is the root, or ends in /v1.
    With `as_json` the lines are the report as JSON. Where the status is 2, the last line says why; there is no other,
    and no report, of a server that refuses the key or is no such API. `key_name` is what it calls the key.
    """
    try:
        day, server = as_of(as_of_label), target(url)
        sensible(key, key_name, budget_usd)
        write = writer(report_path) if report_path else None
    except (ValueError, Trouble) as error:
        return 2, [str(error)]
    outcomes: list[Outcome] = []
    trouble = []
    try:
        for outcome in run(server, key, day, budget_usd):
            outcomes.append(outcome)
    except Stranger as error:
        return 2, [str(error)]
    except Trouble as error:
        trouble.append(str(error))
    try:
        if write:
            write(server.url, as_of_label, outcomes)
    except OSError as error:
        trouble.append(f"cannot write {report_path}: {error.strerror}")
    differs = any(outcome.verdict == "differs" for outcome in outcomes)
    lines = documents.as_json(server.url, as_of_label, outcomes).decode().splitlines() if as_json else report(outcomes)
    return 2 if trouble else int(differs), [*lines, *(["; ".join(trouble)] if trouble else [])]


def sensible(key: str, name: str, budget: float) -> None:
    """Raise ValueError for a key that no header can carry, or a budget that is none."""
    if not is_header_safe(key):
        raise ValueError(f"{name} is empty, or has characters that no header can carry")
    if not 0 <= budget < math.inf:
        raise ValueError("the budget is a number of dollars, 0 or more")


def run(server: Target, key: str, day: AsOf, budget: float) -> Iterator[Outcome]:
    """The outcome of every case that holds on that day. Stops asking at the first success that was not expected."""
    cases = [case for case in load() if case.holds(day)]
    others = [case for case in cases if case.provider != server.provider]
    yield from (Outcome(case, "skipped", reason="they are another provider's") for case in others)
    cases = [case for case in cases if case.provider == server.provider]
    stopped = ""
    chosen, left = selected(cases, day, budget)
    known = Acquaintance(server.url, [case for case, _ in chosen])
    for case, cost in chosen:
        if stopped:
            yield Outcome(case, "skipped", reason=f"the run was stopped at {stopped}")
            continue
        reply = call(server, build(case, key), SECONDS_SERVED if case.served else SECONDS)
        outcome = judged(case, server.url, reply, cost, key)
        known.meet(outcome, reply)
        stopped = case.id if outcome.costly else ""
        yield outcome
    yield from left


class Acquaintance:
    """Finds out early whether a server is one to ask."""

    def __init__(self, url: str, cases: Sequence[Case]) -> None:
        self._url = url
        # The first request that is read, and refused for something else, only with a key that is taken.
        self._keyed = next((case for case in cases if case.keyed and case.expect["status"] == 400), None)
        self._left = min(FEW, len(cases))
        self._spoke = False

    def meet(self, outcome: Outcome, reply: Reply) -> None:
        """Take note of an answer. Raises Stranger."""
        if outcome.case is self._keyed and reply[0] == 401:
            raise Stranger(f"{self._url} does not take the key")
        self._spoke = self._spoke or outcome.costly or outcome.verdict == "as expected" or has_error(reply)
        self._left -= 1
        if not self._left and not self._spoke:
            raise Stranger(f"{self._url} is no such API: no answer was as expected, or had an error object")


def selected(cases: Sequence[Case], day: AsOf, budget: float) -> tuple[list[Priced], list[Outcome]]:
    """The cases to run, refusals first and then the cheapest, with their estimates; and why the others are not run."""
    left = [Outcome(case, "skipped", reason="only a scenario can order their error") for case in cases if case.orders]
    chosen = [(case, 0.0) for case in cases if not case.orders and not case.served]
    served = [(case, estimate(case, day)) for case in cases if not case.orders and case.served]
    spent = 0.0
    for case, cost in sorted(served, key=lambda pair: pair[1] or 0.0):
        if cost is None:
            left.append(Outcome(case, "skipped", reason="their price is not known"))
        elif spent + cost > budget:
            left.append(Outcome(case, "skipped", reason="they would go beyond the budget", cost=cost))
        else:
            spent += cost
            chosen.append((case, cost))
    return chosen, left


def report(outcomes: Sequence[Outcome]) -> list[str]:
    """The lines for a reader: each difference with its draft, why cases were left out, and the sums."""
    lines = []
    for outcome in outcomes:
        if outcome.verdict in ("differs", "guess"):
            lines.append(f"{outcome.verdict}: {outcome.case.id}: {outcome.case.about}")
            lines += [f"  {difference}" for difference in outcome.differences]
            lines += [f"    {line}" for line in outcome.draft.splitlines()]
    lines += [f"stopped: {o.case.id}: {COSTLY}" for o in outcomes if o.costly]
    reasons = [outcome.reason for outcome in outcomes if outcome.reason]
    lines += [f"skipped: {reasons.count(reason)} because {reason}" for reason in dict.fromkeys(reasons)]
    counts = ", ".join(f"{count} {verdict}" for verdict, count in summary(outcomes).items())
    spent = sum(outcome.cost for outcome in outcomes if outcome.verdict != "skipped")
    return [*lines, f"{len(outcomes)} cases: {counts}; estimated cost ${spent:.4f}"]
