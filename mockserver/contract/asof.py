"""The day of the API that is being emulated. Owns what "on that day" means; knows no particular fact."""

from datetime import date
from functools import cache
from typing import NamedTuple

from mockserver.core import data_files


def latest_date() -> date:
    """The newest day that the contracts speak of; never the wall clock."""
    day: date = data_files.contract("models.yaml")["latest"]
    return day


@cache
def first_date() -> date:
    """The day on which the first model was released."""
    rows: dict[str, dict[str, date]] = data_files.contract("models.yaml")["models"]
    return min(row["released"] for row in rows.values() if "released" in row)


class AsOf(NamedTuple):
    """A day, with the label it was asked for by.

    With `any` every model ever documented is served, with the newest texts; otherwise the API is that of `day`.
    """

    label: str
    day: date

    @property
    def is_any(self) -> bool:
        """Are models of all times served?"""
        return self.label == "any"

    def holds(self, since: date | None, until: date | None) -> bool:
        """Does a fact with these dates hold: from `since` on, and before `until`?"""
        return (since is None or since <= self.day) and (until is None or self.day < until)


def as_of(label: str) -> AsOf:
    """An AsOf from `any`, `latest` or an ISO date such as `2026-04-21`, since the first model was released.

    Raises ValueError for anything else.
    """
    if label in ("any", "latest"):
        return AsOf(label, latest_date())
    try:
        day = date.fromisoformat(label)
    except (ValueError, TypeError):
        raise ValueError(f"as-of is 'any', 'latest' or a date such as 2026-04-21, not {label!r}") from None
    if day < first_date():
        raise ValueError(f"as-of {label} is before {first_date()}, when the first model was released")
    return AsOf(label, day)
