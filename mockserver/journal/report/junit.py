"""Formats test cases as JUnit XML, which CI systems read."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal, NamedTuple
from xml.etree import ElementTree

# Characters that XML 1.0 does not allow, not even escaped.
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Case(NamedTuple):
    """A test case. `message` is why it failed or was skipped; `text` holds the details, or the output if it passed."""

    group: str
    name: str
    result: Literal["passed", "failure", "skipped"] = "passed"
    message: str = ""
    text: str = ""


def format_junit(name: str, cases: Sequence[Case]) -> bytes:
    results = Counter(case.result for case in cases)
    counts = {"tests": len(cases), "failures": results["failure"], "errors": 0, "skipped": results["skipped"]}
    suite = ElementTree.Element("testsuite", {"name": _clean(name)} | {key: str(n) for key, n in counts.items()})
    for case in cases:
        names = {"classname": _clean(case.group), "name": _clean(case.name)}
        element = ElementTree.SubElement(suite, "testcase", names)
        if case.result != "passed":
            ElementTree.SubElement(element, case.result, {"message": _clean(case.message)}).text = _clean(case.text)
        elif case.text:
            ElementTree.SubElement(element, "system-out").text = _clean(case.text)
    text: bytes = ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
    return text


def _clean(text: str) -> str:
    return NOT_XML.sub("?", text)
