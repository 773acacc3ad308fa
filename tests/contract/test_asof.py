"""The as-of date."""

from datetime import date

import pytest

from mockserver.contract.asof import AsOf, as_of, latest_date
from mockserver.core import data_files


def test_latest() -> None:
    """The newest date comes from the contracts, not from the wall clock."""
    assert latest_date() == date(2026, 11, 21)
    days = [
        row[key]
        for row in data_files.contract("errors.yaml")["rows"]
        for key in ("since", "until")
        if row.get(key) is not None
    ]
    days += [row["released"] for row in data_files.contract("models.yaml")["models"].values() if "released" in row]
    assert max(days) <= latest_date()


@pytest.mark.parametrize(
    ("label", "day", "every"),
    [
        ("any", date(2026, 11, 21), True),
        ("latest", date(2026, 11, 21), False),
        ("2026-04-21", date(2026, 4, 21), False),
        ("2026-11-21", date(2026, 11, 21), False),
        ("2022-11-03", date(2022, 11, 3), False),
    ],
)
def test_labels(label: str, day: date, every: bool) -> None:
    found = as_of(label)
    assert (found.label, found.day, found.is_any) == (label, day, every)
    assert found == as_of(label)


@pytest.mark.parametrize(
    "label",
    [
        None,
        20260421,
        date(2026, 4, 21),
        "２０２６-04-21",
        "",
        "today",
        "ANY",
        " latest",
        "2026",
        "2026-4-21",
        "2026-02-30",
        "21.04.2026",
        "2026-04-21T00:00",
    ],
)
def test_invalid_labels(label: str) -> None:
    with pytest.raises(ValueError, match="'any', 'latest' or a date such as 2026-04-21, got") as caught:
        as_of(label)
    assert repr(label) in str(caught.value)


@pytest.mark.parametrize("label", ["2022-11-02", "1999-12-31", "0001-01-01"])
def test_before_the_first_model(label: str) -> None:
    with pytest.raises(ValueError, match=f"^as-of {label} is before 2022-11-03, when the first model was released$"):
        as_of(label)


@pytest.mark.parametrize(
    ("since", "until", "holds"),
    [
        (None, None, True),
        ("2026-04-20", None, True),
        ("2026-04-21", None, True),
        ("2026-04-22", None, False),
        (None, "2026-04-20", False),
        (None, "2026-04-21", False),
        (None, "2026-04-22", True),
        ("2026-04-21", "2026-04-22", True),
        ("2026-04-20", "2026-04-21", False),
        ("2026-04-22", "2026-04-23", False),
    ],
)
def test_holds(since: str | None, until: str | None, holds: bool) -> None:
    """From the first date on, and before the last."""
    day = AsOf("2026-04-21", date(2026, 4, 21))
    assert day.holds(since and date.fromisoformat(since), until and date.fromisoformat(until)) is holds  # type: ignore[arg-type]
