"""Parts of fuzzing, by themselves: what is read of a plan, what is alike, what is tried; reports of findings."""

import contextlib
import gzip
import io
import json
import subprocess
import sys
import types
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx2
import openai
import pytest

from mockserver.core.plan import Chunk, Cut, End, Head, Raw
from mockserver.core.request import Request
from mockserver.harness.fuzz import client, content, edge_cases, fault_checks, report, sockets, worker
from mockserver.harness.fuzz.client import CannotStart, Reply
from mockserver.harness.fuzz.client_profile import PLAIN
from mockserver.harness.fuzz.clients import openai_sync, template
from mockserver.harness.fuzz.engine import Limits, Run
from mockserver.harness.fuzz.executor import Exchange, Observation, Stage
from mockserver.harness.fuzz.properties import PROPERTIES
from mockserver.harness.fuzz.response_checks import alike

REQUESTED = Request("POST", "/v1/images/edits", ())


@pytest.fixture
def contracted() -> None:
    """These answers are broken on purpose."""


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1, 1.0, True),
        (1, True, False),
        (2**53, 2**53 + 1, True),
        (10**400, 10**400, True),
        (10**400, 1.0, False),
        ([1, {"a": None}], [1.0, {"a": None}], True),
        ([1], [1, 2], False),
        ({"a": 1}, {"b": 1}, False),
        ("1", 1, False),
    ],
    ids=repr,
)
def test_alike(one: Any, other: Any, same: bool) -> None:
    assert alike(one, other) == same


def test_received() -> None:
    """What a plan says is read with patience: compressed, in chunks that break off, and not at all."""
    body = b'{"data": [{"b64_json": "eA=="}], "usage": {"total_tokens": 1}}'
    packed = content.received((Head(200, (("content-encoding", "gzip"),)), Chunk(gzip.compress(body)), End()))
    assert (packed.pictures, packed.usage, packed.whole) == (["eA=="], {"total_tokens": 1}, True)
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    halved = content.received((Raw(head + b"4\r\nnull\r\nzz\r\n"), Cut("close")))
    assert (halved.status, halved.document, halved.whole) == (200, None, False)
    assert content.received((Raw(b"HTTP/1.1 2"), Cut("reset"))).status is None
    stream = b'data: {"type": "x.completed"}\r\rdata: {"type"\n\ndata: {"error": {"code": "c"}}'
    told = content.received((Head(200, (("content-type", "text/event-stream"),)), Chunk(stream), End()))
    assert (len(told.events), told.error, told.usage) == (2, {"code": "c"}, None)


def test_values() -> None:
    assert list(edge_cases.values({"type": "boolean"})) == [True, False]
    assert list(edge_cases.values({"type": "integer", "minimum": 3})) == [3, 4, 130]
    assert list(edge_cases.values({"type": "object"})) == []


def test_tables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without Linux's tables nothing is known."""
    monkeypatch.setattr(sockets, "TABLES", (tmp_path / "none",))
    assert sockets.unread(80) == frozenset()


def test_left() -> None:
    """Unread bytes count where HTTP says truly that there are more."""
    whole, cut = (
        Exchange({"turn": {"faults": faults}}, REQUESTED, (), (End(),)) for faults in ([], ["content_length"])
    )
    assert [one.label for one in fault_checks.leaves(PLAIN, Observation(Reply("answered"), (whole,), unread=1))] == [
        "half read"
    ]
    assert list(fault_checks.leaves(PLAIN, Observation(Reply("answered"), (whole, cut), unread=1))) == []


@pytest.mark.parametrize(
    "name", ["nonsense", "no.such:edit", "json:nothing", "tests.fuzz.clients.faulty:edit", "sys:path"]
)
def test_not_found(name: str) -> None:
    """The worker says what it cannot find, as its only line."""
    with pytest.raises(ValueError, match=name.partition(":")[0]):
        worker.find(name)
    call = [sys.executable, "-m", "mockserver.harness.fuzz.worker", name]
    done = subprocess.run(call, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert list(json.loads(done.stdout)) == ["cannot"]


def test_slow_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that does not greet is ended."""
    monkeypatch.setattr(client, "START_SECONDS", 0.01)
    with pytest.raises(CannotStart, match="it did not start"):
        client.Client(["sleep", "60"], worker=True).ask({"id": "1"}, 1)


def test_nothing_seen() -> None:
    """Where there is no result and no request, what speaks of them says nothing."""
    seen = Observation(Reply("late"))
    for check in (
        fault_checks.truthful,
        fault_checks.error_event,
        fault_checks.kinds,
        fault_checks.retries,
        fault_checks.waits,
        fault_checks.repeats,
    ):
        assert list(check(PLAIN, seen)) == []
    assert client.Reply("crashed").cause == ""
    assert client.Client(["true"])._tail() == ""


REQUEST = httpx2.Request("POST", "http://127.0.0.1/v1/images/edits")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (openai.APITimeoutError(REQUEST), "timeout"),
        (openai.APIConnectionError(request=REQUEST), "connection"),
        (openai.APIResponseValidationError(httpx2.Response(200, request=REQUEST), None), "bad_answer"),
        (openai.RateLimitError("slow", response=httpx2.Response(429, request=REQUEST), body={"code": "c"}), "status"),
        (openai.APIError("told", REQUEST, body={"code": "c"}), "stream"),
        (openai_sync.EndedEarly("early"), "stream"),
        (httpx2.ReadTimeout("late"), "timeout"),
        (httpx2.ReadError("gone"), "connection"),
        (ValueError("what?"), "bad_answer"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_failed(error: Exception, kind: str) -> None:
    """The official clients' exceptions are told by their kinds."""
    assert openai_sync.failed(error)["error"]["kind"] == kind


def test_answers_without_pictures() -> None:
    call: dict[str, Any] = {"stream": False, "images": ["README.md"], "mask": "README.md", "options": {"x_new": 1}}
    with pytest.raises(ValueError, match="no picture"):
        openai_sync.finish({"images": []}, call, types.SimpleNamespace(data=None))
    with pytest.raises(openai_sync.EndedEarly):
        openai_sync.finish({"images": []}, {**call, "stream": True}, None)
    with contextlib.ExitStack() as files:
        given = openai_sync.arguments({**call, "model": "m", "prompt": "p"}, files)
    assert (given["extra_body"], given["mask"].name) == ({"x_new": 1}, "README.md")


def test_template(monkeypatch: pytest.MonkeyPatch) -> None:
    """The template tells of a client's pictures, events and troubles."""
    call = dict.fromkeys(("base_url", "api_key", "deadline_s", "model", "prompt", "images", "mask"))

    def answer(**given: Any) -> Any:
        if given["stream"] is None:
            raise TimeoutError("late")
        return Told([{"type": "x"}]) if given["stream"] else Told([])

    monkeypatch.setattr(template, "your_client", answer)
    told = template.edit({**call, "stream": True, "options": {}})
    assert (told["images"], told["events"], told["error"]) == (["eA=="], [{"type": "x"}], None)
    assert template.edit({**call, "stream": False, "options": {}})["events"] == []
    assert template.edit({**call, "stream": None, "options": {}})["error"]["kind"] == "timeout"


class Told(list[Any]):
    """What a client of the template's kind answers."""

    pictures: Sequence[bytes] = (b"x",)
    usage = None


def findings(pairs: Sequence[tuple[str, str]]) -> Iterator[Any]:
    for named, row in pairs:
        stage = Stage(client.client(named), "gpt-image-1.5", "any")
        try:
            run = Run(stage, Limits(2, findings=1))
            run.prepare()
            yield from run.examine(PROPERTIES[row])
        finally:
            stage.close()


@pytest.mark.slow
@pytest.mark.usefixtures("unmeasured")
def test_reports(tmp_path: Path) -> None:
    """Findings of all kinds can be told of in all ways."""
    named = "tests.fuzz.clients.broken:edit_"
    found = list(
        findings(
            [
                (f"{named}MaskOfNoType", "request-mask"),
                (f"{named}InventsPartials", "faults-true"),
                (f"{named}TakesBadPictures", "faults-true"),
                (f"{named}RetriesEmptyAccounts", "faults-retry"),
                ("tests.fuzz.clients.documents:empty", "request-images"),
                ("tests.fuzz.clients.documents:empty", "request-parameters"),
                (f"{named}InventsEvents", "response-plain"),
                (f"{named}IgnoresErrorEvents", "faults-error-event"),
            ]
        )
    )
    rows = list(PROPERTIES.values())
    told = report.Told(
        "a <client>", "m", "any", 0, rows, {}, found, [None] * len(found), frozenset([found[0].identity])
    )
    page = report.page(told)
    for words in ("a &lt;client&gt;", "mask: mask.png", "told: image_edit.partial_image", "no base64", "(known)"):
        assert words in page
    assert "(3 times the same)" in page
    assert "1 known findings" in page
    suite = ElementTree.parse(io.BytesIO(report.as_junit(told))).getroot()
    assert int(suite.attrib["failures"]) == len({one.row.id for one in told.new})
    assert len(json.loads(report.as_json(told))["findings"]) == len(found)
    large = report._figure("image/png", bytes(300_000), "large")
    assert "(300000 bytes)" in large


def test_first_call() -> None:
    """No property is held to it: what is slow once, as a server's first answer is, is no finding."""
    stage = Stage(client.client("tests.fuzz.clients.odd:begins_badly"), "gpt-image-1.5", "any")
    try:
        run = Run(stage, Limits(1))
        run.prepare()
        assert run.sweep(PROPERTIES["response-plain"]) == []
    finally:
        stage.close()


DEAF = """
import json, os, sys, time
id = json.loads(sys.stdin.readline())["id"]
os.close(0)
print(json.dumps({"id": id, "images": [], "events": [], "usage": None, "error": None}), flush=True)
time.sleep(600)
"""


def test_client_that_listens_no_more() -> None:
    """It lives, and has closed its ears."""
    deaf = client.Client([sys.executable, "-c", DEAF])
    try:
        assert [deaf.ask({"id": name}, 60).how for name in ("one", "two")] == ["answered", "crashed"]
    finally:
        deaf.close()
