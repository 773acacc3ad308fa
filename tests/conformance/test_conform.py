"""conform(): the mock passes whole, a bent one is found out, money is kept together, and trouble is one line."""

import contextlib
import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mockserver.contract.asof import as_of
from mockserver.engine.values import Settings
from mockserver.harness.conformance import run as module
from mockserver.harness.conformance.cases import build, load
from mockserver.harness.conformance.in_process import estimate
from mockserver.harness.conformance.outcome import Outcome, answered, blackened, draft, written
from mockserver.harness.conformance.reports import writer
from mockserver.harness.conformance.run import conform
from mockserver.server.app import create_app
from mockserver.server.uvicorn_server import running
from mockserver.state.sessions import Server

KEY = "sk-conform-0123456789-secret"
CASES = {case.id: case for case in load()}
Bend = Callable[[int, dict[bytes, bytes], bytes], tuple[int, dict[bytes, bytes], bytes]]


def chosen(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr(module, "load", lambda: tuple(CASES[name] for name in names))


@contextlib.contextmanager
def mock(label: str = "any") -> Iterator[str]:
    settings = Settings(as_of(label), "exact", frozenset({KEY}), "flat")
    with running(Server(settings, clock=lambda: 1_795_000_000.0)) as started:
        yield started.url


@contextlib.contextmanager
def bent(monkeypatch: pytest.MonkeyPatch, bends: dict[str, Bend]) -> Iterator[str]:
    """A mock that alters its answers to some cases."""
    calls = {name: build(CASES[name], KEY) for name in bends}
    known = {(call.path, call.body): bends[name] for name, call in calls.items()}
    monkeypatch.setattr("mockserver.server.uvicorn_server.create_app", lambda server: Bent(create_app(server), known))
    with mock() as url:
        yield url


class Bent:
    """An application around another that buffers what comes and alters what goes."""

    def __init__(self, app: ASGIApp, bends: dict[tuple[str, bytes], Bend]) -> None:
        self.app = app
        self.bends = bends

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        came = [await receive()]
        while came[-1].get("more_body"):
            came.append(await receive())
        bend = self.bends.get((scope["path"], b"".join(message.get("body", b"") for message in came)))
        sent: list[Message] = []

        async def replay() -> Message:
            return came.pop(0)

        async def keep(message: Message) -> None:
            sent.append(message)

        await self.app(scope, replay, keep)
        head, body = sent[0], b"".join(message.get("body", b"") for message in sent[1:])
        status, headers, body = (bend or unbent)(head["status"], dict(head["headers"]), body)
        headers[b"content-length"] = str(len(body)).encode()
        headers.pop(b"transfer-encoding", None)
        await send({"type": "http.response.start", "status": status, "headers": list(headers.items())})
        await send({"type": "http.response.body", "body": body})


def unbent(status: int, headers: dict[bytes, bytes], body: bytes) -> tuple[int, dict[bytes, bytes], bytes]:
    return status, headers, body


def with_error(**values: Any) -> Bend:
    def bend(status: int, headers: dict[bytes, bytes], body: bytes) -> tuple[int, dict[bytes, bytes], bytes]:
        error = {**json.loads(body)["error"], **values}
        error = {name: value for name, value in error.items() if value != "drop"}
        return status, headers, json.dumps({"error": error}).encode()

    return bend


BENDS: dict[str, tuple[Bend, str]] = {
    "edit-n-zero": (lambda status, headers, body: (422, headers, body), "status"),
    "edit-n-eleven": (with_error(code="too_many"), "error.code"),
    "edit-prompt-empty": (with_error(message="No."), "error.message"),
    "edit-background": (with_error(param=None), "error.param"),
    "generation-size-bogus": (with_error(type="invalid_request_error"), "error.type"),
    "generation-n-zero": (with_error(code="drop"), "error.code"),
    "edit-model-unknown": (with_error(extra={"a": 1}), "error.extra"),
    "no-key": (lambda status, headers, body: (status, headers | {b"www-authenticate": b"x"}, body), "headers"),
    "edit-quality-standard": (lambda status, headers, body: (status, headers, b""), "error"),
    "served-generation-2": (
        lambda status, headers, body: (status, headers, body.replace(b'"1024x1024"', b'"512x512"')),
        "response.size",
    ),
}


def test_the_mock_passes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    chosen(monkeypatch, *CASES)
    with mock() as url:
        status, lines = conform(url, KEY, "any", 100.0, str(tmp_path / "report.json"))
    report = json.loads((tmp_path / "report.json").read_text())
    assert [case for case in report["cases"] if case["verdict"] in ("differs", "guess")] == []
    assert status == 0
    reasons = {case.get("reason") for case in report["cases"] if case["verdict"] == "skipped"}
    assert reasons == {
        "only a scenario can order their error",
        "their price is not known",
        "they are another provider's",
    }
    assert report["summary"]["as expected"] > 200
    assert KEY not in "".join(lines)


def test_refusals_alone_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen(monkeypatch, "edit-n-zero", "served-edit-2", "org-verify", "edit-model-missing", "served-edit-dall-e-2")
    with mock() as url:
        assert conform(f"{url}/v1/", KEY, "any") == (
            0,
            [
                "skipped: 1 because only a scenario can order their error",
                "skipped: 1 because their price is not known",
                "skipped: 1 because they would go beyond the budget",
                "4 cases: 1 as expected, 0 differs, 0 guess, 3 skipped; estimated cost $0.0000",
            ],
        )


def test_ten_bends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    chosen(monkeypatch, *BENDS, "edit-n-text")
    with bent(monkeypatch, {name: bend for name, (bend, _) in BENDS.items()}) as url:
        status, lines = conform(url, KEY, "any", 1.0, str(tmp_path / "report.json"))
    assert status == 1
    cases = json.loads((tmp_path / "report.json").read_text())["cases"]
    found = {case["id"]: case for case in cases if case["verdict"] == "differs"}
    assert len(found) == len(BENDS) == 10
    for name, (_, path) in BENDS.items():
        assert found[name]["differences"][0]["path"].startswith(path)
        assert len(found[name]["differences"]) == 1
    assert "differs: edit-n-zero: n is at least 1." in lines
    assert "  status: expected 400, got 422" in lines
    rows = yaml.safe_load(found["edit-n-eleven"]["draft"])
    assert rows == [
        {
            "id": "above-maximum-2026-11-18",
            "family": "above-maximum",
            "at": "shape",
            "status": 400,
            "type": "invalid_request_error",
            "param": "n",
            "code": "too_many",
            "message": "Invalid 'n': integer above maximum value. Expected a value <= 10, but got 11 instead.",
            "since": date(2026, 11, 18),
            "source": f"conform {url} 2026-11-18",
        }
    ]
    assert yaml.safe_load(found["generation-n-zero"]["draft"])[0]["absent"] == ["code"]
    assert yaml.safe_load(found["edit-model-unknown"]["draft"])[0]["extra"] == {"extra": {"a": 1}}
    assert yaml.safe_load(found["edit-quality-standard"]["draft"])[0]["wire"] == "empty"
    assert "draft" not in found["served-generation-2"]


def serve(status: int, headers: dict[bytes, bytes], body: bytes) -> tuple[int, dict[bytes, bytes], bytes]:
    return 200, headers, b'{"created": 1, "data": []}'


def test_stops_at_the_first_success(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen(monkeypatch, "edit-dall-e-2-heavy", "edit-size-ratio", "edit-n-eleven", "served-edit-2")
    with bent(monkeypatch, {"edit-size-ratio": serve}) as url:
        status, lines = conform(url, KEY, "any", 1.0)
    assert status == 1
    assert lines[0].startswith("differs: edit-size-ratio: ")
    assert lines[3:6] == [
        "    - id: size2-ratio",
        "      until: 2026-11-18",
        f"      source: conform {url} 2026-11-18",
    ]
    assert [line for line in lines if line.startswith(("stopped", "skipped"))] == [
        "stopped: edit-size-ratio: a refusal was expected and a success came, which may have cost money; no further "
        "case was run",
        "skipped: 2 because the run was stopped at edit-size-ratio",
    ]
    assert lines[-1] == "4 cases: 1 as expected, 1 differs, 0 guess, 2 skipped; estimated cost $0.0000"


def test_a_wrong_guess_is_no_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    chosen(monkeypatch, "edit-size-ratio")
    with bent(monkeypatch, {"edit-size-ratio": with_error(message="Too wide\x00.")}) as url:
        status, lines = conform(url, KEY, "any", report_path=str(tmp_path / "r.xml"))
    assert status == 0
    assert lines[0].startswith("guess: edit-size-ratio: ")
    suite = ElementTree.fromstring((tmp_path / "r.xml").read_bytes())
    skipped = suite.find("testcase/skipped")
    assert skipped is not None
    assert skipped.attrib["message"].startswith("our guess differs: error.message: ")
    assert suite.attrib["skipped"] == "1"


def test_junit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    chosen(monkeypatch, "edit-n-zero", "edit-n-eleven", "org-verify")
    with bent(monkeypatch, {"edit-n-zero": BENDS["edit-n-zero"][0]}) as url:
        assert conform(url, KEY, "any", report_path=str(tmp_path / "report.XML"))[0] == 1
    suite = ElementTree.fromstring((tmp_path / "report.XML").read_bytes())
    assert suite.tag == "testsuite"
    assert {name: suite.attrib[name] for name in ("tests", "failures", "skipped", "errors")} == {
        "tests": "3",
        "failures": "1",
        "skipped": "1",
        "errors": "0",
    }
    assert suite.attrib["name"] == f"mockserver conform {url} as of any"
    cases = {case.attrib["name"]: [child.tag for child in case] for case in suite}
    assert cases == {"edit-n-zero": ["failure"], "edit-n-eleven": [], "org-verify": ["skipped"]}
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert failure.attrib["message"] == "status: expected 400, got 422"
    assert "id: below-minimum-2026-11-18" in (failure.text or "")


def test_budget() -> None:
    day = as_of("latest")
    cases = [case for case in load() if case.holds(day) and not case.orders]
    prices = sorted(price for case in cases if case.served and (price := estimate(case, day)) is not None)
    assert prices[0] > 0
    for budget in (0.0, prices[0], sum(prices[:3]) + 0.000001, 1_000.0):
        run, left = module.selected(cases, day, budget)
        costs = [cost for case, cost in run if case.served]
        assert costs == sorted(costs)
        assert sum(costs) <= budget
        assert len(run) + len(left) == len(cases)
        assert not [case for case, cost in run if case.served and not cost]
    assert len(costs) == len(prices)


def test_the_key_is_never_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    chosen(monkeypatch, "edit-n-zero", "edit-n-eleven")
    echo = with_error(message=f"Incorrect API key provided: {KEY}.", extra=[{KEY: [KEY, 1]}], **{KEY: 1})
    with bent(monkeypatch, {"edit-n-zero": echo}) as url:
        status, lines = conform(url, KEY, "any", report_path=str(tmp_path / "r.json"))
    assert status == 1
    text = "\n".join(lines) + (tmp_path / "r.json").read_text()
    assert KEY not in text
    assert "Incorrect API key provided: [key]." in text


@pytest.mark.parametrize("key", ["x", "Expected"])
def test_a_key_leaves_our_own_words_alone(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    chosen(monkeypatch, "edit-n-eleven")
    body = b'{"error": {"message": "maximum", "code": "x", "type": "invalid_request_error", "param": "n"}}'
    with speaking(b"HTTP/1.1 400 Bad Request\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)) as url:
        text = "\n".join(conform(url, key, "any")[1])
    assert "integer above maximum value. Expected a value" in text
    assert "got 'maximum'" in text
    assert "[key]" not in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"url": "localhost:1"}, "the URL begins with http:// or https:// and names a host"),
        ({"url": "ftp://host"}, "the URL begins with http:// or https:// and names a host"),
        ({"url": "http://"}, "the URL begins with http:// or https:// and names a host"),
        ({"url": "http://host:99999"}, "this is no URL: Port out of range 0-65535"),
        ({"url": "http://[::1"}, "this is no URL: Invalid IPv6 URL"),
        ({"url": "http://me:pass@host"}, "the URL has no query, no fragment and no user; the key is given apart"),
        ({"url": "http://host/?a"}, "the URL has no query, no fragment and no user; the key is given apart"),
        ({"url": "http://host/a b"}, "the URL has a character that belongs in none"),
        ({"as_of_label": "soon"}, "as-of is 'any', 'latest' or a date such as 2026-04-21, not 'soon'"),
        ({"budget_usd": -1.0}, "the budget is a number of dollars, 0 or more"),
        ({"budget_usd": float("nan")}, "the budget is a number of dollars, 0 or more"),
        ({"key": "a\nb"}, "the key is empty, or has characters that no header can carry"),
        ({"key": ""}, "the key is empty, or has characters that no header can carry"),
        ({"report_path": "r.txt"}, "a report's name ends in .json or .xml, not in .txt"),
        ({"report_path": "r"}, "a report's name ends in .json or .xml, not in nothing"),
    ],
)
def test_bad_input(arguments: dict[str, Any], message: str) -> None:
    assert conform(**{"url": "http://127.0.0.1:9", "key": KEY, **arguments}) == (2, [message])


def test_unreachable(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        status, lines = conform(f"http://127.0.0.1:{port}", KEY, report_path=str(tmp_path / "r.json"))
    assert status == 2
    assert lines[-1:] == [
        f"http://127.0.0.1:{port} cannot be reached: Connection refused",
    ]
    assert {case["verdict"] for case in json.loads((tmp_path / "r.json").read_text())["cases"]} == {"skipped"}


def test_a_name_that_is_none() -> None:
    status, lines = conform("http://a..b", KEY)
    assert status == 2
    assert lines[-1].startswith("http://a..b cannot be reached: ")


def test_report_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    chosen(monkeypatch, "edit-n-zero")
    with mock() as url:
        status, lines = conform(url, KEY, "any", report_path=str(tmp_path / "no" / "r.json"))
    assert status == 2
    assert lines[-1] == f"cannot write {tmp_path}/no/r.json: No such file or directory"


@contextlib.contextmanager
def speaking(reply: bytes | None, read: int = 65_536) -> Iterator[str]:
    """A server that reads a little, says something and hangs up; with None it says nothing until the client left."""

    def serve() -> None:
        with contextlib.suppress(OSError):
            connection, _ = listener.accept()
            listener.close()
            with connection:
                connection.recv(read)
                if reply is not None:
                    connection.sendall(reply)
                    connection.shutdown(socket.SHUT_WR)
                # Hanging up on what was not read would reset the connection before the answer is read.
                list(iter(lambda: connection.recv(read), b""))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=serve)
        thread.start()
        yield url
        thread.join()


@pytest.mark.parametrize(
    ("reply", "name"),
    [
        (b"SSH-2.0-OpenSSH\r\n", "BadStatusLine"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nx", "IncompleteRead"),
    ],
)
def test_not_http(monkeypatch: pytest.MonkeyPatch, reply: bytes, name: str) -> None:
    chosen(monkeypatch, "edit-n-zero")
    with speaking(reply) as url:
        assert conform(url, KEY)[1][-1] == f"{url} does not speak HTTP as it should: {name}"


def test_what_was_learnt_before_the_trouble_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen(monkeypatch, "edit-n-zero", "edit-n-eleven")
    answer = b"HTTP/1.1 418 Teapot\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}"
    with speaking(answer) as url:
        status, lines = conform(url, KEY)
    assert status == 2
    assert lines[1] == "  status: expected 400, got 418"
    assert lines[-2].startswith("1 cases: 0 as expected, 1 differs")
    assert lines[-1].startswith(f"{url} ")


def test_a_key_that_is_refused(tmp_path: Path) -> None:
    with mock() as url:
        refused = conform(url, "sk-another", "any", report_path=str(tmp_path / "r.json"), as_json=True)
    assert refused == (2, [f"{url} does not take the key"])
    assert not (tmp_path / "r.json").exists()


class Elsewhere(BaseHTTPRequestHandler):
    """A server of something else."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_error(501)

    do_GET = do_PUT = do_POST

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


def test_a_server_of_something_else() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        assert conform(url, KEY) == (2, [f"{url} is no such API: no answer was as expected, or had an error object"])
        server.shutdown()
        thread.join()


def test_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen(monkeypatch, "edit-n-zero")
    with speaking(b"HTTP/1.1 400 Bad Request\r\n\r\n") as url:
        url = url.replace("http:", "https:")
        status, lines = conform(url, KEY)
    assert status == 2
    assert lines[-1].startswith(f"TLS with {url} failed: ")


def test_tls_without_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen(monkeypatch, "edit-n-zero")

    def fail(*_: Any) -> None:
        raise ssl.SSLError(1, "odd")

    monkeypatch.setattr("mockserver.harness.conformance.caller._exchange", fail)
    assert "odd" in conform("https://[::1]:9/prefix/v1", KEY)[1][-1]


def test_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen(monkeypatch, "edit-n-zero")
    monkeypatch.setattr(module, "SECONDS", 0.05)
    with speaking(None) as url:
        assert conform(url, KEY)[1][-1] == f"{url} did not answer within 0.05 seconds"


def test_an_answer_before_the_body_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen(monkeypatch, "edit-n-zero")
    body = b'{"error": "no"}'
    reply = b"HTTP/1.1 400 Bad Request\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
    monkeypatch.setattr("http.client.HTTPConnection._send_output", sent_too_much)
    with speaking(reply) as url:
        status, lines = conform(url, KEY)
    assert status == 1
    assert "      wire: string" in lines


def sent_too_much(self: Any, *_: Any, **__: Any) -> None:
    self.sock.sendall(b"POST / HTTP/1.1\r\n\r\n")
    raise BrokenPipeError


def test_an_answer_of_a_thousand_floors() -> None:
    deep: Any = "k"
    for _ in range(900):
        deep = [deep]
    assert "(nested too deeply)" in json.dumps(blackened({"k": deep}, "secret-k"))


def test_day_of_an_answer() -> None:
    assert answered((("date", "Sat, 21 Nov 2026 23:59:59 GMT"),)) == date(2026, 11, 21)
    today = datetime.now(UTC).date()
    assert (answered((("date", "soon"),)) - today).days in (0, 1)
    assert (answered(()) - today).days in (0, 1)


def test_drafts() -> None:
    case = CASES["stream-error"]
    event = b'event: error\ndata: {"error": {"message": "m", "type": "t", "param": null, "code": "c"}}\n\n'
    rows = draft(case, "http://x", 200, (("date", "Sat, 21 Nov 2026 00:00:00 GMT"),), event)
    assert rows[0] == {
        "id": "sse-error-2026-11-21",
        "family": "stream-error",
        "at": "stream",
        "status": 200,
        "type": "t",
        "param": None,
        "code": "c",
        "message": "m",
        "since": date(2026, 11, 21),
        "source": "conform http://x 2026-11-21",
    }
    rows = draft(case, "http://x", 502, (), b"<html>")
    assert (rows[0]["status"], rows[0]["note"]) == (502, "the answer holds no error object")
    assert written(draft(replace(case, covers=()), "http://x", 200, (), b"")) == ""


def test_writer(tmp_path: Path) -> None:
    writer(str(tmp_path / "a.json"))("http://x", "any", [Outcome(CASES["edit-n-zero"], "as expected", cost=0.5)])
    report = json.loads((tmp_path / "a.json").read_text())
    assert report["cases"] == [
        {
            "id": "edit-n-zero",
            "about": "n is at least 1.",
            "covers": ["below-minimum"],
            "verdict": "as expected",
            "cost": 0.5,
        }
    ]
    assert re.fullmatch(r"\{.*\}\n", (tmp_path / "a.json").read_text(), re.DOTALL)
