"""Sends the conformance cases to a server and reports the differences, within a budget."""

import math
from collections.abc import Iterator, Sequence

from mockserver.contract.asof import AsOf, as_of
from mockserver.core.request import is_header_safe
from mockserver.harness.conformance import reports
from mockserver.harness.conformance.caller import SERVED_TIMEOUT, TIMEOUT, CallError, Target, parse_target, send
from mockserver.harness.conformance.cases import Case, Reply, build_call, load
from mockserver.harness.conformance.in_process import estimate
from mockserver.harness.conformance.outcome import Outcome, has_error, judge

PricedCase = tuple[Case, float]
# A run ends after so many responses if not one of them looks like this API's.
PROBE_LENGTH = 20
COSTLY = "expected an error, got a success, which may have been billed; no further case was sent"


class UnusableServer(CallError):
    """The server rejects the key, or it is not a server of this API."""


def conform(
    url: str,
    key: str,
    as_of_label: str = "latest",
    budget_usd: float = 0.0,
    report_path: str | None = None,
    as_json: bool = False,
    key_name: str = "the key",
) -> tuple[int, list[str]]:
    """Send every case of that date to the server at `url`; return the exit status and the lines to print.

    The status is 0 if every response is as expected, 1 if the server differs, and 2 if the run is impossible or broke
    off; then the last line is the error. For a server that rejects the key or does not serve this API it is the only
    line, and no report is written. `url` is the root, or ends in /v1. Cases that render images are sent as long as
    their estimated prices add up to at most `budget_usd`. With `as_json` the lines are the report as JSON. `key_name`
    names the key in error messages.
    """
    try:
        day, server = as_of(as_of_label), parse_target(url)
        check_arguments(key, key_name, budget_usd)
        write = reports.build_writer(report_path) if report_path else None
    except (ValueError, CallError) as error:
        return 2, [str(error)]
    outcomes: list[Outcome] = []
    errors = []
    try:
        for outcome in run(server, key, day, budget_usd):
            outcomes.append(outcome)
    except UnusableServer as error:
        return 2, [str(error)]
    except CallError as error:
        errors.append(str(error))
    try:
        if write:
            write(server.url, as_of_label, outcomes)
    except OSError as error:
        errors.append(f"cannot write {report_path}: {error.strerror}")
    lines = (
        reports.format_json(server.url, as_of_label, outcomes).decode().splitlines() if as_json else report(outcomes)
    )
    if errors:
        return 2, [*lines, "; ".join(errors)]
    return int(any(outcome.verdict == "differs" for outcome in outcomes)), lines


def check_arguments(key: str, key_name: str, budget: float) -> None:
    if not is_header_safe(key):
        problem = "has characters that no HTTP header can carry" if key else "is empty"
        raise ValueError(f"{key_name} {problem}; expected an API key")
    if not 0 <= budget < math.inf:
        raise ValueError(f"invalid budget {budget:g}: expected a number of US dollars, 0 or more")


def run(server: Target, key: str, day: AsOf, budget: float) -> Iterator[Outcome]:
    """The outcome of every case that holds on that date. Sends no more cases after an unexpected success."""
    cases = [case for case in load() if case.holds(day)]
    others = [case for case in cases if case.provider != server.provider]
    yield from (Outcome(case, "skipped", reason="they belong to another provider") for case in others)
    selected, skipped = select([case for case in cases if case.provider == server.provider], day, budget)
    probe = ServerProbe(server.url, [case for case, _ in selected])
    stopped_at = ""
    for case, cost in selected:
        if stopped_at:
            yield Outcome(case, "skipped", reason=f"the run was stopped at {stopped_at}")
            continue
        reply = send(server, build_call(case, key), SERVED_TIMEOUT if case.is_served else TIMEOUT)
        outcome = judge(case, server.url, reply, cost, key)
        probe.record(outcome, reply)
        stopped_at = case.id if outcome.is_costly else ""
        yield outcome
    yield from skipped


class ServerProbe:
    """Detects early that a server rejects the key or does not serve this API."""

    def __init__(self, url: str, cases: Sequence[Case]) -> None:
        self._url = url
        # The first request that a server rejects for another reason than its key, once it accepts the key.
        self._keyed = next((case for case in cases if case.has_own_key and case.expect["status"] == 400), None)
        self._remaining = min(PROBE_LENGTH, len(cases))
        self._is_known = False

    def record(self, outcome: Outcome, reply: Reply) -> None:
        if outcome.case is self._keyed and reply[0] == 401:
            raise UnusableServer(f"{self._url} rejects the key")
        self._is_known = self._is_known or outcome.is_costly or outcome.verdict == "as expected" or has_error(reply)
        self._remaining -= 1
        if not self._remaining and not self._is_known:
            expected = "no response was as expected or had an error object"
            raise UnusableServer(f"{self._url} does not serve this API: {expected}")


def select(cases: Sequence[Case], day: AsOf, budget: float) -> tuple[list[PricedCase], list[Outcome]]:
    """The cases to send with their estimated prices, errors first and then the cheapest; and the cases to skip."""
    skipped = [
        Outcome(case, "skipped", reason="only a scenario can request their error") for case in cases if case.orders
    ]
    selected = [(case, 0.0) for case in cases if not case.orders and not case.is_served]
    served = [(case, estimate(case, day)) for case in cases if not case.orders and case.is_served]
    spent = 0.0
    for case, cost in sorted(served, key=lambda pair: pair[1] or 0.0):
        if cost is None:
            skipped.append(Outcome(case, "skipped", reason="their price is unknown"))
        elif spent + cost > budget:
            skipped.append(Outcome(case, "skipped", reason="they would exceed the budget", cost=cost))
        else:
            spent += cost
            selected.append((case, cost))
    return selected, skipped


def report(outcomes: Sequence[Outcome]) -> list[str]:
    lines = []
    for outcome in outcomes:
        if outcome.verdict in ("differs", "guess"):
            lines.append(f"{outcome.verdict}: {outcome.case.id}: {outcome.case.about}")
            lines += [f"  {difference}" for difference in outcome.differences]
            lines += [f"    {line}" for line in outcome.draft.splitlines()]
    lines += [f"stopped: {outcome.case.id}: {COSTLY}" for outcome in outcomes if outcome.is_costly]
    reasons = [outcome.reason for outcome in outcomes if outcome.reason]
    lines += [f"skipped: {reasons.count(reason)} because {reason}" for reason in dict.fromkeys(reasons)]
    counts = ", ".join(f"{count} {verdict}" for verdict, count in reports.count_verdicts(outcomes).items())
    spent = sum(outcome.cost for outcome in outcomes if outcome.verdict != "skipped")
    return [*lines, f"{len(outcomes)} cases: {counts}; estimated cost ${spent:.4f}"]
