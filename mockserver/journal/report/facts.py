"""The facts of a run: journal, ledger and verdict together, and the conditions under which it counts as failed."""

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
    """What makes a run fail. `limit` is in US dollars, for `cost` only."""

    name: str
    limit: float = 0.0

    @property
    def text(self) -> str:
        """As it was given."""
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
    raise ValueError(f"expected unmatched, refused, verdict or cost:USD such as cost:0.50, not {text!r}")


def facts(
    entries: Sequence[Mapping[str, Any]],
    dropped: int,
    about: Mapping[str, Any],
    conditions: Iterable[Condition] = (),
) -> Facts:
    """A run that is over, in the shape of contracts/schemas/report.json. `about` says what was run, and by whom."""
    found = {
        **about,
        "ledger": ledger(entries, dropped),
        "verdict": verdict(entries, end=True),
        "journal": {"entries": list(entries), "dropped": dropped},
    }
    asked = dict.fromkeys(conditions)
    return {**found, "fail_on": [{"condition": one.text, "why": CHECKS[one.name](found, one) or None} for one in asked]}


def failures(found: Facts) -> list[str]:
    """Why the run counts as failed, a line each."""
    return [f"--fail-on {one['condition']}: {one['why']}" for one in found["fail_on"] if one["why"]]


def summary(found: Facts) -> Iterator[str]:
    """The run in a few lines."""
    total, said = found["ledger"]["total"], found["verdict"]
    counts = f"{number(total['requests'], 'request')}, {total['refused']} refused"
    unknown = f" and {number(total['unpriced'], 'call')} without a known price" if total["unpriced"] else ""
    waste = f", ${total['wasted']:.4f} of it wasted" if total["wasted_calls"] else ""
    cost = f"${total['cost']:.4f}{unknown}{waste}"
    yield f"{counts}, {cost}, verdict {said['verdict']}"
    if found["journal"]["dropped"]:
        yield f"  {number(found['journal']['dropped'], 'older request')} left the journal and are not counted"
    for finding in said["findings"]:
        yield f"  {finding['severity']}: {finding['text']} {finding['mend']} ({listed(finding['entries'])})"


def number(count: int, what: str) -> str:
    """A number of things: `1 request`, `2 requests`."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def listed(ids: Sequence[str]) -> str:
    """The first ids, and how many more there are."""
    more = f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else ""
    return ", ".join(ids[:SHOWN]) + more


def _unmatched(found: Facts, condition: Condition) -> str:
    ids = [entry["id"] for entry in found["journal"]["entries"] if entry["turn"].get("unmatched")]
    return f"{number(len(ids), 'request')} matched no step of the scenario ({listed(ids)})" if ids else ""


def _refused(found: Facts, condition: Condition) -> str:
    ids = [entry["id"] for entry in found["journal"]["entries"] if entry["answer"]["outcome"] == "refused"]
    return f"{number(len(ids), 'request')} got a refusal ({listed(ids)})" if ids else ""


def _verdict(found: Facts, condition: Condition) -> str:
    rules = [finding["rule"] for finding in found["verdict"]["findings"] if finding["severity"] == "error"]
    return f"the verdict is bad ({', '.join(dict.fromkeys(rules))})" if rules else ""


def _cost(found: Facts, condition: Condition) -> str:
    cost = found["ledger"]["total"]["cost"]
    return f"the calls would have cost ${cost:.4f}" if cost > condition.limit else ""


CHECKS: Mapping[str, Callable[[Facts, Condition], str]] = {
    "unmatched": _unmatched,
    "refused": _refused,
    "verdict": _verdict,
    "cost": _cost,
}
