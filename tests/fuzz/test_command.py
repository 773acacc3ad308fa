"""`mockserver fuzz`: its options, its reports, its exit status, and findings that play again."""

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
from mockserver.harness.fuzz.worker import find, run
from tests.cli.test_cli import serving

HOME = Path(mockserver.__file__).parents[1]
# In the words of the operating system.
MISSING = os.strerror(errno.ENOENT)
BROKEN = "tests.fuzz.clients.broken:edit_"
QUICK = ("--max-examples", "2")


@pytest.fixture
def contracted() -> None:
    """These answers are broken on purpose."""


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
    asked = ("--only", "request", "--model", "gpt-image-1", "--as-of", "2026-04-21", *QUICK, "--seed", "3")
    assert fuzz(monkeypatch, "tests.fuzz.clients.base:edit", *asked, "--report", str(report)) == 0
    said = capsys.readouterr()
    assert said.out.startswith("0 new findings, 0 known; ")
    assert said.out.endswith("8 properties, seed 3\n")
    assert "1/16 request-one: 1 cases, 0 findings\n" in said.err
    told = json.loads(report.read_text())
    assert (told["client"], told["model"], told["as_of"]) == (
        "tests.fuzz.clients.base:edit",
        "gpt-image-1",
        "2026-04-21",
    )
    assert (told["seed"], told["findings"], len(told["properties"])) == (3, [], 8)
    assert all(row["tried"] for row in told["properties"])
    assert fuzz(monkeypatch, "tests.fuzz.clients.base:edit", "--max-time", "0.01", "--report", str(page)) == 0
    assert "(the time was over)" in capsys.readouterr().out
    assert "not tried" in page.read_text()
    assert "<p>None.</p>" in page.read_text()


def test_baseline(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """What a baseline knows is no news: of a report, or of a list."""
    report, again, listed = (tmp_path / name for name in ("report.json", "again.json", "listed.json"))
    asked = (f"{BROKEN}LosesN", "--only", "request", *QUICK)
    assert fuzz(monkeypatch, *asked, "--report", str(report)) == 1
    out = capsys.readouterr().out
    assert "request-parameters/n: Every parameter arrives" in out
    assert "1 new findings, 0 known" in out
    (found,) = json.loads(report.read_text())["findings"]
    assert (found["identity"], found["known"]) == ("request-parameters/n", False)
    assert (found["expected"], found["got"], found["scenario"]) == ("n = 1", "n = nothing", None)
    assert found["case"]["options"] == {"n": 1}
    assert fuzz(monkeypatch, *asked, "--baseline", str(report), "--report", str(again)) == 0
    assert "0 new findings, 1 known" in capsys.readouterr().out
    assert json.loads(again.read_text())["findings"][0]["known"]
    listed.write_text('["request-parameters/n"]')
    assert fuzz(monkeypatch, *asked, "--baseline", str(listed), "--report", str(tmp_path / "report.xml")) == 0
    suite = ElementTree.parse(tmp_path / "report.xml").getroot()
    assert suite.attrib["failures"] == "0"
    assert "n = 1" in (suite.findtext("testcase[@name='request-parameters']/system-out") or "")


def test_reports(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The page has pictures; a finding's scenario and call do the same to the client once more, and not to another."""
    page, folder = tmp_path / "report.html", tmp_path / "findings"
    asked = (f"{BROKEN}SplitsAtBlankLines", "--only", "response", *QUICK)
    assert fuzz(monkeypatch, *asked, "--report", str(page), "--save", str(folder)) == 1
    text = page.read_text("utf-8")
    assert '<h3 id="response-frames/line_ends">' in text
    assert 'alt="asked: a.png" src="data:image/png;base64,' in text
    for word in ("arrived: image", "sent: image_edit.partial_image", "sent: image_edit.completed"):
        assert f'alt="{word}" src="data:image/png;base64,' in text
    path = folder / "001.yaml"
    assert f"mockserver --scenario {path}" in text
    assert path.read_text().startswith("# response-frames/line_ends\n")
    line = json.loads(path.with_suffix(".json").read_text())
    assert all(Path(picture).is_relative_to(folder) for picture in line["images"])
    for client, good in ((f"{BROKEN}SplitsAtBlankLines", False), ("tests.fuzz.clients.base:edit", True)):
        with serving("--scenario", str(path)) as started:
            line["base_url"] = line["base_url"].replace("http://127.0.0.1:4010", started.root)
            taken = run(find(client), line)
        line["base_url"] = "http://127.0.0.1:4010/v1"
        assert (taken["error"] is None) == good


def test_junit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    suite = tmp_path / "report.xml"
    assert fuzz(monkeypatch, f"{BROKEN}KeyInUrl", "--only", "request", *QUICK, "--report", str(suite)) == 1
    root = ElementTree.parse(suite).getroot()
    failed = [case.attrib["name"] for case in root if case.find("failure") is not None]
    assert (root.attrib["tests"], failed) == ("8", ["request-key"])
    assert "sk-fuzz" not in suite.read_text()


def test_same_seed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told = []
    for name in ("first.json", "second.json"):
        asked = (f"{BROKEN}StripsPrompt", "--only", "request", "--seed", "5", "--max-examples", "10")
        assert fuzz(monkeypatch, *asked, "--report", str(tmp_path / name)) == 1
        told.append([(one["identity"], one["case"]) for one in json.loads((tmp_path / name).read_text())["findings"]])
    assert told[0] == told[1] != []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["nonsense"],
            f"nonsense: cannot be started: {MISSING}; expected module:callable, or a command after --",
        ),
        (["no_such_module:edit"], "no_such_module:edit cannot be found: No module named 'no_such_module'"),
        (["json:nothing"], "json:nothing cannot be found"),
        (["tests.fuzz.clients.odd:number"], "is a int; expected a function"),
        (["tests.fuzz.clients.faulty:edit"], "tests.fuzz.clients.faulty cannot be imported: ZeroDivisionError"),
        (["--", "/no/such/command", "x"], f"/no/such/command: cannot be started: {MISSING}"),
        (["--", "false"], "the client ended before its first result: it ended without a word"),
        (["--", sys.executable, "-c", "1/0"], "before its first result: ZeroDivisionError"),
        (["json:dumps", "--report", "report.txt"], "a report's name ends in .html, .xml, .json, not in .txt"),
        (["json:dumps", "--report", "report"], "not in nothing"),
        (["json:dumps", "--baseline", "no-such.json"], f"cannot read no-such.json: {MISSING}"),
        (["json:dumps", "--baseline", "README.md"], "README.md is no baseline: expected a JSON report"),
        (["tests.fuzz.clients.base:edit", "--model", "dall-e-9"], "dall-e-9 makes no edits as of any: expected one of"),
        (["tests.fuzz.clients.base:edit", "--as-of", "yesterday"], "yesterday"),
        (["tests.fuzz.clients.base:edit", "--max-time", "0"], "--max-time"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    """What cannot be done is said in one line, with exit status 2."""
    assert fuzz(monkeypatch, *arguments) == 2
    said = capsys.readouterr().err
    assert words in said
    assert len([line for line in said.splitlines() if line.startswith("mockserver: ")]) == 1
    assert "Traceback" not in said


def test_cannot_write(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """What cannot be written is told before a run, and not after minutes of it."""
    place, file = tmp_path / "nowhere" / "report.json", tmp_path / "file"
    file.touch()
    refused = ("--report", place, MISSING), ("--save", file, os.strerror(errno.EEXIST))
    for option, given, why in refused:
        assert fuzz(monkeypatch, "json:dumps", option, str(given)) == 2
        said = capsys.readouterr().err
        assert said.startswith(f"mockserver: cannot write {given}: {why} ")
        assert said.count("\n") == 1


def test_cannot_write_any_more(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A folder stands where a finding is to be saved."""
    (tmp_path / "001.yaml").mkdir()
    asked = ("--only", "request", *QUICK, "--save", str(tmp_path))
    assert fuzz(monkeypatch, f"{BROKEN}LosesN", *asked) == 2
    assert f"mockserver: cannot write {tmp_path}/001.yaml: {os.strerror(errno.EISDIR)} " in capsys.readouterr().err


@pytest.mark.parametrize("where", ["report.json", "001.yaml", "001.json"])
def test_full_disk(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, where: str
) -> None:
    """It names no file, and is told with the one that it had no room for."""
    file = tmp_path / where
    file.symlink_to("/dev/full")
    asked = ("--only", "request", *QUICK, "--save", str(tmp_path), "--report", str(tmp_path / "report.json"))
    assert fuzz(monkeypatch, f"{BROKEN}LosesN", *asked) == 2
    assert f"mockserver: cannot write {file}: {os.strerror(errno.ENOSPC)} " in capsys.readouterr().err


def test_nowhere_to_work(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The pictures of calls lie in a folder for a while."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    assert fuzz(monkeypatch, "tests.fuzz.clients.base:edit", *QUICK) == 2
    said = capsys.readouterr().err
    assert said.startswith("mockserver: the run broke off: ")
    assert said.count("\n") == 1


def test_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """On a terminal one line tells how far it has come, and how long it has."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    asked = ("tests.fuzz.clients.base:edit", "--only", "request", *QUICK, "--max-time", "50")
    assert fuzz(monkeypatch, *asked) == 0
    said = capsys.readouterr().err
    assert said.startswith("\r\x1b[K1/16 request-one: 1 cases, 0 findings, ")
    assert said.endswith("\n")
    assert " s left" in said


@pytest.mark.parametrize(
    ("client", "words"),
    [
        ("shape", "a crash: images does not satisfy contracts/schemas/fuzz-result.json: "),
        ("text", "does not satisfy"),
        ("unspeakable", "a crash: TypeError: Object of type object is not JSON serializable"),
        ("leaves", "a crash: SystemExit: enough"),
        ("dies", "a crash: it ended without a word"),
        ("sleeps", "still going after its deadline"),
    ],
    ids=lambda value: value if " " not in value else "",
)
def test_odd(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], client: str, words: str) -> None:
    """A client that keeps to no protocol has findings, and the run goes on."""
    asked = (f"tests.fuzz.clients.odd:{client}", "--only", "response", "--max-examples", "1", "--max-time", "30")
    assert fuzz(monkeypatch, *asked) == 1
    out = capsys.readouterr().out
    assert "response-plain/" in out
    assert words in out


@pytest.mark.parametrize(("client", "words"), [("raises", "RuntimeError: boom"), ("shape", "images does not satisfy")])
def test_crash_without_a_request(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], client: str, words: str
) -> None:
    """Why no request came is told where requests alone are looked at."""
    asked = (f"tests.fuzz.clients.odd:{client}", "--only", "request", "--max-examples", "1")
    assert fuzz(monkeypatch, *asked) == 1
    assert f"no request; a crash: {words}" in capsys.readouterr().out


def test_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a client prints does not stand between its results."""
    asked = ("tests.fuzz.clients.odd:prints", "--only", "request", "--max-examples", "1")
    assert fuzz(monkeypatch, *asked) == 0


LINES = """
import json, sys
for line in sys.stdin:
    call = json.loads(line)
    print(json.dumps({"id": "case-0", "images": [], "events": [], "usage": None, "error": None}))
    print("no JSON", flush=True)
"""


def test_lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a command's lines, one with another id belongs to an earlier call, and one that is no JSON is a crash."""
    asked = ("--only", "response", "--max-examples", "1", "--", sys.executable, "-c", LINES)
    assert fuzz(monkeypatch, *asked) == 1
    out = capsys.readouterr().out
    assert "a crash: a line that is no JSON: b'no JSON\\n'" in out


def test_without_packages() -> None:
    """Without the packages that fuzzing needs, the command says which."""
    code = "import sys; sys.modules['schemathesis'] = None; from mockserver.cli.main import main; main()"
    call = [sys.executable, "-c", code, "fuzz", "json:dumps"]
    done = subprocess.run(call, capture_output=True, text=True, cwd=HOME)
    assert done.returncode == 2
    assert "pip install 'mockserver-images[fuzz]'" in done.stderr
