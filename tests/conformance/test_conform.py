"""conform(): the mock passes, a server that differs fails, the budget holds, and each error is one line."""

import contextlib
import errno
import json
import os
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
from mockserver.harness.conformance.cases import build_call, load
from mockserver.harness.conformance.in_process import estimate
from mockserver.harness.conformance.outcome import Outcome, draft_rows, redact, response_date, to_yaml
from mockserver.harness.conformance.reports import build_writer
from mockserver.harness.conformance.run import conform
from mockserver.server.app import create_app
from mockserver.server.uvicorn_server import serve_in_thread
from mockserver.state.memory import MemoryState

KEY = "sk-conform-0123456789-secret"
CASES = {case.id: case for case in load()}
Change = Callable[[int, dict[bytes, bytes], bytes], tuple[int, dict[bytes, bytes], bytes]]


def use_cases(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr(module, "load", lambda: tuple(CASES[name] for name in names))


@contextlib.contextmanager
def run_mock(label: str = "any") -> Iterator[str]:
    settings = Settings(as_of(label), "exact", frozenset({KEY}), "flat")
    with serve_in_thread(MemoryState(settings, clock=lambda: 1_795_000_000.0)) as started:
        yield started.url


@contextlib.contextmanager
def run_altered(monkeypatch: pytest.MonkeyPatch, changes: dict[str, Change]) -> Iterator[str]:
    """A mock that alters its responses to some cases."""
    calls = {name: build_call(CASES[name], KEY) for name in changes}
    known = {(call.path, call.body): changes[name] for name, call in calls.items()}
    monkeypatch.setattr(
        "mockserver.server.uvicorn_server.create_app", lambda server: AlteringApp(create_app(server), known)
    )
    with run_mock() as url:
        yield url


class AlteringApp:
    """Wraps an application and alters its responses."""

    def __init__(self, app: ASGIApp, changes: dict[tuple[str, bytes], Change]) -> None:
        self.app = app
        self.changes = changes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        received = [await receive()]
        while received[-1].get("more_body"):
            received.append(await receive())
        change = self.changes.get((scope["path"], b"".join(message.get("body", b"") for message in received)))
        sent: list[Message] = []

        async def replay() -> Message:
            return received.pop(0)

        async def record(message: Message) -> None:
            sent.append(message)

        await self.app(scope, replay, record)
        head, body = sent[0], b"".join(message.get("body", b"") for message in sent[1:])
        status, headers, body = (change or leave_unchanged)(head["status"], dict(head["headers"]), body)
        headers[b"content-length"] = str(len(body)).encode()
        headers.pop(b"transfer-encoding", None)
        await send({"type": "http.response.start", "status": status, "headers": list(headers.items())})
        await send({"type": "http.response.body", "body": body})


def leave_unchanged(status: int, headers: dict[bytes, bytes], body: bytes) -> tuple[int, dict[bytes, bytes], bytes]:
    return status, headers, body


def change_error(**values: Any) -> Change:
    def change(status: int, headers: dict[bytes, bytes], body: bytes) -> tuple[int, dict[bytes, bytes], bytes]:
        error = {**json.loads(body)["error"], **values}
        error = {name: value for name, value in error.items() if value != "drop"}
        return status, headers, json.dumps({"error": error}).encode()

    return change


CHANGES: dict[str, tuple[Change, str]] = {
    "edit-n-zero": (lambda status, headers, body: (422, headers, body), "status"),
    "edit-n-eleven": (change_error(code="too_many"), "error.code"),
    "edit-prompt-empty": (change_error(message="No."), "error.message"),
    "edit-background": (change_error(param=None), "error.param"),
    "generation-size-bogus": (change_error(type="invalid_request_error"), "error.type"),
    "generation-n-zero": (change_error(code="drop"), "error.code"),
    "edit-model-unknown": (change_error(extra={"a": 1}), "error.extra"),
    "no-key": (lambda status, headers, body: (status, headers | {b"www-authenticate": b"x"}, body), "headers"),
    "edit-quality-standard": (lambda status, headers, body: (status, headers, b""), "error"),
    "served-generation-2": (
        lambda status, headers, body: (status, headers, body.replace(b'"1024x1024"', b'"512x512"')),
        "response.size",
    ),
}


def test_the_mock_passes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_cases(monkeypatch, *CASES)
    with run_mock() as url:
        status, lines = conform(url, KEY, "any", 100.0, str(tmp_path / "report.json"))
    report = json.loads((tmp_path / "report.json").read_text())
    assert [case for case in report["cases"] if case["verdict"] in ("differs", "guess")] == []
    assert status == 0
    reasons = {case.get("reason") for case in report["cases"] if case["verdict"] == "skipped"}
    assert reasons == {
        "only a scenario can request their error",
        "their price is unknown",
        "they belong to another provider",
    }
    assert report["summary"]["as expected"] > 200
    assert KEY not in "".join(lines)


def test_errors_only_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    use_cases(monkeypatch, "edit-n-zero", "served-edit-2", "org-verify", "edit-model-missing", "served-edit-dall-e-2")
    with run_mock() as url:
        assert conform(f"{url}/v1/", KEY, "any") == (
            0,
            [
                "skipped: 1 because only a scenario can request their error",
                "skipped: 1 because their price is unknown",
                "skipped: 1 because they would exceed the budget",
                "4 cases: 1 as expected, 0 differs, 0 guess, 3 skipped; estimated cost $0.0000",
            ],
        )


def test_ten_differences(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_cases(monkeypatch, *CHANGES, "edit-n-text")
    with run_altered(monkeypatch, {name: change for name, (change, _) in CHANGES.items()}) as url:
        status, lines = conform(url, KEY, "any", 1.0, str(tmp_path / "report.json"))
    assert status == 1
    cases = json.loads((tmp_path / "report.json").read_text())["cases"]
    found = {case["id"]: case for case in cases if case["verdict"] == "differs"}
    assert len(found) == len(CHANGES) == 10
    for name, (_, path) in CHANGES.items():
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


def change_to_success(status: int, headers: dict[bytes, bytes], body: bytes) -> tuple[int, dict[bytes, bytes], bytes]:
    return 200, headers, b'{"created": 1, "data": []}'


def test_stops_at_an_unexpected_success(monkeypatch: pytest.MonkeyPatch) -> None:
    use_cases(monkeypatch, "edit-dall-e-2-heavy", "edit-size-ratio", "edit-n-eleven", "served-edit-2")
    with run_altered(monkeypatch, {"edit-size-ratio": change_to_success}) as url:
        status, lines = conform(url, KEY, "any", 1.0)
    assert status == 1
    assert lines[0].startswith("differs: edit-size-ratio: ")
    assert lines[3:6] == [
        "    - id: size2-ratio",
        "      until: 2026-11-18",
        f"      source: conform {url} 2026-11-18",
    ]
    assert [line for line in lines if line.startswith(("stopped", "skipped"))] == [
        "stopped: edit-size-ratio: expected an error, got a success, which may have been billed; no further case "
        "was sent",
        "skipped: 2 because the run was stopped at edit-size-ratio",
    ]
    assert lines[-1] == "4 cases: 1 as expected, 1 differs, 0 guess, 2 skipped; estimated cost $0.0000"


def test_wrong_guess_is_not_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_cases(monkeypatch, "edit-size-ratio")
    with run_altered(monkeypatch, {"edit-size-ratio": change_error(message="Too wide\x00.")}) as url:
        status, lines = conform(url, KEY, "any", report_path=str(tmp_path / "r.xml"))
    assert status == 0
    assert lines[0].startswith("guess: edit-size-ratio: ")
    suite = ElementTree.fromstring((tmp_path / "r.xml").read_bytes())
    skipped = suite.find("testcase/skipped")
    assert skipped is not None
    assert skipped.attrib["message"].startswith("our guess differs: error.message: ")
    assert suite.attrib["skipped"] == "1"


def test_junit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_cases(monkeypatch, "edit-n-zero", "edit-n-eleven", "org-verify")
    with run_altered(monkeypatch, {"edit-n-zero": CHANGES["edit-n-zero"][0]}) as url:
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
    prices = sorted(price for case in cases if case.is_served and (price := estimate(case, day)) is not None)
    assert prices[0] > 0
    for budget in (0.0, prices[0], sum(prices[:3]) + 0.000001, 1_000.0):
        selected, skipped = module.select(cases, day, budget)
        costs = [cost for case, cost in selected if case.is_served]
        assert costs == sorted(costs)
        assert sum(costs) <= budget
        assert len(selected) + len(skipped) == len(cases)
        assert not [case for case, cost in selected if case.is_served and not cost]
    assert len(costs) == len(prices)


def test_key_is_redacted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_cases(monkeypatch, "edit-n-zero", "edit-n-eleven")
    echo = change_error(message=f"Incorrect API key provided: {KEY}.", extra=[{KEY: [KEY, 1]}], **{KEY: 1})
    with run_altered(monkeypatch, {"edit-n-zero": echo}) as url:
        status, lines = conform(url, KEY, "any", report_path=str(tmp_path / "r.json"))
    assert status == 1
    text = "\n".join(lines) + (tmp_path / "r.json").read_text()
    assert KEY not in text
    assert "Incorrect API key provided: [key]." in text


@pytest.mark.parametrize("key", ["x", "Expected"])
def test_short_key_is_not_redacted_in_messages(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    use_cases(monkeypatch, "edit-n-eleven")
    body = b'{"error": {"message": "maximum", "code": "x", "type": "invalid_request_error", "param": "n"}}'
    with respond_once(b"HTTP/1.1 400 Bad Request\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)) as url:
        text = "\n".join(conform(url, key, "any")[1])
    assert "integer above maximum value. Expected a value" in text
    assert "got 'maximum'" in text
    assert "[key]" not in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"url": "localhost:1"}, "invalid URL: expected http:// or https:// and a host"),
        ({"url": "ftp://host"}, "invalid URL: expected http:// or https:// and a host"),
        ({"url": "http://"}, "invalid URL: expected http:// or https:// and a host"),
        ({"url": "http://host:99999"}, "invalid URL: Port out of range 0-65535"),
        ({"url": "http://[::1"}, "invalid URL: Invalid IPv6 URL"),
        (
            {"url": "http://me:pass@host"},
            "invalid URL: expected no query, fragment or user; pass the key with --key-env",
        ),
        ({"url": "http://host/?a"}, "invalid URL: expected no query, fragment or user; pass the key with --key-env"),
        ({"url": "http://host/a b"}, "invalid URL: expected printable ASCII characters without spaces"),
        ({"as_of_label": "soon"}, "as-of: expected 'any', 'latest' or a date such as 2026-04-21, got 'soon'"),
        ({"budget_usd": -1.0}, "invalid budget -1: expected a number of US dollars, 0 or more"),
        ({"budget_usd": float("nan")}, "invalid budget nan: expected a number of US dollars, 0 or more"),
        ({"key": "a\nb"}, "the key has characters that no HTTP header can carry; expected an API key"),
        ({"key": ""}, "the key is empty; expected an API key"),
        ({"report_path": "r.txt"}, "unknown report format '.txt': expected a name that ends in .json or .xml"),
        ({"report_path": "r"}, "unknown report format 'r': expected a name that ends in .json or .xml"),
    ],
    ids=lambda value: " ".join(map(repr, value.values())) if isinstance(value, dict) else "",
)
def test_bad_input(arguments: dict[str, Any], message: str) -> None:
    assert conform(**{"url": "http://127.0.0.1:9", "key": KEY, **arguments}) == (2, [message])


def test_unreachable(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        status, lines = conform(f"http://127.0.0.1:{port}", KEY, report_path=str(tmp_path / "r.json"))
    assert status == 2
    assert lines[-1] == f"cannot connect to http://127.0.0.1:{port}: {os.strerror(errno.ECONNREFUSED)}"
    assert {case["verdict"] for case in json.loads((tmp_path / "r.json").read_text())["cases"]} == {"skipped"}


def test_invalid_host() -> None:
    status, lines = conform("http://a..b", KEY)
    assert status == 2
    assert lines[-1].startswith("cannot connect to http://a..b: ")


def test_unwritable_report(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_cases(monkeypatch, "edit-n-zero")
    with run_mock() as url:
        status, lines = conform(url, KEY, "any", report_path=str(tmp_path / "no" / "r.json"))
    assert status == 2
    assert lines[-1] == f"cannot write {tmp_path}/no/r.json: No such file or directory"


@contextlib.contextmanager
def respond_once(reply: bytes | None, read: int = 65_536) -> Iterator[str]:
    """A server that reads once, sends the reply and closes; with None it stays silent until the client disconnects."""

    def serve() -> None:
        with contextlib.suppress(OSError):
            connection, _ = listener.accept()
            listener.close()
            with connection:
                connection.recv(read)
                if reply is not None:
                    connection.sendall(reply)
                    connection.shutdown(socket.SHUT_WR)
                # Closing with unread data would reset the connection before the client reads the reply.
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
    ids=["banner", "cut"],
)
def test_not_http(monkeypatch: pytest.MonkeyPatch, reply: bytes, name: str) -> None:
    use_cases(monkeypatch, "edit-n-zero")
    with respond_once(reply) as url:
        assert conform(url, KEY)[1][-1] == f"{url} sent an invalid HTTP response: {name}"


def test_outcomes_before_an_error_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    use_cases(monkeypatch, "edit-n-zero", "edit-n-eleven")
    reply = b"HTTP/1.1 418 Teapot\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}"
    with respond_once(reply) as url:
        status, lines = conform(url, KEY)
    assert status == 2
    assert lines[1] == "  status: expected 400, got 418"
    assert lines[-2].startswith("1 cases: 0 as expected, 1 differs")
    assert url in lines[-1]


def test_rejected_key(tmp_path: Path) -> None:
    with run_mock() as url:
        result = conform(url, "sk-another", "any", report_path=str(tmp_path / "r.json"), as_json=True)
    assert result == (2, [f"{url} rejects the key"])
    assert not (tmp_path / "r.json").exists()


class OtherServer(BaseHTTPRequestHandler):
    """A server that does not serve this API."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_error(501)

    do_GET = do_PUT = do_POST

    def log_message(self, *_: Any) -> None:
        """Logs nothing."""


def test_server_of_another_api() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), OtherServer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        assert conform(url, KEY) == (
            2,
            [f"{url} does not serve this API: no response was as expected or had an error object"],
        )
        server.shutdown()
        thread.join()


def test_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    use_cases(monkeypatch, "edit-n-zero")
    with respond_once(b"HTTP/1.1 400 Bad Request\r\n\r\n") as url:
        url = url.replace("http:", "https:")
        status, lines = conform(url, KEY)
    assert status == 2
    assert lines[-1].startswith(f"TLS handshake with {url} failed: ")


def test_tls_without_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    use_cases(monkeypatch, "edit-n-zero")

    def fail(*_: Any) -> None:
        raise ssl.SSLError(1, "odd")

    monkeypatch.setattr("mockserver.harness.conformance.caller._exchange", fail)
    assert "odd" in conform("https://[::1]:9/prefix/v1", KEY)[1][-1]


def test_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    use_cases(monkeypatch, "edit-n-zero")
    monkeypatch.setattr(module, "TIMEOUT", 0.05)
    with respond_once(None) as url:
        assert conform(url, KEY)[1][-1] == f"{url} did not respond within 0.05 seconds"


def test_response_before_the_body_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    use_cases(monkeypatch, "edit-n-zero")
    body = b'{"error": "no"}'
    reply = b"HTTP/1.1 400 Bad Request\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
    monkeypatch.setattr("http.client.HTTPConnection._send_output", send_rejected_body)
    with respond_once(reply) as url:
        status, lines = conform(url, KEY)
    assert status == 1
    assert "      wire: string" in lines


def send_rejected_body(self: Any, *_: Any, **__: Any) -> None:
    self.sock.sendall(b"POST / HTTP/1.1\r\n\r\n")
    raise BrokenPipeError


def test_deeply_nested_response() -> None:
    deep: Any = "k"
    for _ in range(900):
        deep = [deep]
    assert "(nested too deeply)" in json.dumps(redact({"k": deep}, "secret-k"))


def test_date_of_a_response() -> None:
    assert response_date((("date", "Sat, 21 Nov 2026 23:59:59 GMT"),)) == date(2026, 11, 21)
    today = datetime.now(UTC).date()
    assert (response_date((("date", "soon"),)) - today).days in (0, 1)
    assert (response_date(()) - today).days in (0, 1)


def test_drafts() -> None:
    case = CASES["stream-error"]
    event = b'event: error\ndata: {"error": {"message": "m", "type": "t", "param": null, "code": "c"}}\n\n'
    rows = draft_rows(case, "http://x", 200, (("date", "Sat, 21 Nov 2026 00:00:00 GMT"),), event)
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
    rows = draft_rows(case, "http://x", 502, (), b"<html>")
    assert (rows[0]["status"], rows[0]["note"]) == (502, "the response holds no error object")
    assert to_yaml(draft_rows(replace(case, covers=()), "http://x", 200, (), b"")) == ""


def test_writer(tmp_path: Path) -> None:
    build_writer(str(tmp_path / "a.json"))("http://x", "any", [Outcome(CASES["edit-n-zero"], "as expected", cost=0.5)])
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
