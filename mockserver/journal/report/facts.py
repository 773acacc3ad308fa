"""The facts of a run: journal, ledger and verdict, and which conditions of --fail-on were met."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mockserver.core.number import is_plain_number
from mockserver.journal.ledger import ledger
from mockserver.journal.verdict import verdict

Facts = Mapping[str, Any]
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Condition:
    """A reason to fail the run. `limit` is in US dollars, for `cost` only."""

    name: str
    limit: float = 0.0

    @property
    def text(self) -> str:
        return f"cost:{self.limit:g}" if self.name == "cost" else self.name


def condition(text: str) -> Condition:
    """A Condition from `unmatched`, `refused`, `verdict` or `cost:USD`. Raises ValueError for anything else."""
    name, sign, amount = text.partition(":")
    if name in CHECKS and (name == "cost") == bool(sign) and is_plain_number(amount):
        try:
            limit = float(amount if sign else 0)
        except ValueError:
            limit = math.nan
        if 0 <= limit < math.inf:
            return Condition(name, limit)
    raise ValueError(f"expected unmatched, refused, verdict or cost:USD such as cost:0.50, got {text!r}")


def facts(
    entries: Sequence[Mapping[str, Any]],
    dropped: int,
    about: Mapping[str, Any],
    conditions: Iterable[Condition] = (),
) -> Facts:
    """A finished run, in the shape of contracts/schemas/report.json. `about` holds the keys that describe the run."""
    documents = {
        **about,
        "ledger": ledger(entries, dropped),
        "verdict": verdict(entries, end=True),
        "journal": {"entries": list(entries), "dropped": dropped},
    }
    results = [
        {"condition": condition.text, "why": CHECKS[condition.name](documents, condition) or None}
        for condition in dict.fromkeys(conditions)
    ]
    return {**documents, "fail_on": results}


def failures(run: Facts) -> list[str]:
    """A line for each condition that fails the run."""
    return [f"--fail-on {result['condition']}: {result['why']}" for result in run["fail_on"] if result["why"]]


def summary(run: Facts) -> Iterator[str]:
    total, verdict = run["ledger"]["total"], run["verdict"]
    counts = f"{number(total['requests'], 'request')}, {total['refused']} rejected"
    unknown = f" and {number(total['unpriced'], 'call')} without a known price" if total["unpriced"] else ""
    waste = f", ${total['wasted']:.4f} of it wasted" if total["wasted_calls"] else ""
    cost = f"${total['cost']:.4f}{unknown}{waste}"
    yield f"{counts}, {cost}, verdict {verdict['verdict']}"
    if run["journal"]["dropped"]:
        yield f"  not counted: {number(run['journal']['dropped'], 'older request')} evicted from the journal"
    for finding in verdict["findings"]:
        yield f"  {finding['severity']}: {finding['text']} {finding['mend']} ({listed(finding['entries'])})"


def number(count: int, what: str) -> str:
    """`1 request`, `2 requests`."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def listed(ids: Sequence[str]) -> str:
    """The first ids, and how many follow."""
    more = f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else ""
    return ", ".join(ids[:SHOWN]) + more


def _unmatched(run: Facts, condition: Condition) -> str:
    ids = [entry["id"] for entry in run["journal"]["entries"] if entry["turn"].get("unmatched")]
    return f"{number(len(ids), 'request')} matched no step of the scenario ({listed(ids)})" if ids else ""


def _refused(run: Facts, condition: Condition) -> str:
    ids = [entry["id"] for entry in run["journal"]["entries"] if entry["answer"]["outcome"] == "refused"]
    return f"{number(len(ids), 'request')} got an error response ({listed(ids)})" if ids else ""


def _verdict(run: Facts, condition: Condition) -> str:
    rules = [finding["rule"] for finding in run["verdict"]["findings"] if finding["severity"] == "error"]
    return f"the verdict is bad ({', '.join(dict.fromkeys(rules))})" if rules else ""


def _cost(run: Facts, condition: Condition) -> str:
    cost = run["ledger"]["total"]["cost"]
    return f"the calls would have cost ${cost:.4f}" if cost > condition.limit else ""


CHECKS: Mapping[str, Callable[[Facts, Condition], str]] = {
    "unmatched": _unmatched,
    "refused": _refused,
    "verdict": _verdict,
    "cost": _cost,
}
