"""`mockserver fuzz`: options, reports, exit statuses, and findings that can be replayed."""

import errno
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

import mockserver
from mockserver.cli import main
from mockserver.harness.fuzz import edge_cases
from mockserver.harness.fuzz.worker import call_client, load_callable
from tests.cli.test_cli import serving

HOME = Path(mockserver.__file__).parents[1]
# In the words of the operating system.
MISSING = os.strerror(errno.ENOENT)
BROKEN = "tests.fuzz.clients.broken:edit_"
FEW = ("--max-examples", "2")


@pytest.fixture
def contracted() -> None:
    """Turned off: these responses are broken on purpose."""


@pytest.fixture(autouse=True)
def few_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer calls: what each of them proves of a client is tested in test_clients.py."""
    monkeypatch.setattr(edge_cases, "PROMPTS", edge_cases.PROMPTS[:2])
    monkeypatch.setattr(edge_cases, "NAMES", edge_cases.NAMES[:1])
    monkeypatch.setattr(edge_cases, "LARGEST_IMAGE", edge_cases.IMAGES[0])
    monkeypatch.setattr(edge_cases, "IMAGES", ())


def fuzz(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The exit status of the command."""
    monkeypatch.setattr(sys, "argv", ["mockserver", "fuzz", *arguments])
    monkeypatch.chdir(HOME)
    try:
        main.main()
    except SystemExit as stopped:
        return int(stopped.code or 0)
    return 0


def test_nothing_found(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    report, page = tmp_path / "report.json", tmp_path / "report.html"
    arguments = ("--only", "request", "--model", "gpt-image-1", "--as-of", "2026-04-21", *FEW, "--seed", "3")
    assert fuzz(monkeypatch, "tests.fuzz.clients.base:edit", *arguments, "--report", str(report)) == 0
    output = capsys.readouterr()
    assert output.out.startswith("0 new findings, 0 known; ")
    assert output.out.endswith("8 properties, seed 3\n")
    assert "1/16 request-one: 1 cases, 0 findings\n" in output.err
    report_json = json.loads(report.read_text())
    assert (report_json["client"], report_json["model"], report_json["as_of"]) == (
        "tests.fuzz.clients.base:edit",
        "gpt-image-1",
        "2026-04-21",
    )
    assert (report_json["seed"], report_json["findings"], len(report_json["properties"])) == (3, [], 8)
    assert all(row["tried"] for row in report_json["properties"])
    assert fuzz(monkeypatch, "tests.fuzz.clients.base:edit", "--max-time", "0.01", "--report", str(page)) == 0
    assert "(stopped by --max-time)" in capsys.readouterr().out
    assert "not tried" in page.read_text()
    assert "<p>None.</p>" in page.read_text()


def test_baseline(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Findings of a baseline, a report or a list, do not fail."""
    report, again, listed = (tmp_path / name for name in ("report.json", "again.json", "listed.json"))
    arguments = (f"{BROKEN}LosesN", "--only", "request", *FEW)
    assert fuzz(monkeypatch, *arguments, "--report", str(report)) == 1
    out = capsys.readouterr().out
    assert "request-parameters/n: Every parameter arrives" in out
    assert "1 new findings, 0 known" in out
    (finding,) = json.loads(report.read_text())["findings"]
    assert (finding["identity"], finding["known"]) == ("request-parameters/n", False)
    assert (finding["expected"], finding["got"], finding["scenario"]) == ("n = 1", "n = nothing", None)
    assert finding["case"]["options"] == {"n": 1}
    assert fuzz(monkeypatch, *arguments, "--baseline", str(report), "--report", str(again)) == 0
    assert "0 new findings, 1 known" in capsys.readouterr().out
    assert json.loads(again.read_text())["findings"][0]["known"]
    listed.write_text('["request-parameters/n"]')
    assert fuzz(monkeypatch, *arguments, "--baseline", str(listed), "--report", str(tmp_path / "report.xml")) == 0
    suite = ElementTree.parse(tmp_path / "report.xml").getroot()
    assert suite.attrib["failures"] == "0"
    assert "n = 1" in (suite.findtext("testcase[@name='request-parameters']/system-out") or "")


def test_reports(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The page shows images; replaying a finding's scenario breaks the same client, and not a correct one."""
    page, folder = tmp_path / "report.html", tmp_path / "findings"
    arguments = (f"{BROKEN}SplitsAtBlankLines", "--only", "response", *FEW)
    assert fuzz(monkeypatch, *arguments, "--report", str(page), "--save", str(folder)) == 1
    text = page.read_text("utf-8")
    assert '<h3 id="response-frames/line_ends">' in text
    assert 'alt="call: a.png" src="data:image/png;base64,' in text
    for caption in ("received: image", "sent: image_edit.partial_image", "sent: image_edit.completed"):
        assert f'alt="{caption}" src="data:image/png;base64,' in text
    path = folder / "001.yaml"
    assert f"mockserver --scenario {path}" in text
    assert path.read_text().startswith("# response-frames/line_ends\n")
    line = json.loads(path.with_suffix(".json").read_text())
    assert all(Path(image).is_relative_to(folder) for image in line["images"])
    for client, succeeds in ((f"{BROKEN}SplitsAtBlankLines", False), ("tests.fuzz.clients.base:edit", True)):
        with serving("--scenario", str(path)) as started:
            line["base_url"] = line["base_url"].replace("http://127.0.0.1:4010", started.root)
            result = call_client(load_callable(client), line)
        line["base_url"] = "http://127.0.0.1:4010/v1"
        assert (result["error"] is None) == succeeds


def test_junit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    suite = tmp_path / "report.xml"
    assert fuzz(monkeypatch, f"{BROKEN}KeyInUrl", "--only", "request", *FEW, "--report", str(suite)) == 1
    root = ElementTree.parse(suite).getroot()
    failed = [case.attrib["name"] for case in root if case.find("failure") is not None]
    assert (root.attrib["tests"], failed) == ("8", ["request-key"])
    assert "sk-fuzz" not in suite.read_text()


def test_same_seed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    findings = []
    for name in ("first.json", "second.json"):
        arguments = (f"{BROKEN}StripsPrompt", "--only", "request", "--seed", "5", "--max-examples", "10")
        assert fuzz(monkeypatch, *arguments, "--report", str(tmp_path / name)) == 1
        findings.append(
            [(one["identity"], one["case"]) for one in json.loads((tmp_path / name).read_text())["findings"]]
        )
    assert findings[0] == findings[1] != []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["nonsense"],
            f"cannot start nonsense: {MISSING}; expected module:callable, or a command after --",
        ),
        (["no_such_module:edit"], "cannot find no_such_module:edit: No module named 'no_such_module'"),
        (["json:nothing"], "cannot find json:nothing"),
        (
            ["tests.fuzz.clients.odd:number"],
            "tests.fuzz.clients.odd:number: expected a function edit(call) -> result, got int",
        ),
        (["tests.fuzz.clients.faulty:edit"], "cannot import tests.fuzz.clients.faulty: ZeroDivisionError"),
        (["--", "/no/such/command", "x"], f"cannot start /no/such/command: {MISSING}"),
        (["--", "false"], "the client exited before its first result: the process exited without an error message"),
        (["--", sys.executable, "-c", "1/0"], "before its first result: ZeroDivisionError"),
        (
            ["json:dumps", "--report", "report.txt"],
            "unknown report format '.txt': expected a name that ends in .html, .xml, .json",
        ),
        (["json:dumps", "--report", "report"], "unknown report format 'report': expected"),
        (["json:dumps", "--baseline", "no-such.json"], f"cannot read no-such.json: {MISSING}"),
        (["json:dumps", "--baseline", "README.md"], "invalid baseline README.md: expected a JSON report"),
        (["tests.fuzz.clients.base:edit", "--model", "dall-e-9"], "dall-e-9 has no edits as of any: expected one of"),
        (["tests.fuzz.clients.base:edit", "--as-of", "yesterday"], "yesterday"),
        (["tests.fuzz.clients.base:edit", "--max-time", "0"], "--max-time"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_invalid_arguments(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    """The error is one line, and the exit status 2."""
    assert fuzz(monkeypatch, *arguments) == 2
    output = capsys.readouterr().err
    assert words in output
    assert len([line for line in output.splitlines() if line.startswith("mockserver: ")]) == 1
    assert "Traceback" not in output


def test_cannot_write(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Reports an unwritable path before the run, not minutes later."""
    place, file = tmp_path / "nowhere" / "report.json", tmp_path / "file"
    file.touch()
    cases = ("--report", place, MISSING), ("--save", file, os.strerror(errno.EEXIST))
    for option, path, problem in cases:
        assert fuzz(monkeypatch, "json:dumps", option, str(path)) == 2
        output = capsys.readouterr().err
        assert output.startswith(f"mockserver: cannot write {path}: {problem} ")
        assert output.count("\n") == 1


def test_finding_cannot_be_saved(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A folder has the name of the finding's file."""
    (tmp_path / "001.yaml").mkdir()
    arguments = ("--only", "request", *FEW, "--save", str(tmp_path))
    assert fuzz(monkeypatch, f"{BROKEN}LosesN", *arguments) == 2
    assert f"mockserver: cannot write {tmp_path}/001.yaml: {os.strerror(errno.EISDIR)} " in capsys.readouterr().err


@pytest.mark.parametrize("where", ["report.json", "001.yaml", "001.json"])
def test_full_disk(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, where: str
) -> None:
    """The operating system names no file, but the message does."""
    file = tmp_path / where
    file.symlink_to("/dev/full")
    arguments = ("--only", "request", *FEW, "--save", str(tmp_path), "--report", str(tmp_path / "report.json"))
    assert fuzz(monkeypatch, f"{BROKEN}LosesN", *arguments) == 2
    assert f"mockserver: cannot write {file}: {os.strerror(errno.ENOSPC)} " in capsys.readouterr().err


def test_no_temporary_folder(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    assert fuzz(monkeypatch, "tests.fuzz.clients.base:edit", *FEW) == 2
    output = capsys.readouterr().err
    assert output.startswith(f"mockserver: the run was aborted: [Errno 2] {MISSING}: ")
    assert output.count("\n") == 1


def test_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A terminal shows progress and the remaining time in one line."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    arguments = ("tests.fuzz.clients.base:edit", "--only", "request", *FEW, "--max-time", "50")
    assert fuzz(monkeypatch, *arguments) == 0
    output = capsys.readouterr().err
    assert output.startswith("\r\x1b[K1/16 request-one: 1 cases, 0 findings, ")
    assert output.endswith("\n")
    assert " s left" in output


@pytest.mark.parametrize(
    ("client", "words"),
    [
        ("shape", "a crash: images does not match contracts/schemas/fuzz-result.json: "),
        ("text", "does not match"),
        ("unspeakable", "a crash: TypeError: Object of type object is not JSON serializable"),
        ("leaves", "a crash: SystemExit: enough"),
        ("dies", "a crash: the process exited without an error message"),
    ],
    ids=lambda value: value if " " not in value else "",
)
def test_odd(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], client: str, words: str) -> None:
    """A client that violates the protocol has findings, and the run continues."""
    arguments = (f"tests.fuzz.clients.odd:{client}", "--only", "response", "--max-examples", "1", "--max-time", "30")
    assert fuzz(monkeypatch, *arguments) == 1
    out = capsys.readouterr().out
    assert "response-plain/" in out
    assert words in out


@pytest.mark.parametrize(("client", "words"), [("raises", "RuntimeError: boom"), ("shape", "images does not match")])
def test_crash_without_a_request(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], client: str, words: str
) -> None:
    """Findings about requests say why the client sent none."""
    arguments = (f"tests.fuzz.clients.odd:{client}", "--only", "request", "--max-examples", "1")
    assert fuzz(monkeypatch, *arguments) == 1
    assert f"no request; a crash: {words}" in capsys.readouterr().out


def test_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a client prints does not mix with its results."""
    arguments = ("tests.fuzz.clients.odd:prints", "--only", "request", "--max-examples", "1")
    assert fuzz(monkeypatch, *arguments) == 0


LINES = """
import json, sys
for line in sys.stdin:
    call = json.loads(line)
    print(json.dumps({"id": "case-0", "images": [], "events": [], "usage": None, "error": None}))
    print("not JSON", flush=True)
"""


def test_lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A line with another id belongs to an earlier call, and a line that is not JSON is a crash."""
    arguments = ("--only", "response", "--max-examples", "1", "--", sys.executable, "-c", LINES)
    assert fuzz(monkeypatch, *arguments) == 1
    out = capsys.readouterr().out
    assert "a crash: expected a line of JSON, got b'not JSON\\n'" in out


def test_without_packages() -> None:
    """Without the extra, the command names it."""
    code = "import sys; sys.modules['schemathesis'] = None; from mockserver.cli.main import main; main()"
    call = [sys.executable, "-c", code, "fuzz", "json:dumps"]
    done = subprocess.run(call, capture_output=True, text=True, cwd=HOME)
    assert done.returncode == 2
    assert "pip install 'mockserver-images[fuzz]'" in done.stderr
