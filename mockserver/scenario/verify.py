"""Counts the journal entries that match a `when`, and explains the nearest misses."""

from collections.abc import Mapping, Sequence
from typing import Any

from mockserver.scenario.matching import facts_of_entry
from mockserver.scenario.when import SHORT, find_mismatches

# The number of misses that are reported.
NEAREST = 5


def verify(entries: Sequence[Mapping[str, Any]], when: Mapping[str, Any], times: Any = None) -> dict[str, Any]:
    """`ok`, `matched` (the ids of matching entries), `count`, and if not ok, `misses` with the conditions that failed.

    `times` is a number or a range; None means at least one.
    """
    checked = [(entry["id"], find_mismatches(when, facts_of_entry(entry))) for entry in entries]
    matched = [entry_id for entry_id, failed in checked if not failed]
    expected = {"minimum": 1} if times is None else times
    if isinstance(expected, Mapping):
        low, high = expected.get("minimum"), expected.get("maximum")
    else:
        low = high = expected
    ok = (low is None or low <= len(matched)) and (high is None or len(matched) <= high)
    result = {"ok": ok, "count": len(matched), "expected": expected, "matched": matched}
    if ok:
        return result
    nearest = sorted((miss for miss in checked if miss[1]), key=lambda miss: len(miss[1]))[:NEAREST]
    detail = f"expected {_range(low, high)} matching {SHORT.repr(dict(when))}, found {len(matched)} of {len(checked)}"
    misses = [{"entry": entry_id, "failed": failed} for entry_id, failed in nearest]
    return result | {"detail": detail, "misses": misses}


def _range(low: int | None, high: int | None) -> str:
    if low == high:
        return _calls(low)
    return " and ".join(
        [f"at least {_calls(low)}"] * (low is not None) + [f"at most {_calls(high)}"] * (high is not None)
    )


def _calls(count: int | None) -> str:
    return f"{count} call" if count == 1 else f"{count} calls"
