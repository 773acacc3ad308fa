"""How many entries of the journal meet a `when`, and where not as many as expected: which came near, and why not."""

from collections.abc import Mapping, Sequence
from typing import Any

from mockserver.scenario.matching import facts_of_entry
from mockserver.scenario.when import SHORT, find_mismatches

# So many of the nearest misses are told.
NEAREST = 5


def verify(entries: Sequence[Mapping[str, Any]], when: Mapping[str, Any], times: Any = None) -> dict[str, Any]:
    """`ok`, `matched` (the ids of entries that meet all conditions), `count`, and `misses` where it is not ok.

    `times` is a number or a range; None stands for at least one. A miss says what failed.
    """
    told = [(entry["id"], find_mismatches(when, facts_of_entry(entry))) for entry in entries]
    matched = [name for name, failed in told if not failed]
    wanted = {"minimum": 1} if times is None else times
    low, high = (wanted, wanted) if not isinstance(wanted, Mapping) else (wanted.get("minimum"), wanted.get("maximum"))
    ok = (low is None or low <= len(matched)) and (high is None or len(matched) <= high)
    near = sorted((one for one in told if one[1]), key=lambda one: len(one[1]))[:NEAREST]
    result = {"ok": ok, "count": len(matched), "expected": wanted, "matched": matched}
    if ok:
        return result
    words = f"expected {_words(low, high)} matching {SHORT.repr(dict(when))}, found {len(matched)} of {len(told)}"
    return result | {"detail": words, "misses": [{"entry": name, "failed": failed} for name, failed in near]}


def _words(low: int | None, high: int | None) -> str:
    if low == high:
        return _calls(low)
    return " and ".join(
        [f"at least {_calls(low)}"] * (low is not None) + [f"at most {_calls(high)}"] * (high is not None)
    )


def _calls(count: int | None) -> str:
    return f"{count} call" if count == 1 else f"{count} calls"
