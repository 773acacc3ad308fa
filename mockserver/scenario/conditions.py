"""What a test says of calls, as a `when`: says what is wrong with it. Asks nobody."""

from collections.abc import Mapping
from typing import Any

from mockserver.contract import endpoints
from mockserver.scenario.lint import find_messages
from mockserver.scenario.suggest import describe_unknown

# What a `when` knows by name; everything else is a field of the request.
CONDITIONS = ("endpoint", "model", "stream", "prompt", "images", "mask", "headers", "attempt", "retry", "fields")
# Those of them that a request may be without: None stands for that.
ABSENT = ("endpoint", "model", "prompt")


def build_when(given: Mapping[str, Any]) -> dict[str, Any]:
    """The `when` of conditions by name. Raises ValueError for a name that nobody knows, or what is no condition."""
    names = dict.fromkeys([*CONDITIONS, *sorted(endpoints.known_fields())])
    for name in given:
        if name not in names:
            raise ValueError(f"{describe_unknown(name, names)}; any field goes into fields={{{name!r}: ...}}")
    known = {name: value for name, value in given.items() if name in CONDITIONS}
    fields = {name: value for name, value in given.items() if name not in CONDITIONS}
    _hold({name: value for name, value in known.items() if value is not None or name not in ABSENT}, "when")
    _hold({"fields": fields}, "when")
    return {**known, "fields": {**known.get("fields", {}), **fields}} if fields else known


def check_count(times: Any) -> Any:
    """How many calls are expected: a number, a range, or None for at least one. Raises ValueError for anything else."""
    if times is not None:
        _hold(times, "count")
    return times


def _hold(given: Any, part: str) -> None:
    """Raise ValueError for what a part of a scenario could not say."""
    wrong = find_messages(given, part)
    if wrong:
        raise ValueError("; ".join(wrong))
