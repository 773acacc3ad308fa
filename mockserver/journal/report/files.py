"""Writes the report of a run as JSON, JUnit XML or HTML, depending on the extension of the file."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal

from mockserver.journal.report.facts import Facts, listed
from mockserver.journal.report.junit import Case, format_junit
from mockserver.journal.report.page import page
from mockserver.journal.verdict import rules


def writer(path: str) -> Callable[[Facts], None]:
    """A function that writes the report to that file. Raises ValueError for an unknown extension."""
    extension = Path(path).suffix.lower()
    if extension not in FORMATS:
        expected = f"expected a name that ends in {', '.join(FORMATS)}"
        raise ValueError(f"unknown report format {extension or path!r}: {expected}")

    return lambda run: written(path, FORMATS[extension](run))


def written(path: str | Path, data: bytes) -> None:
    """Write a file. Raises OSError with the name of the file, which is missing from the error of a full disk."""
    try:
        Path(path).write_bytes(data)
    except OSError as error:
        error.filename = str(path)
        raise


def _format_json(run: Facts) -> bytes:
    return (json.dumps(run, indent=2) + "\n").encode()


def _format_junit(run: Facts) -> bytes:
    """A test case for each rule of the verdict and for each condition. Warnings do not fail their case."""
    return format_junit(f"mockserver {run['scenario']}", [*_build_rule_cases(run), *_build_condition_cases(run)])


def _build_rule_cases(run: Facts) -> Iterator[Case]:
    for rule in rules():
        findings = [finding for finding in run["verdict"]["findings"] if finding["rule"] == rule["id"]]
        lines = "\n".join(f"{one['text']} {one['mend']} ({listed(one['entries'])})" for one in findings)
        case = Case("mockserver.verdict", rule["id"])
        if findings and rule["severity"] == "error":
            case = case._replace(result="failure", message=lines)
        yield case if case.message else case._replace(text=lines)


def _build_condition_cases(run: Facts) -> Iterator[Case]:
    for result in run["fail_on"]:
        outcome: Literal["failure", "passed"] = "failure" if result["why"] else "passed"
        yield Case("mockserver.fail-on", result["condition"], outcome, result["why"] or "")


FORMATS: Mapping[str, Callable[[Facts], bytes]] = {
    ".json": _format_json,
    ".xml": _format_junit,
    ".html": lambda run: page(run).encode("utf-8", "replace"),
}
