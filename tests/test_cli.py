"""The command: as a process of its own where it serves, and in this process where it refuses."""

import base64
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import httpx2
import openai
import pytest

import mockserver
from mockserver import cli, options, server
from mockserver.scenario.files import built_in
from tests.pictures import opened, png

HOME = Path(mockserver.__file__).parents[1]


class Serving:
    """The command, as a process that has said that it serves."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        self.greeting = process.stdout.readline()
        self.command = process.stdout.readline().strip()
        self.root = self.greeting.split()[3]

    def stop(self, number: int) -> tuple[int, str, str]:
        """Its exit status, and what else it said on stdout and stderr."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out, err


@contextlib.contextmanager
def serving(*options: str) -> Iterator[Serving]:
    call = [sys.executable, "-W", "error", "-m", "mockserver", "--port", "0", "--paint", "flat", *options]
    with subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=HOME) as process:
        try:
            yield Serving(process)
        finally:
            # Neither does anything to a process that has ended.
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)
            process.kill()


def health(root: str) -> dict[str, str]:
    with urlopen(f"{root}/__mock/health") as response:
        answer: dict[str, str] = json.load(response)
    return answer


def test_greeting() -> None:
    with serving() as started:
        assert started.greeting == (
            f"mockserver {mockserver.__version__} on {started.root} (scenario ok, as of any, auth bearer, paint flat)\n"
        )
        assert started.root.startswith("http://127.0.0.1:")
        told = {"status": "ok", "version": mockserver.__version__, "as_of": "any", "scenario": "ok"}
        assert health(started.root) == told
        assert started.stop(signal.SIGTERM) == (0, "", "")


def test_options_reach_the_server() -> None:
    with serving("--scenario", "flaky", "--as-of", "2026-04-21", "--auth", "open", "--paint", "noise") as started:
        assert started.greeting.endswith("(scenario flaky, as of 2026-04-21, auth open, paint noise)\n")
        assert health(started.root).items() >= {"as_of": "2026-04-21", "scenario": "flaky"}.items()


@pytest.mark.parametrize(
    "options", [[], ["--auth", "open"], ["--auth", "exact", "--key", "sk-a", "--key", "sk-b"]], ids=" ".join
)
def test_pasted_command(options: list[str]) -> None:
    with serving(*options) as started:
        env = os.environ | {"OPENAI_API_KEY": "sk-b"}
        done = subprocess.run(["bash", "-c", started.command], capture_output=True, text=True, env=env, check=True)
    answer = json.loads(done.stdout)
    assert opened(base64.b64decode(answer["data"][0]["b64_json"])).size == (1024, 1024)


def test_exact_key_is_not_shown_and_others_are_refused() -> None:
    with serving("--auth", "exact", "--key", "sk-secret") as started:
        assert "sk-secret" not in started.greeting + started.command
        env = os.environ | {"OPENAI_API_KEY": "sk-other"}
        done = subprocess.run(["bash", "-c", started.command], capture_output=True, text=True, env=env, check=True)
    assert json.loads(done.stdout)["error"]["code"] == "invalid_api_key"


def test_port_file(tmp_path: Path) -> None:
    file = tmp_path / "port.txt"
    with serving("--port-file", str(file)) as started:
        assert file.read_text() == f"{started.root.rpartition(':')[2]}\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stop_at_once(number: int) -> None:
    with serving() as started:
        assert started.stop(number) == (0, "", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stop_with_an_idle_connection(number: int) -> None:
    with serving() as started:
        port = int(started.root.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as idle:
            idle.sendall(b"GET /__mock/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert idle.recv(12) == b"HTTP/1.1 200"
            assert started.stop(number) == (0, "", "")


def test_status_of_a_refusal() -> None:
    call = [sys.executable, "-W", "error", "-m", "mockserver", "--scenario", "nope"]
    done = subprocess.run(call, capture_output=True, text=True, cwd=HOME)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"mockserver: there is no scenario 'nope': expected one of {', '.join(built_in())}, or a file's path "
        "(see mockserver --help)\n"
    )


Refuse = Callable[..., str]


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Refuse:
    """What the command says of arguments that it refuses."""

    def refuse(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["mockserver", *arguments])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        said = capsys.readouterr()
        assert (stopped.value.code, said.out) == (2, "")
        line, rest = said.err.split("\n")
        assert rest == ""
        assert line.startswith("mockserver: ")
        return line.removeprefix("mockserver: ").removesuffix(" (see mockserver --help)")

    return refuse


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--dialect klingon", "--dialect is one of openai, gateway, new-api, packy, shell-api, comfy, not 'klingon'"),
        ("--prot 1", "No such option '--prot'."),
        ("serve", "No such command 'serve'."),
        ("--port x", "Invalid value for '--port': 'x' is not a valid integer range."),
        ("--port 65536", "Invalid value for '--port': 65536 is not in the range 0<=x<=65535."),
        ("--auth none", "Invalid value for '--auth': 'none' is not one of 'open', 'bearer', 'exact'."),
        ("--auth exact", "--auth exact and --key belong together: give both, or neither"),
        ("--key sk-a", "--auth exact and --key belong together: give both, or neither"),
        ("--auth open --key sk-a", "--auth exact and --key belong together: give both, or neither"),
        ("--as-of yesterday", "as-of is 'any', 'latest' or a date such as 2026-04-21, not 'yesterday'"),
        ("--as-of 2026-02-30", "as-of is 'any', 'latest' or a date such as 2026-04-21, not '2026-02-30'"),
        # An address that is kept for documentation: no machine has it, and no name server is asked.
        ("--port 0 --host 203.0.113.1", "cannot listen on 203.0.113.1 port 0: "),
        (f"--host {'é' * 64}", f"cannot listen on {'é' * 64} port 4010: that is no host's name"),
    ],
)
def test_refusal(refuse: Refuse, arguments: str, said: str) -> None:
    assert refuse(*arguments.split()).startswith(said)


def test_taken_port(refuse: Refuse) -> None:
    with server.listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        said = refuse("--port", str(port))
    assert said == f"cannot listen on 127.0.0.1 port {port}: Address already in use; try --port 0"


def test_unwritable_port_file(refuse: Refuse, tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "port.txt"
    assert refuse("--port", "0", "--port-file", str(file)) == f"cannot write {file}: No such file or directory"
    assert refuse("--port-file", str(tmp_path)).endswith("is a directory.")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "scenario: mine\nsteps:\n  - {ok: {}}\n  - {eror: rate-input-images}\n",
            ":4: steps[1]: 'eror': unknown key; expected when, ok, error, reply, times, ",
        ),
        (
            "scenario: mine\nsteps:\n  - {error: rate-input-pictures}\n",
            ":3: steps[0].error: there is no error 'rate-input-pictures'; expected a family such as ",
        ),
        ("scenario: mine\n", ":1: the key 'steps' is missing, and 'extends' too; expected keys are "),
        ("scenario: mine\nsteps: [\n", ":3: is not YAML: "),
        ("scenario: mine\nsteps: \0\n", ":1: is not YAML: "),
    ],
    ids=["unknown key", "unknown error", "missing key", "not YAML", "control character"],
)
def test_broken_scenario(refuse: Refuse, tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    assert refuse("--scenario", str(file)).startswith(f"{file}{said}")


def test_help(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["mockserver", "--help"])
    cli.main()
    text = capsys.readouterr().out
    assert text.startswith("Usage: mockserver [OPTIONS] [-- COMMAND...] | COMMAND [ARGS]...\n")
    for option in cli.command.params:
        assert all(name in text for name in option.opts)
    assert "Examples:" in text


def test_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["mockserver", "--version"])
    cli.main()
    assert capsys.readouterr().out == f"mockserver, version {mockserver.__version__}\n"


def test_defaults() -> None:
    defaults = {option.name: option.default for option in cli.command.params}
    assert defaults["port"] == 4010
    assert defaults["host"] == "127.0.0.1"


def test_interrupt_before_it_serves(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(host: str, port: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(server, "listen", interrupted)
    monkeypatch.setattr(sys, "argv", ["mockserver"])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 130
    assert capsys.readouterr().err.strip() == ""


def said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What the command prints when it ends well."""
    monkeypatch.setattr(sys, "argv", ["mockserver", *arguments])
    cli.main()
    return capsys.readouterr().out


def test_models(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    heading, *rows = said(monkeypatch, capsys, "models", "--as-of", "2026-04-21").splitlines()
    assert heading.split()[:3] == ["model", "endpoints", "released"]
    assert [row.split()[0] for row in rows][-1] == "gpt-image-2-2026-04-21"
    found = json.loads(said(monkeypatch, capsys, "models", "--as-of", "latest", "--json"))
    assert found[0]["model"] == "gpt-image-1-mini"
    assert said(monkeypatch, capsys, "models", "--as-of", "2020-01-01") == "none on that day\n"


def test_errors(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    old = json.loads(said(monkeypatch, capsys, "errors", "--as-of", "2023-01-01", "--json"))
    new = json.loads(said(monkeypatch, capsys, "errors", "--json"))
    messages = [[row["message"] for row in rows if row["error"] == "missing-parameter"] for rows in (old, new)]
    assert messages == [["'{param}' is a required property"], ["Missing required parameter: '{param}'."]]


def test_faults(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(said(monkeypatch, capsys, "faults", "--json"))
    assert {row["mark"] for row in found} == {"legal", "hostile"}
    assert "reset" in [line.split()[0] for line in said(monkeypatch, capsys, "faults").splitlines()]


def test_table_in_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    lines = said(monkeypatch, capsys, "errors").splitlines()
    assert {len(line) for line in lines} == {40}
    assert all(line.endswith("…") for line in lines)


@pytest.mark.parametrize("command", ["models", "errors"])
def test_bad_day(refuse: Refuse, command: str) -> None:
    assert "as-of is 'any', 'latest' or a date" in refuse(command, "--as-of", "soon")


def test_models_with_a_date() -> None:
    """On stopping the server says which models were used that have a day of shutdown."""
    with serving() as started:
        with openai.OpenAI(base_url=f"{started.root}/v1", api_key="x") as client:
            for model in ("gpt-image-1.5", "gpt-image-1.5", "gpt-image-2"):
                client.images.edit(model=model, prompt="x", image=("a.png", png()))
        code, out, err = started.stop(signal.SIGINT)
    assert (code, err) == (0, "")
    assert out.strip() == "2 calls used gpt-image-1.5, which is shut down from 2026-12-01 on"


@pytest.mark.parametrize("options", [[], ["--token", "mine"]], ids=["made up", "mine"])
def test_beyond_loopback(options: list[str]) -> None:
    """Who listens for others is told what that means, and the token; the pasted command works all the same."""
    with serving("--host", "0.0.0.0", *options) as started:
        assert started.root.startswith("http://127.0.0.1:")
        assert started.process.stdout is not None
        said = started.process.stdout.readline()
        assert said.startswith("  0.0.0.0 is reached from other machines: whoever can reach it can use the API")
        token = said.split()[-1]
        assert (token == "mine") == bool(options)
        done = subprocess.run(["bash", "-c", started.command], capture_output=True, text=True, check=True)
        assert json.loads(done.stdout)["data"]
        with httpx2.Client(headers={"X-Mockserver-Token": token}) as client:
            assert client.get(f"{started.root}/__mock/journal").status_code == 200
            assert httpx2.get(f"{started.root}/__mock/journal").status_code == 401


@pytest.mark.parametrize(("condition", "status"), [("refused", 1), ("verdict", 0)])
def test_report_of_a_server(tmp_path: Path, condition: str, status: int) -> None:
    """A server that is stopped writes its report, and looks at the conditions."""
    file = tmp_path / "report.json"
    with serving("--report", str(file), "--fail-on", condition) as started:
        answer = httpx2.post(f"{started.root}/v1/images/edits")
        assert answer.status_code == 401
        code, out, err = started.stop(signal.SIGTERM)
    said = "mockserver: --fail-on refused: 1 request got a refusal (e000001)\n" if status else ""
    assert (code, out, err) == (status, "", said)
    told = json.loads(file.read_text())
    assert (told["command"], told["status"], len(told["journal"]["entries"])) == (None, None, 1)


def test_bare_and_still() -> None:
    """With --bare only the headers that a client needs are sent; with --clock the same call gives the same bytes."""
    with serving("--bare", "--clock", "2026-11-21T12:00:00Z") as started, httpx2.Client() as client:
        call: dict[str, Any] = {
            "json": {"model": "gpt-image-2", "prompt": "x"},
            "headers": {"Authorization": "Bearer x"},
        }
        first, second = (client.post(f"{started.root}/v1/images/generations", **call) for _ in range(2))
    assert first.headers.raw == second.headers.raw
    assert first.content == second.content
    assert list(first.headers) == ["date", "content-type", "transfer-encoding"]
    assert (first.headers["date"], first.json()["created"]) == ("Sat, 21 Nov 2026 12:00:00 GMT", 1795262400)


def test_latency() -> None:
    with serving("--latency", "0.01") as started, httpx2.Client() as client:
        call: dict[str, Any] = {
            "json": {"model": "gpt-image-2", "prompt": "x"},
            "headers": {"Authorization": "Bearer x"},
        }
        answer = client.post(f"{started.root}/v1/images/generations", **call)
    assert answer.elapsed.total_seconds() >= 0.01


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--latency", "slow", "--latency is none, realistic or seconds from 0 to 3600, not 'slow'"),
        ("--latency", "-1", "--latency is none, realistic or seconds from 0 to 3600, not '-1'"),
        ("--latency", "inf", "--latency is none, realistic or seconds from 0 to 3600, not 'inf'"),
        ("--clock", "noon", "--clock is real or an instant such as 2026-11-21T12:00:00Z, not 'noon'"),
    ],
)
def test_bad_time(refuse: Refuse, option: str, value: str, said: str) -> None:
    assert said in refuse(option, value)


@pytest.mark.parametrize(("latency", "wait"), [("none", 0), ("realistic", None), ("2.5", 2.5)])
def test_seconds(latency: str, wait: float | None) -> None:
    assert options.seconds(latency) == wait


def test_instant() -> None:
    assert options.instant("2026-11-21T12:00:00")() == options.instant("2026-11-21T13:00:00+01:00")() == 1795262400
    assert options.instant("real") is time.time


def test_conform(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The mock passes its own cases; without a key nothing is asked."""
    monkeypatch.setenv("MY_KEY", "sk-mine-0123456789")
    report = tmp_path / "report.json"
    with serving("--auth", "exact", "--key", "sk-mine-0123456789", "--as-of", "latest") as started:
        text = said(monkeypatch, capsys, "conform", started.root, "--key-env", "MY_KEY", "--report", str(report))
        assert "sk-mine" not in text + report.read_text()
        assert json.loads(report.read_text())
        monkeypatch.setattr(sys, "argv", ["mockserver", "conform", started.root, "--key-env", "NOT_SET"])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
    assert stopped.value.code == 2
    assert "the key is empty" in capsys.readouterr().err


def run(*options: str) -> subprocess.CompletedProcess[str]:
    call = [sys.executable, "-W", "error", "-m", "mockserver", *options]
    return subprocess.run(call, capture_output=True, text=True, cwd=HOME)


def test_lint(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("scenario: good\nsteps: [{ok: {}}]\n")
    bad.write_text("scenario: bad\nsteps:\n  - {}\n  - {ok: {}, times: 0}\n")
    assert (run("lint", str(good)).returncode, run("lint", str(good)).stdout) == (0, "")
    done = run("lint", str(good), str(bad))
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        f"{bad}:3: steps[0]: expected exactly one of 'ok', 'error', 'reply'",
        f"{bad}:4: steps[1].times: 0 does not do; expected minimum 1",
    ]
    told = json.loads(run("lint", "--json", str(bad)).stdout)
    assert [(one["file"], one["line"]) for one in told] == [(str(bad), 3), (str(bad), 4)]
    missing = run("lint", str(tmp_path / "none.yaml"))
    assert (missing.returncode, "cannot read" in missing.stderr) == (2, True)


def test_scenarios() -> None:
    lines = run("scenarios").stdout.splitlines()
    assert [line.split()[0] for line in lines] == built_in()
    assert lines[built_in().index("ok")].endswith("All is well. What the API would refuse is refused.")
    assert run("scenarios", "flaky").stdout == (HOME / "scenarios" / "flaky.yaml").read_text()
    unknown = run("scenarios", "nothing")
    assert (unknown.returncode, "there is no scenario 'nothing'" in unknown.stderr) == (2, True)
