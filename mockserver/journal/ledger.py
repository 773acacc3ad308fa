"""What the calls of a session would have cost, and how much of it was spent twice. Pure; reads journal entries only."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

Entry = Mapping[str, Any]
COUNTS = ("requests", "billed", "unpriced", "refused", "wasted_calls")
TOKENS = ("input_tokens", "output_tokens", "total_tokens")


def billed(entry: Entry) -> bool:
    """Would this call be on the bill? A refusal costs nothing; a picture that was made does, also when it got lost."""
    made = entry["answer"]["outcome"] == "served" or entry["cost"] is not None
    return entry["job"] is not None and made


def repeated(entries: Sequence[Entry]) -> Mapping[str, str]:
    """The entries that were billed although the same call had been before, each with the first one billed."""
    first: dict[str, str] = {}
    twice: dict[str, str] = {}
    for entry in entries:
        before = first.get(entry["repeats"] or "")
        if billed(entry):
            if before:
                twice[entry["id"]] = before
            first[entry["id"]] = before or entry["id"]
        elif before:
            first[entry["id"]] = before
    return twice


def ledger(entries: Sequence[Entry], dropped: int = 0) -> dict[str, Any]:
    """The ledger of entries, oldest first, in the shape of contracts/schemas/ledger.json. Costs are in US dollars.

    `dropped` tells how many older entries are not among them.
    """
    twice = repeated(entries)
    models: dict[tuple[str, str], list[Entry]] = {}
    calls: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        if entry["job"]:
            models.setdefault((entry["job"]["model"], entry["job"]["endpoint"]), []).append(entry)
            calls.setdefault((entry["session"], entry["call"]), []).append(entry)
    return {
        "total": _sum(entries, twice),
        "models": [
            {"model": model, "endpoint": endpoint, **_sum(some, twice)} for (model, endpoint), some in models.items()
        ],
        "calls": [_call(some, twice) for some in calls.values()],
        "dropped": dropped,
    }


def _call(entries: Sequence[Entry], twice: Mapping[str, str]) -> dict[str, Any]:
    first = entries[0]
    return {
        "call": first["call"],
        "session": first["session"],
        "model": first["job"]["model"],
        "endpoint": first["job"]["endpoint"],
        "prompt": first["job"]["prompt"],
        "entries": [entry["id"] for entry in entries],
        "wasted_entries": [entry["id"] for entry in entries if entry["id"] in twice],
        **_sum(entries, twice),
    }


def _sum(entries: Sequence[Entry], twice: Mapping[str, str]) -> dict[str, Any]:
    paid = [entry for entry in entries if billed(entry)]
    again = [entry for entry in paid if entry["id"] in twice]
    refused = sum(entry["answer"]["outcome"] == "refused" for entry in entries)
    numbers = (len(entries), len(paid), sum(entry["cost"] is None for entry in paid), refused, len(again))
    used = {name: sum((entry["usage"] or {}).get(name, 0) for entry in paid) for name in TOKENS}
    return dict(zip(COUNTS, numbers, strict=True)) | used | {"cost": dollars(paid), "wasted": dollars(again)}


def dollars(entries: Iterable[Entry]) -> float:
    """What entries cost together, to a millionth of a dollar."""
    return round(sum(_costs(entries)), 6)


def _costs(entries: Iterable[Entry]) -> Iterator[float]:
    return (entry["cost"] or 0.0 for entry in entries)
