"""A run as a file for machines: JSON, or the XML that JUnit made common. The file's ending chooses the kind."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from mockserver.journal.report.facts import Facts, listed
from mockserver.journal.report.junit import Case, format_junit
from mockserver.journal.report.page import page
from mockserver.journal.verdict import rules


def writer(path: str) -> Callable[[Facts], None]:
    """A function that writes the facts of a run to that file. Raises ValueError for an ending that says no kind."""
    kind = Path(path).suffix.lower()
    if kind not in MAKERS:
        raise ValueError(f"a report's name ends in {', '.join(MAKERS)}, not in {kind or 'nothing'}")

    return lambda found: written(path, MAKERS[kind](found))


def written(path: str | Path, data: bytes) -> None:
    """Write a file. Raises OSError, which names it: a full disk names none."""
    try:
        Path(path).write_bytes(data)
    except OSError as error:
        error.filename = str(path)
        raise


def as_json(found: Facts) -> bytes:
    """The report as JSON, in the shape of contracts/schemas/report.json."""
    return (json.dumps(found, indent=2) + "\n").encode()


def as_junit(found: Facts) -> bytes:
    """The report as JUnit XML: a case for each rule of the verdict and for each condition. Warnings do not fail."""
    return format_junit(f"mockserver {found['scenario']}", [*_rules(found), *_conditions(found)])


def _rules(found: Facts) -> Iterator[Case]:
    for rule in rules():
        some = [finding for finding in found["verdict"]["findings"] if finding["rule"] == rule["id"]]
        lines = "\n".join(f"{one['text']} {one['mend']} ({listed(one['entries'])})" for one in some)
        case = Case("mockserver.verdict", rule["id"])
        if some and rule["severity"] == "error":
            case = case._replace(result="failure", message=lines)
        yield case if case.message else case._replace(text=lines)


def _conditions(found: Facts) -> Iterator[Case]:
    for one in found["fail_on"]:
        yield Case("mockserver.fail-on", one["condition"], "failure" if one["why"] else "passed", one["why"] or "")


MAKERS: Mapping[str, Callable[[Facts], bytes]] = {
    ".json": as_json,
    ".xml": as_junit,
    ".html": lambda found: page(found).encode("utf-8", "replace"),
}
