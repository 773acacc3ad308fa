"""The date of the API that is emulated."""

from datetime import date
from functools import cache
from typing import NamedTuple

from mockserver.core import data_files


def latest_date() -> date:
    day: date = data_files.contract("models.yaml")["latest"]
    return day


@cache
def first_date() -> date:
    rows: dict[str, dict[str, date]] = data_files.contract("models.yaml")["models"]
    return min(row["released"] for row in rows.values() if "released" in row)


class AsOf(NamedTuple):
    """A date, with the label that was parsed.

    With the label `any`, every model ever documented is served, with the newest texts; otherwise the API is that of
    `day`.
    """

    label: str
    day: date

    @property
    def is_any(self) -> bool:
        return self.label == "any"

    def holds(self, since: date | None, until: date | None) -> bool:
        """True if a fact is valid on this date: from `since` on, and before `until`."""
        return (since is None or since <= self.day) and (until is None or self.day < until)


def as_of(label: str) -> AsOf:
    """Parse `any`, `latest` or an ISO date such as `2026-04-21`, on or after the first model's release.

    Raises ValueError for anything else.
    """
    if label in ("any", "latest"):
        return AsOf(label, latest_date())
    try:
        day = date.fromisoformat(label)
    except (ValueError, TypeError):
        raise ValueError(f"as-of: expected 'any', 'latest' or a date such as 2026-04-21, got {label!r}") from None
    if day < first_date():
        raise ValueError(f"as-of {label} is before {first_date()}, when the first model was released")
    return AsOf(label, day)
