"""`mockserver ... -- COMMAND`: real commands, as processes, against a server of their own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mockserver
from mockserver.cli import run as cli_run
from mockserver.cli.run import build_environment, is_foreground
from mockserver.server.uvicorn_server import serve_in_thread
from mockserver.state.memory import MemoryState
from tests.support.contracted import VALIDATORS

HOME = Path(mockserver.__file__).parents[1]
CLIENT = """
import os, sys
import openai

with openai.OpenAI(max_retries=int(sys.argv[1])) as client:
    try:
        print(bool(client.images.generate(model="gpt-image-2", prompt="<b>&\\x00 night").data))
    except openai.APIStatusError as error:
        print(error.status_code)
"""
Done = subprocess.CompletedProcess[str]


def run(*arguments: str, env: dict[str, str] | None = None, text: str = "") -> Done:
    """The command, run to its end."""
    call = [sys.executable, "-W", "error", "-m", "mockserver", *arguments]
    environ = os.environ | {"PYTHONPATH": str(HOME)} | (env or {})
    return subprocess.run(call, capture_output=True, text=True, env=environ, input=text, timeout=120)


def client(retries: int) -> list[str]:
    return ["--", sys.executable, "-c", CLIENT, str(retries)]


def test_client_that_retries() -> None:
    done = run("--scenario", "flaky", "--paint", "flat", "--fail-on", "verdict", *client(3))
    assert (done.returncode, done.stdout) == (0, "True\n")
    assert done.stderr == "mockserver: 4 requests, 3 rejected, $0.0618, verdict good\n"


def test_client_that_does_not() -> None:
    done = run("--scenario", "flaky", "--fail-on", "verdict", "--fail-on", "refused", *client(0))
    assert (done.returncode, done.stdout) == (1, "429\n")
    assert done.stderr.splitlines() == [
        "mockserver: 1 request, 1 rejected, $0.0000, verdict bad",
        "mockserver:   error: 429 rate_limit_exceeded can be retried, but the client did not retry. Retry 408, 409, "
        "429 and 5xx a few times; the official clients retry twice (max_retries). (e000001)",
        "mockserver: --fail-on verdict: the verdict is bad (never-retried)",
        "mockserver: --fail-on refused: 1 request got an error response (e000001)",
    ]


def test_own_failure_comes_first() -> None:
    done = run("--fail-on", "cost:0", "--", sys.executable, "-c", CLIENT + "sys.exit(7)", "0")
    assert done.returncode == 7
    assert "mockserver: --fail-on cost:0: the calls would have cost $0.0618\n" in done.stderr


def test_cost_within_its_limit() -> None:
    assert run("--paint", "flat", "--fail-on", "cost:0.0619", "--fail-on", "unmatched", *client(0)).returncode == 0


def test_environment_of_the_command() -> None:
    """Base URL, key and root are set, no proxy stands between, and all else is what it was."""
    program = "import json, os; print(json.dumps(dict(os.environ)))"
    env = {"OPENAI_API_KEY": "sk-real", "NO_PROXY": "example.test", "MINE": "kept"}
    done = run("--", sys.executable, "-c", program, env=env)
    told = json.loads(done.stdout)
    root = told["MOCKSERVER_URL"]
    assert root.startswith("http://127.0.0.1:")
    assert not root.endswith(":4010")
    assert (told["OPENAI_BASE_URL"], told["OPENAI_API_KEY"], told["MINE"]) == (f"{root}/v1", "sk-mockserver", "kept")
    assert told["NO_PROXY"] == "example.test,127.0.0.1,localhost,::1"
    assert "MOCKSERVER_TOKEN" not in told


def test_key_port_and_token(tmp_path: Path) -> None:
    with serve_in_thread() as other:
        port = other.url.rpartition(":")[2]
    file = tmp_path / "port.txt"
    program = (
        "import os; print(*(os.environ[name] for name in ('OPENAI_API_KEY', 'MOCKSERVER_URL', 'MOCKSERVER_TOKEN')))"
    )
    options = ["--auth", "exact", "--key", "sk-a", "--key", "sk-b", "--port", port, "--token", "t"]
    done = run(*options, "--port-file", str(file), "--", sys.executable, "-c", program)
    assert done.stdout == f"sk-a http://127.0.0.1:{port} t\n"
    assert file.read_text() == f"{port}\n"


def test_streams_are_the_commands_own() -> None:
    program = "import sys; data = sys.stdin.read(); print(data.upper()); print(data, file=sys.stderr)"
    done = run("--", sys.executable, "-c", program, text="hello")
    assert done.stdout == "HELLO\n"
    assert done.stderr.startswith("hello\n")


@pytest.mark.parametrize(
    ("command", "status", "said"),
    [
        (["no-such-command"], 127, "mockserver: no-such-command: command not found\n"),
        (["/dev/null"], 126, "mockserver: /dev/null: cannot be executed: Permission denied\n"),
        (["/"], 126, "mockserver: /: cannot be executed: Permission denied\n"),
    ],
    ids=["unknown", "no program", "a folder"],
)
def test_no_command(command: list[str], status: int, said: str) -> None:
    done = run("--", *command)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", said)


@pytest.mark.parametrize("status", [0, 3])
def test_status(status: int) -> None:
    assert run("--", sys.executable, "-c", f"raise SystemExit({status})").returncode == status


def test_ended_by_a_signal() -> None:
    assert run("--", sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)").returncode == 137


def test_dashes_of_the_command() -> None:
    """Only the first -- is ours, and one behind a command of ours is that command's."""
    done = run("--", sys.executable, "-c", "import sys; print(sys.argv[1:])", "--", "-x", "--help")
    assert done.stdout == "['--', '-x', '--help']\n"
    done = run("check", "--", "--nothing.png")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "cannot read --nothing.png" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--"], "expected a command after --, such as: mockserver -- npm test"),
        (["--report", "report.pdf"], "unknown report format '.pdf': expected a name that ends in .json, .xml, .html"),
        (["--report", "report"], "unknown report format 'report': expected a name that ends in .json, .xml, .html"),
        (["--report", "/nowhere/at/all.json"], "cannot write /nowhere/at/all.json: No such file or directory"),
        (["--fail-on", "luck"], "expected unmatched, refused, verdict or cost:USD such as cost:0.50, got 'luck'"),
        (["--fail-on", "cost"], "expected unmatched, refused, verdict or cost:USD such as cost:0.50, got 'cost'"),
        (["--fail-on", "cost:-1"], "got 'cost:-1'"),
        (["--fail-on", "cost:much"], "got 'cost:much'"),
        (["--fail-on", "cost:inf"], "got 'cost:inf'"),
        (["--fail-on", "refused:1"], "got 'refused:1'"),
        (["--watch"], "--watch needs a scenario file, and 'ok' is built in"),
        (["--nope", "--", "true"], "--nope"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_refusal(arguments: list[str], said: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert said in done.stderr


SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
WAITS = """
import signal, sys
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda number, frame: sys.exit(number + 40))
print("ready", flush=True)
while True:
    signal.pause()
"""


@contextlib.contextmanager
def waiting(*options: str, program: str = WAITS, **more: Any) -> Iterator[subprocess.Popen[str]]:
    """A command that waits for a signal, and is ready for it."""
    call = [sys.executable, "-W", "error", "-m", "mockserver", *options, "--", sys.executable, "-c", program]
    env = os.environ | {"PYTHONPATH": str(HOME)}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
    with subprocess.Popen(call, env=env, text=True, **pipes, **more) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_signals_are_passed_on(number: signal.Signals) -> None:
    with waiting() as process:
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (number + 40, "")
    assert err == "mockserver: 0 requests, 0 rejected, $0.0000, verdict good\n"


def test_signal_that_ends_the_command() -> None:
    program = "import signal; print('ready', flush=True); signal.pause()"
    with waiting(program=program) as process:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM


def test_ignored_signals_stay_ignored() -> None:
    """What `nohup` ignores reaches nobody."""
    with waiting(preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as process:
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == signal.SIGTERM + 40


class Process:
    """A process that has been told something."""

    def __init__(self) -> None:
        self.told: list[int] = []

    def send_signal(self, number: int) -> None:
        self.told.append(number)


@pytest.mark.parametrize("terminal", [True, False])
def test_early_signals_and_terminals(monkeypatch: pytest.MonkeyPatch, terminal: bool) -> None:
    """A signal that comes before the command has started waits for it; a terminal tells Ctrl-C to everybody itself."""
    monkeypatch.setattr(cli_run, "is_foreground", lambda: terminal)
    process: Any = Process()
    before = [signal.getsignal(number) for number in SIGNALS]
    with cli_run.forward_signals() as start:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        assert start(process) is process
        signal.raise_signal(signal.SIGHUP)
    ctrl_c = [] if terminal else [signal.SIGINT]
    assert process.told == [signal.SIGTERM, *ctrl_c, signal.SIGHUP]
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_is_foreground(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "tcgetpgrp", lambda file: os.getpgrp())
    assert is_foreground()
    monkeypatch.setattr(os, "tcgetpgrp", lambda file: -1)
    assert not is_foreground()
    monkeypatch.delattr(os, "tcgetpgrp")
    assert not is_foreground()


def test_proxies() -> None:
    with serve_in_thread(MemoryState(token="t")) as started:
        told = build_environment({"no_proxy": "*"}, started, "k")
    assert (told["no_proxy"], told["NO_PROXY"]) == ("*", "127.0.0.1,localhost,::1")
    assert told["MOCKSERVER_TOKEN"] == "t"


@pytest.mark.parametrize("ending", ["json", "xml", "html"])
def test_report(tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"report.{ending}"
    done = run("--scenario", "flaky", "--fail-on", "verdict", "--report", str(file), *client(0))
    assert done.returncode == 1
    text = file.read_text("utf-8")
    assert "never-retried" in text
    assert "sk-mockserver" not in text
    if ending == "json":
        told = json.loads(text)
        VALIDATORS["report.json"].validate(told)
        assert (told["status"], told["command"][-1], told["scenario"]) == (0, "0", "flaky")


def test_report_that_cannot_be_written(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    file = folder / "report.json"
    done = run("--report", str(file), "--", sys.executable, "-c", f"import shutil; shutil.rmtree({str(folder)!r})")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"mockserver: cannot write {file}: No such file or directory"


def test_report_on_a_full_disk(tmp_path: Path) -> None:
    file = tmp_path / "full.json"
    file.symlink_to("/dev/full")
    done = run("--report", str(file), "--", "true")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"mockserver: cannot write {file}: No space left on device"


def test_watch(tmp_path: Path) -> None:
    """The command itself changes the scenario, first for a better one, then for one that is broken."""
    file = tmp_path / "mine.yaml"
    file.write_text("scenario: mine\nsteps:\n  - {error: insufficient-quota}\n")
    program = f"""
import openai
from pathlib import Path

file = Path({str(file)!r})
with openai.OpenAI(max_retries=0) as client:
    def call():
        try:
            return bool(client.images.generate(model="gpt-image-2", prompt="x").data)
        except openai.APIStatusError as error:
            return error.status_code
    print(call())
    file.write_text("scenario: mine\\nsteps:\\n  - {{ok: {{}}}}\\n")
    print(call())
    file.write_text("scenario: mine\\nsteps: []\\n")
    print(call())
"""
    done = run("--watch", "--scenario", str(file), "--paint", "flat", "--", sys.executable, "-c", program)
    assert done.stdout.split() == ["429", "True", "True"]
    said = done.stderr.splitlines()
    assert said[0] == f"mockserver: {file} has changed: every session starts it again"
    assert said[1].startswith(f"mockserver: {file}:2: steps: ")
    assert said[1].endswith("; the scenario was not changed")
