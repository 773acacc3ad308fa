"""Reports of a run for machines: JSON or JUnit XML, chosen by the file's suffix."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from mockserver.harness.conformance.outcome import VERDICTS, Outcome
from mockserver.journal.report.junit import Case, format_junit

RESULTS: Mapping[str, Literal["failure", "skipped"]] = {"differs": "failure", "guess": "skipped", "skipped": "skipped"}


def build_writer(path: str) -> Callable[[str, str, Sequence[Outcome]], None]:
    """A function that writes the report of (url, as-of label, outcomes). Raises ValueError for an unknown suffix."""
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        expected = f"expected a name that ends in {' or '.join(FORMATS)}"
        raise ValueError(f"unknown report format {suffix or path!r}: {expected}")

    def write(url: str, label: str, outcomes: Sequence[Outcome]) -> None:
        Path(path).write_bytes(FORMATS[suffix](url, label, outcomes))

    return write


def count_verdicts(outcomes: Sequence[Outcome]) -> dict[str, int]:
    counts = Counter(outcome.verdict for outcome in outcomes)
    return {verdict: counts[verdict] for verdict in VERDICTS}


def format_json(url: str, label: str, outcomes: Sequence[Outcome]) -> bytes:
    cases = [_outcome_json(outcome) for outcome in outcomes]
    report = {"url": url, "as_of": label, "summary": count_verdicts(outcomes), "cases": cases}
    return (json.dumps(report, indent=2) + "\n").encode()


def _outcome_json(outcome: Outcome) -> dict[str, Any]:
    differences = [{"path": d.path, "expected": d.expected, "got": d.got} for d in outcome.differences]
    optional = {"reason": outcome.reason, "differences": differences, "draft": outcome.draft, "cost": outcome.cost}
    about = {"id": outcome.case.id, "about": outcome.case.about, "covers": list(outcome.case.covers)}
    return about | {"verdict": outcome.verdict} | {name: value for name, value in optional.items() if value}


def as_junit(url: str, label: str, outcomes: Sequence[Outcome]) -> bytes:
    return format_junit(f"mockserver conform {url} as of {label}", [_outcome_case(outcome) for outcome in outcomes])


def _outcome_case(outcome: Outcome) -> Case:
    case = Case(outcome.case.file, outcome.case.id)
    if outcome.verdict not in RESULTS:
        return case
    lines = [str(difference) for difference in outcome.differences]
    first = outcome.reason or ("our guess differs: " if outcome.verdict == "guess" else "") + lines[0]
    text = "\n".join([*lines, outcome.draft])
    return case._replace(result=RESULTS[outcome.verdict], message=first, text=text)


FORMATS = {".json": format_json, ".xml": as_junit}
