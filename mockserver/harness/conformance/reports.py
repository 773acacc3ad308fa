"""Reports of a run for machines: JSON or JUnit XML, chosen by the file's suffix."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from mockserver.harness.conformance.outcome import VERDICTS, Outcome
from mockserver.journal.report.files import NOT_XML


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


def format_junit(url: str, label: str, outcomes: Sequence[Outcome]) -> bytes:
    """The report as JUnit XML; a wrong guess counts as skipped."""
    counts = count_verdicts(outcomes)
    numbers = {"tests": len(outcomes), "failures": counts["differs"], "skipped": counts["skipped"] + counts["guess"]}
    names = {"name": f"mockserver conform {url} as of {label}", "errors": "0"}
    suite = ElementTree.Element("testsuite", names | {name: str(count) for name, count in numbers.items()})
    for outcome in outcomes:
        case = ElementTree.SubElement(suite, "testcase", {"classname": outcome.case.file, "name": outcome.case.id})
        _add_result(case, outcome)
    text: bytes = ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
    return text


def _add_result(case: ElementTree.Element, outcome: Outcome) -> None:
    tags: Mapping[str, str] = {"differs": "failure", "guess": "skipped", "skipped": "skipped"}
    if outcome.verdict in tags:
        lines = [str(difference) for difference in outcome.differences]
        first = outcome.reason or ("our guess differs: " if outcome.verdict == "guess" else "") + lines[0]
        child = ElementTree.SubElement(case, tags[outcome.verdict], {"message": NOT_XML.sub("?", first)})
        child.text = NOT_XML.sub("?", "\n".join([*lines, outcome.draft]))


FORMATS = {".json": format_json, ".xml": format_junit}
