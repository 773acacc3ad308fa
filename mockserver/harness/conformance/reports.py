"""Reports of a run for machines: JSON, or the XML that JUnit made common. The file's ending chooses."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from mockserver.harness.conformance.outcome import VERDICTS, Outcome
from mockserver.journal.report.files import NOT_XML


def writer(path: str) -> Callable[[str, str, Sequence[Outcome]], None]:
    """A function that writes the report of (url, as-of label, outcomes) there. Raises ValueError for another ending."""
    kind = Path(path).suffix.lower()
    if kind not in MAKERS:
        raise ValueError(f"a report's name ends in {' or '.join(MAKERS)}, not in {kind or 'nothing'}")

    def write(url: str, label: str, outcomes: Sequence[Outcome]) -> None:
        Path(path).write_bytes(MAKERS[kind](url, label, outcomes))

    return write


def summary(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """How many cases came out how."""
    counted = Counter(outcome.verdict for outcome in outcomes)
    return {verdict: counted[verdict] for verdict in VERDICTS}


def as_json(url: str, label: str, outcomes: Sequence[Outcome]) -> bytes:
    """The report as JSON."""
    cases = [_described(outcome) for outcome in outcomes]
    report = {"url": url, "as_of": label, "summary": summary(outcomes), "cases": cases}
    return (json.dumps(report, indent=2) + "\n").encode()


def _described(outcome: Outcome) -> dict[str, Any]:
    found = [{"path": d.path, "expected": d.expected, "got": d.got} for d in outcome.differences]
    noted = {"reason": outcome.reason, "differences": found, "draft": outcome.draft, "cost": outcome.cost}
    about = {"id": outcome.case.id, "about": outcome.case.about, "covers": list(outcome.case.covers)}
    return about | {"verdict": outcome.verdict} | {name: value for name, value in noted.items() if value}


def as_junit(url: str, label: str, outcomes: Sequence[Outcome]) -> bytes:
    """The report as JUnit XML; a guess that was wrong counts as skipped."""
    counts = summary(outcomes)
    numbers = {"tests": len(outcomes), "failures": counts["differs"], "skipped": counts["skipped"] + counts["guess"]}
    names = {"name": f"mockserver conform {url} as of {label}", "errors": "0"}
    suite = ElementTree.Element("testsuite", names | {name: str(count) for name, count in numbers.items()})
    for outcome in outcomes:
        case = ElementTree.SubElement(suite, "testcase", {"classname": outcome.case.file, "name": outcome.case.id})
        _child(case, outcome)
    text: bytes = ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
    return text


def _child(case: ElementTree.Element, outcome: Outcome) -> None:
    tags: Mapping[str, str] = {"differs": "failure", "guess": "skipped", "skipped": "skipped"}
    if outcome.verdict in tags:
        lines = [str(difference) for difference in outcome.differences]
        first = outcome.reason or ("our guess differs: " if outcome.verdict == "guess" else "") + lines[0]
        child = ElementTree.SubElement(case, tags[outcome.verdict], {"message": NOT_XML.sub("?", first)})
        child.text = NOT_XML.sub("?", "\n".join([*lines, outcome.draft]))


MAKERS = {".json": as_json, ".xml": as_junit}
