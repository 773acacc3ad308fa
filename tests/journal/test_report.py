"""What a run comes to, as lines, JSON, JUnit XML and a page."""

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from mockserver.journal.report.facts import condition, facts, failures, listed, summary
from mockserver.journal.report.files import FORMATS, writer
from mockserver.journal.verdict import rules
from tests.support.client import MockClient
from tests.support.contracted import VALIDATORS

ABOUT = {"version": "0", "scenario": "own", "as_of": "any", "command": None, "status": None}
EVIL = "</pre><script>alert(1)</script>&\"'<img src=x onerror=alert(1)>"


def told(talk: MockClient, *conditions: str, dropped: int = 0, **about: Any) -> Any:
    entries = talk.get("journal")["entries"]
    return facts(entries, dropped, ABOUT | about, map(condition, conditions))


def busy() -> MockClient:
    """A refusal for good, sent again; a model that ends; evil words."""
    talk = MockClient("{error: insufficient-quota}")
    talk.edit(headers={"Authorization": "Bearer x", "x-note": EVIL})
    talk.edit(1, headers={"Authorization": "Bearer x"})
    files = {"image": (f"{EVIL}.png", b"no picture", "image/png")}
    talk.edit(files=files, data={"prompt": EVIL, "model": EVIL, EVIL: EVIL})
    talk.edit(data={"prompt": EVIL})
    return talk


def test_quiet() -> None:
    found = told(MockClient(), "verdict", "refused", "cost:0", "unmatched")
    assert failures(found) == []
    assert list(summary(found)) == ["0 requests, 0 rejected, $0.0000, verdict good"]
    VALIDATORS["report.json"].validate(found)


def test_summary() -> None:
    talk = MockClient("{ok: {}}")
    talk.edit()
    talk.edit(1)
    talk.edit(1, data={"model": "dall-e-2", "size": "256x256"})
    first, older, *findings = summary(told(talk, dropped=2))
    cost = talk.get("journal")["entries"][0]["cost"]
    price = f"${2 * cost:.4f} and 1 call without a known price, ${cost:.4f} of it wasted"
    assert first == f"3 requests, 0 rejected, {price}, verdict good"
    assert older == "  not counted: 2 older requests evicted from the journal"
    assert [line.split(":")[0] for line in findings] == ["  warning", "  warning"]
    assert findings[0].endswith("(e000001, e000002)")


def test_conditions() -> None:
    found = told(busy(), "verdict", "refused", "unmatched", "cost:0", "refused")
    assert failures(found) == [
        "--fail-on verdict: the verdict is bad (retried-refusal)",
        "--fail-on refused: 2 requests got an error response (e000001, e000003)",
        f"--fail-on cost:0: the calls would have cost ${found['ledger']['total']['cost']:.4f}",
    ]
    assert [one["condition"] for one in found["fail_on"]] == ["verdict", "refused", "unmatched", "cost:0"]


def test_unmatched() -> None:
    talk = MockClient()
    talk.edit()
    entries = talk.get("journal")["entries"]
    entries[0]["turn"]["unmatched"] = True
    found = facts(entries, 0, ABOUT, [condition("unmatched")])
    assert failures(found) == ["--fail-on unmatched: 1 request matched no step of the scenario (e000001)"]


@pytest.mark.parametrize(
    ("count", "said"), [(1, "e1"), (5, "e1, e2, e3, e4, e5"), (7, "e1, e2, e3, e4, e5 and 2 more")]
)
def test_listed(count: int, said: str) -> None:
    assert listed([f"e{number}" for number in range(1, count + 1)]) == said


def test_json() -> None:
    found = told(busy(), "verdict", command=["npm", "test"], status=0)
    VALIDATORS["report.json"].validate(json.loads(FORMATS[".json"](found)))


def test_junit() -> None:
    found = told(busy(), "verdict", "cost:9")
    suite = ElementTree.fromstring(FORMATS[".xml"](found))
    cases = {case.attrib["name"]: case for case in suite}
    assert list(cases) == [*(rule["id"] for rule in rules()), "verdict", "cost:9"]
    assert (suite.attrib["tests"], suite.attrib["failures"]) == (str(len(cases)), "2")
    failed = [name for name, case in cases.items() if case.find("failure") is not None]
    assert failed == ["retried-refusal", "verdict"]


def test_junit_warnings() -> None:
    talk = MockClient()
    talk.edit(data={"model": "gpt-image-1.5"})
    suite = ElementTree.fromstring(FORMATS[".xml"](told(talk)))
    assert suite.attrib["failures"] == "0"
    said = [case.findtext("system-out") for case in suite if case.find("system-out") is not None]
    assert said == [
        "gpt-image-1.5 is shut down from 2026-12-01 on. Use gpt-image-2.5-sunburst or gpt-image-2.5-flare instead. "
        "(e000001)"
    ]


class Page(HTMLParser):
    """The tags of a page, and whether each is closed."""

    VOID = ("meta", "!doctype")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        known = dict(attrs)
        assert not {name for name in known if name.startswith("on")}
        self.ids += [known["id"] or ""] if "id" in known else []
        self.links += [known["href"] or ""] if "href" in known else []
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_page() -> None:
    """It needs nothing from outside, is well-formed, and what clients sent is text."""
    text = FORMATS[".html"](told(busy(), "verdict", command=["sh", "-c", EVIL], status=3)).decode()
    page = Page(text)
    assert page.open == []
    assert page.tags.isdisjoint({"script", "img", "link", "iframe"})
    assert page.ids == ["e000001", "e000002", "e000003", "e000004"]
    assert page.links == ["#e000001", "#e000002"]
    assert "http" not in text.partition("</style>")[0].replace("http-equiv", "")
    assert "prefers-color-scheme: dark" in text
    assert text.count("&lt;script&gt;alert(1)") >= 5
    for text_shown in (
        "verdict bad",
        ">rejected</span>",
        "how to fix it",
        "exit status",
        "retried-refusal",
        "gpt-image-2",
        "sh -c",
    ):
        assert text_shown in text


def test_page_of_nothing() -> None:
    page = FORMATS[".html"](told(MockClient())).decode()
    assert Page(page).open == []
    assert "<p>None.</p>" in page


def test_writer(tmp_path: Path) -> None:
    file = tmp_path / "Report.HTML"
    writer(str(file))(told(MockClient()))
    assert file.read_text().startswith("<!DOCTYPE html>")
    with pytest.raises(
        ValueError, match=r"^unknown report format '\.txt': expected a name that ends in \.json, \.xml, \.html$"
    ):
        writer("x.txt")
