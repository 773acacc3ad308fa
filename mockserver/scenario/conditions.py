"""Builds a `when` from the keyword arguments of a test."""

from collections.abc import Mapping
from typing import Any

from mockserver.contract import endpoints
from mockserver.scenario.lint import find_messages
from mockserver.scenario.suggest import describe_unknown

# Every other name is a field of the request.
CONDITIONS = ("endpoint", "model", "stream", "prompt", "images", "mask", "headers", "attempt", "retry", "fields")
# A request may lack these; None matches such a request.
NULLABLE = ("endpoint", "model", "prompt")


def build_when(conditions: Mapping[str, Any]) -> dict[str, Any]:
    names = dict.fromkeys([*CONDITIONS, *sorted(endpoints.known_fields())])
    for name in conditions:
        if name not in names:
            raise ValueError(f"{describe_unknown(name, names)}; pass any other field in fields={{{name!r}: ...}}")
    known = {name: value for name, value in conditions.items() if name in CONDITIONS}
    fields = {name: value for name, value in conditions.items() if name not in CONDITIONS}
    _check({name: value for name, value in known.items() if value is not None or name not in NULLABLE}, "when")
    _check({"fields": fields}, "when")
    return {**known, "fields": {**known.get("fields", {}), **fields}} if fields else known


def check_count(times: Any) -> Any:
    """An expected number of calls: a number, a range, or None for at least one. Raises ValueError for anything else."""
    if times is not None:
        _check(times, "count")
    return times


def _check(data: Any, part: str) -> None:
    messages = find_messages(data, part)
    if messages:
        raise ValueError("; ".join(messages))
