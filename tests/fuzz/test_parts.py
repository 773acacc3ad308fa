"""Parts of the fuzzer by themselves, and reports of all kinds of findings."""

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
from mockserver.harness.fuzz import executor as executor_module
from mockserver.harness.fuzz.case import Case
from mockserver.harness.fuzz.client import CannotStart, Reply
from mockserver.harness.fuzz.client_profile import PLAIN
from mockserver.harness.fuzz.clients import openai_sync, template
from mockserver.harness.fuzz.engine import Limits, Run
from mockserver.harness.fuzz.executor import Exchange, Executor, Observation
from mockserver.harness.fuzz.properties import PROPERTIES
from mockserver.harness.fuzz.response_checks import check_result, is_equal

REQUESTED = Request("POST", "/v1/images/edits", ())


@pytest.fixture
def contracted() -> None:
    """Turned off: these responses are broken on purpose."""


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
def test_is_equal(one: Any, other: Any, same: bool) -> None:
    assert is_equal(one, other) == same


def test_read_sent() -> None:
    """Compressed, in chunks that are cut off, and without a complete head."""
    body = b'{"data": [{"b64_json": "eA=="}], "usage": {"total_tokens": 1}}'
    packed = content.read_sent((Head(200, (("content-encoding", "gzip"),)), Chunk(gzip.compress(body)), End()))
    assert (packed.images, packed.usage, packed.is_complete) == (["eA=="], {"total_tokens": 1}, True)
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    halved = content.read_sent((Raw(head + b"4\r\nnull\r\nzz\r\n"), Cut("close")))
    assert (halved.status, halved.document, halved.is_complete) == (200, None, False)
    assert content.read_sent((Raw(b"HTTP/1.1 2"), Cut("reset"))).status is None
    stream = b'data: {"type": "x.completed"}\r\rdata: {"type"\n\ndata: {"error": {"code": "c"}}'
    events = content.read_sent((Head(200, (("content-type", "text/event-stream"),)), Chunk(stream), End()))
    assert (len(events.events), events.error, events.usage) == (2, {"code": "c"}, None)


def test_values() -> None:
    assert list(edge_cases.generate_values({"type": "boolean"})) == [True, False]
    assert list(edge_cases.generate_values({"type": "integer", "minimum": 3})) == [3, 4, 130]
    assert list(edge_cases.generate_values({"type": "object"})) == []


def test_tables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without Linux's tables nothing is found."""
    monkeypatch.setattr(sockets, "TABLES", (tmp_path / "none",))
    assert sockets.find_unread(80) == frozenset()


def test_unread_bytes() -> None:
    """They count only if the response is well framed."""
    whole, cut = (
        Exchange({"turn": {"faults": faults}}, REQUESTED, (), (End(),)) for faults in ([], ["content_length"])
    )
    assert [
        one.label for one in fault_checks.check_connections(PLAIN, Observation(Reply("answered"), (whole,), unread=1))
    ] == ["half read"]
    assert list(fault_checks.check_connections(PLAIN, Observation(Reply("answered"), (whole, cut), unread=1))) == []


@pytest.mark.parametrize(
    "name", ["nonsense", "no.such:edit", "json:nothing", "tests.fuzz.clients.faulty:edit", "sys:path"]
)
def test_callable_not_found(name: str) -> None:
    """The worker's only line is the error."""
    with pytest.raises(ValueError, match=name.partition(":")[0]):
        worker.load_callable(name)
    call = [sys.executable, "-m", "mockserver.harness.fuzz.worker", name]
    done = subprocess.run(call, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert list(json.loads(done.stdout)) == ["cannot"]


def test_slow_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that does not report that it is ready is killed."""
    monkeypatch.setattr(client, "START_TIMEOUT", 0.01)
    with pytest.raises(CannotStart, match="the worker did not start"):
        client.Client(["sleep", "60"], is_worker=True).send({"id": "1"}, 1)


def test_checks_without_a_result() -> None:
    seen = Observation(Reply("late"))
    for check in (
        fault_checks.check_success,
        fault_checks.check_error_event,
        fault_checks.check_error_kind,
        fault_checks.check_retries,
        fault_checks.check_retry_after,
        fault_checks.check_repeats,
    ):
        assert list(check(PLAIN, seen)) == []
    assert client.Reply("crashed").cause == ""
    assert client.Client(["true"])._read_stderr() == ""


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
def test_error_kinds(error: Exception, kind: str) -> None:
    assert openai_sync.describe_error(error)["error"]["kind"] == kind


def test_responses_without_images() -> None:
    call: dict[str, Any] = {"stream": False, "images": ["README.md"], "mask": "README.md", "options": {"x_new": 1}}
    with pytest.raises(ValueError, match="no image"):
        openai_sync.finish_result({"images": []}, call, types.SimpleNamespace(data=None))
    with pytest.raises(openai_sync.EndedEarly):
        openai_sync.finish_result({"images": []}, {**call, "stream": True}, None)
    with contextlib.ExitStack() as files:
        arguments = openai_sync.build_arguments({**call, "model": "m", "prompt": "p"}, files)
    assert (arguments["extra_body"], arguments["mask"].name) == ({"x_new": 1}, "README.md")


def test_template(monkeypatch: pytest.MonkeyPatch) -> None:
    """The template reports a client's images, events and errors."""
    call = dict.fromkeys(("base_url", "api_key", "deadline_s", "model", "prompt", "images", "mask"))

    def respond(**arguments: Any) -> Any:
        if arguments["stream"] is None:
            raise TimeoutError("late")
        return ClientResponse([{"type": "x"}]) if arguments["stream"] else ClientResponse([])

    monkeypatch.setattr(template, "your_client", respond)
    result = template.edit({**call, "stream": True, "options": {}})
    assert (result["images"], result["events"], result["error"]) == (["eA=="], [{"type": "x"}], None)
    assert template.edit({**call, "stream": False, "options": {}})["events"] == []
    assert template.edit({**call, "stream": None, "options": {}})["error"]["kind"] == "timeout"


class ClientResponse(list[Any]):
    images: Sequence[bytes] = (b"x",)
    usage = None


def findings(pairs: Sequence[tuple[str, str]]) -> Iterator[Any]:
    for named, row in pairs:
        executor = Executor(client.build_client(named), "gpt-image-1.5", "any")
        try:
            run = Run(executor, Limits(2, findings=1))
            run.prepare()
            yield from run.examine(PROPERTIES[row])
        finally:
            executor.close()


@pytest.mark.slow
@pytest.mark.usefixtures("unmeasured")
def test_reports(tmp_path: Path) -> None:
    """Findings of all kinds appear in all reports."""
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
    summary = report.Report(
        "a <client>", "m", "any", 0, rows, {}, found, [None] * len(found), frozenset([found[0].identity])
    )
    page = report.format_html(summary)
    for words in ("a &lt;client&gt;", "mask: mask.png", "reported: image_edit.partial_image", "not base64", "(known)"):
        assert words in page
    assert "(repeated 3 times)" in page
    assert "1 known findings" in page
    suite = ElementTree.parse(io.BytesIO(report.as_junit(summary))).getroot()
    assert int(suite.attrib["failures"]) == len({one.row.id for one in summary.new})
    assert len(json.loads(report.format_json(summary))["findings"]) == len(found)
    large = report._format_figure("image/png", bytes(300_000), "large")
    assert "(300000 bytes)" in large


def test_first_call() -> None:
    """No property is checked on it, because a server's first response is slow."""
    executor = Executor(client.build_client("tests.fuzz.clients.odd:begins_badly"), "gpt-image-1.5", "any")
    try:
        run = Run(executor, Limits(1))
        run.prepare()
        assert run.sweep(PROPERTIES["response-plain"]) == []
    finally:
        executor.close()


CLOSES_STDIN = """
import json, os, sys, time
id = json.loads(sys.stdin.readline())["id"]
os.close(0)
print(json.dumps({"id": id, "images": [], "events": [], "usage": None, "error": None}), flush=True)
time.sleep(600)
"""


def test_client_that_closed_stdin() -> None:
    process = client.Client([sys.executable, "-c", CLOSES_STDIN])
    try:
        assert [process.send({"id": name}, 60).how for name in ("one", "two")] == ["answered", "crashed"]
    finally:
        process.close()


def test_client_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is killed after its deadline and restarted for the next call."""
    monkeypatch.setattr(executor_module, "GRACE", 0)
    executor = Executor(client.build_client("tests.fuzz.clients.odd:sleeps"), "gpt-image-1.5", "any")
    try:
        hanging = executor.observe(Case(options={"n": 2}, deadline=0.05))
        following = executor.observe(Case(deadline=60))
    finally:
        executor.close()
    assert [failure.got for failure in check_result(PLAIN, hanging)] == ["no result before the deadline"]
    assert following.is_success
