"""A run as a file for machines: JSON, or the XML that JUnit made common. The file's ending chooses the kind."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from xml.etree import ElementTree

from mockserver.journal.report.facts import Facts, listed
from mockserver.journal.report.page import page
from mockserver.journal.verdict import rules

# What XML 1.0 cannot hold, not even escaped.
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


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
    cases = [*_rules(found), *_conditions(found)]
    failed = sum(bool(why) for _, _, why, _ in cases)
    numbers = {"tests": str(len(cases)), "failures": str(failed), "errors": "0", "skipped": "0"}
    suite = ElementTree.Element("testsuite", {"name": f"mockserver {found['scenario']}", **numbers})
    for group, name, why, said in cases:
        case = ElementTree.SubElement(suite, "testcase", {"classname": f"mockserver.{group}", "name": name})
        if why:
            ElementTree.SubElement(case, "failure", {"message": NOT_XML.sub("?", why)})
        if said:
            ElementTree.SubElement(case, "system-out").text = NOT_XML.sub("?", said)
    text: bytes = ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
    return text


def _rules(found: Facts) -> Iterator[tuple[str, str, str, str]]:
    for rule in rules():
        some = [finding for finding in found["verdict"]["findings"] if finding["rule"] == rule["id"]]
        lines = "\n".join(f"{one['text']} {one['mend']} ({listed(one['entries'])})" for one in some)
        error = rule["severity"] == "error"
        yield "verdict", rule["id"], lines if error else "", "" if error else lines


def _conditions(found: Facts) -> Iterator[tuple[str, str, str, str]]:
    for one in found["fail_on"]:
        yield "fail-on", one["condition"], one["why"] or "", ""


MAKERS: Mapping[str, Callable[[Facts], bytes]] = {
    ".json": as_json,
    ".xml": as_junit,
    ".html": lambda found: page(found).encode("utf-8", "replace"),
}
