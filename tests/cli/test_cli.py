"""The command: as a process of its own where it serves, and in this process where it refuses."""

import base64
import contextlib
import errno
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import click
import httpx2
import openai
import pytest

import mockserver
from mockserver.cli import main, options, tables
from mockserver.cli.group import PassthroughGroup
from mockserver.scenario.loader import built_in_names
from mockserver.server import uvicorn_server
from tests.support.images import decode_image, png

HOME = Path(mockserver.__file__).parents[1]
# In the words of the operating system.
MISSING, FOLDER = os.strerror(errno.ENOENT), os.strerror(errno.EISDIR)


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
def serving(*options: str, folder: Path = HOME) -> Iterator[Serving]:
    """The command, serving from a folder, in which it finds and leaves its files."""
    env = os.environ | {"PYTHONPATH": str(HOME)}
    call = [sys.executable, "-W", "error", "-m", "mockserver", "--port", "0", "--paint", "flat", *options]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(call, cwd=folder, env=env, **pipes) as process:
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
            f"mockserver {mockserver.__version__} on {started.root} with its page {started.root}/__mock/ "
            "(scenario ok, as of any, auth bearer, paint flat)\n"
        )
        assert started.root.startswith("http://127.0.0.1:")
        told = {"status": "ok", "version": mockserver.__version__, "as_of": "any", "scenario": "ok"}
        assert health(started.root) == told
        assert started.stop(signal.SIGTERM) == (0, "", "")


def test_options_reach_the_server() -> None:
    with serving("--scenario", "flaky", "--as-of", "2026-04-21", "--auth", "open", "--paint", "noise") as started:
        assert started.greeting.endswith("(scenario flaky, as of 2026-04-21, auth open, paint noise)\n")
        assert health(started.root).items() >= {"as_of": "2026-04-21", "scenario": "flaky"}.items()


def paste(started: Serving, folder: Path, key: str = "sk-b") -> dict[str, Any]:
    """What the server says to its own command, which writes it to a file and nothing to the terminal."""
    env = os.environ | {"OPENAI_API_KEY": key}
    done = subprocess.run(
        ["bash", "-c", started.command], capture_output=True, text=True, env=env, check=True, cwd=folder
    )
    assert done.stdout == ""
    answer: dict[str, Any] = json.loads((folder / "answer.json").read_text())
    return answer


@pytest.mark.parametrize(
    ("options", "model"),
    [
        ([], "gpt-image-2"),
        (["--auth", "open"], "gpt-image-2"),
        (["--auth", "exact", "--key", "sk-a", "--key", "sk-b"], "gpt-image-2"),
        (["--as-of", "2099-01-01"], "gpt-image-2"),
        (["--scenario", "retired_models"], "gpt-image-2"),
        (["--as-of", "2026-01-01"], "gpt-image-1-mini"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_pasted_command(tmp_path: Path, options: list[str], model: str) -> None:
    """It names the model that is served for the longest, which the verdict finds nothing to say against."""
    with serving(*options) as started:
        answer = paste(started, tmp_path)
        verdict = httpx2.get(f"{started.root}/__mock/verdict", timeout=60).json()
    assert f" -F model={model} " in started.command
    assert decode_image(base64.b64decode(answer["data"][0]["b64_json"])).size[0] >= 1024
    assert [one["rule"] for one in verdict["findings"]] == ["shutdown-model"] * (model != "gpt-image-2")


def test_pasted_command_of_the_first_model(tmp_path: Path) -> None:
    with serving("--as-of", "2023-01-01") as started:
        assert paste(started, tmp_path)["data"][0]["url"].startswith(started.root)
    assert " -F model=dall-e-2 " in started.command


def test_pasted_command_under_a_scenario(tmp_path: Path) -> None:
    """A scenario's own day and keys count."""
    file = tmp_path / "mine.yaml"
    text = "scenario: mine\nas_of: '2022-11-03'\nauth: {exact: [sk-c]}\nsteps: [{ok: {}, times: 9}]\n"
    file.write_text(text)
    with serving("--scenario", str(file)) as started:
        assert paste(started, tmp_path, "sk-c")["data"]
        assert paste(started, tmp_path)["error"]["code"] == "invalid_api_key"
    assert " -F model=dall-e-2 " in started.command


def test_exact_key_is_not_shown_and_others_are_refused(tmp_path: Path) -> None:
    with serving("--auth", "exact", "--key", "sk-secret") as started:
        assert "sk-secret" not in started.greeting + started.command
        assert paste(started, tmp_path, "sk-other")["error"]["code"] == "invalid_api_key"


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
        f"mockserver: there is no scenario 'nope'; expected one of {', '.join(built_in_names())}, or a file's path "
        "(see mockserver --help)\n"
    )


Refuse = Callable[..., str]


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Refuse:
    """What the command says of arguments that it refuses."""

    def refuse(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["mockserver", *arguments])
        with pytest.raises(SystemExit) as stopped:
            main.main()
        said = capsys.readouterr()
        assert (stopped.value.code, said.out) == (2, "")
        line, rest = said.err.split("\n")
        assert rest == ""
        told = re.fullmatch(r"mockserver: (.*) \(see mockserver( [a-z]+)? --help\)", line)
        assert told
        return str(told[1])

    return refuse


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            "--dialect klingon",
            ["--dialect: expected one of openai, gateway, new-api, packy"],
        ),
        ("--prot 1", ["--prot"]),
        ("npm test", ["To run a command of your own, put it after --: mockserver -- npm test"]),
        ("--port x", ["--port", "expected an integer, got 'x'"]),
        ("--port 65536", ["--port", "65536"]),
        ("--auth none", ["--auth", "none", "open", "bearer", "exact"]),
        ("--auth exact", ["--auth exact needs --key, and --key needs --auth exact"]),
        ("--key sk-a", ["--auth exact needs --key, and --key needs --auth exact"]),
        ("--auth open --key sk-a", ["--auth exact needs --key, and --key needs --auth exact"]),
        ("--as-of yesterday", ["as-of: expected 'any', 'latest' or a date such as 2026-04-21, got 'yesterday'"]),
        ("--as-of 2026-02-30", ["as-of: expected 'any', 'latest' or a date such as 2026-04-21, got '2026-02-30'"]),
        # An address that is kept for documentation: no machine has it, and no name server is asked.
        ("--port 0 --host 203.0.113.1", ["cannot listen on 203.0.113.1 port 0: "]),
        (f"--host {'é' * 64}", [f"cannot listen on {'é' * 64} port 4010: invalid host name"]),
    ],
)
def test_refusal(refuse: Refuse, arguments: str, said: list[str]) -> None:
    message = refuse(*arguments.split())
    assert [part for part in said if part not in message] == []


def test_taken_port(refuse: Refuse) -> None:
    with uvicorn_server.listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        said = refuse("--port", str(port))
    assert said == f"cannot listen on 127.0.0.1 port {port}: {os.strerror(errno.EADDRINUSE)}; try --port 0"


def test_unwritable_port_file(refuse: Refuse, tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "port.txt"
    assert refuse("--port", "0", "--port-file", str(file)) == f"cannot write {file}: {MISSING}"
    assert str(tmp_path) in refuse("--port-file", str(tmp_path))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "scenario: mine\nsteps:\n  - {ok: {}}\n  - {eror: rate-input-images}\n",
            ":4: steps[1]: 'eror': unknown key (did you mean 'error'?); expected when, ok, error, reply, times, ",
        ),
        (
            "scenario: mine\nsteps:\n  - {error: rate-input-pictures}\n",
            ":3: steps[0].error: there is no error 'rate-input-pictures' (did you mean 'rate-input-images'?); ",
        ),
        ("scenario: mine\n", ":1: the key 'steps' or 'extends' is missing; expected keys are "),
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
    """Every command, option and default, the examples, the exit statuses: a screen or two of short lines."""
    monkeypatch.setenv("COLUMNS", "80")
    text = said(monkeypatch, capsys, "--help")
    assert text.splitlines()[0].endswith(": mockserver [OPTIONS] [-- COMMAND...] | COMMAND [ARGS]...")
    lines = text.splitlines()
    for name in main.command.commands:
        assert [line for line in lines if line.startswith(f"  {name} ")]
    for option in main.command.params:
        assert isinstance(option, click.Option)
        (line,) = (line for line in lines if line.startswith(f"  {', '.join(option.opts)} "))
        assert line.endswith(f"[{option.default}]") == bool(option.show_default)
    examples = text.partition("Examples:\n")[2].partition("\n\n")[0].splitlines()
    assert len(examples) >= 10
    assert all("mockserver" in line for line in examples)
    assert len(lines) <= 72


def test_help_shows_an_option_of_no_section() -> None:
    group = PassthroughGroup("x", params=[click.Option(["--new"], help="Not sorted in yet.")])
    text = group.get_help(click.Context(group))
    assert re.search(r"Other options:\n  --new \w+ +Not sorted in yet\.\n  --help ", text)


@pytest.mark.parametrize("name", sorted(main.command.commands))
def test_help_of_a_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str) -> None:
    """Each command says what it does in a short line, and has a help of its own."""
    assert f": mockserver {name} " in said(monkeypatch, capsys, name, "--help").splitlines()[0]


@pytest.mark.parametrize("name", ["", *sorted(main.command.commands)])
def test_help_shows_limits_only_where_there_are_some(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    text = " ".join(said(monkeypatch, capsys, *name.split(), "--help").split())
    assert not re.search(r"\[[^]]*None", text)


@pytest.mark.parametrize("name", ["check", "conform", "lint"])
def test_help_names_the_statuses(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    text = " ".join(said(monkeypatch, capsys, name, "--help").split())
    assert re.search(r"Exit status: 0 .*, 1 .*, 2 ", text)


def test_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["mockserver", "--version"])
    main.main()
    assert mockserver.__version__ in capsys.readouterr().out


def test_defaults() -> None:
    defaults = {option.name: option.default for option in main.command.params}
    assert defaults["port"] == 4010
    assert defaults["host"] == "127.0.0.1"


def test_interrupt_before_it_serves(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(host: str, port: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(uvicorn_server, "listen", interrupted)
    monkeypatch.setattr(sys, "argv", ["mockserver"])
    with pytest.raises(SystemExit) as stopped:
        main.main()
    assert stopped.value.code == 130
    assert capsys.readouterr().err.strip() == ""


def said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What the command prints when it ends well."""
    monkeypatch.setattr(sys, "argv", ["mockserver", *arguments])
    main.main()
    return capsys.readouterr().out


def test_models(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    heading, *rows = said(monkeypatch, capsys, "models", "--as-of", "2026-04-21").splitlines()
    assert heading.split()[:3] == ["model", "endpoints", "released"]
    assert [row.split()[0] for row in rows][-1] == "gpt-image-2-2026-04-21"
    found = json.loads(said(monkeypatch, capsys, "models", "--as-of", "latest", "--json"))
    assert found[0]["model"] == "gpt-image-1-mini"


def test_errors(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    old = json.loads(said(monkeypatch, capsys, "errors", "--as-of", "2023-01-01", "--json"))
    new = json.loads(said(monkeypatch, capsys, "errors", "--json"))
    messages = [[row["message"] for row in rows if row["error"] == "missing-parameter"] for rows in (old, new)]
    assert messages == [["'{param}' is a required property"], ["Missing required parameter: '{param}'."]]


def test_faults(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(said(monkeypatch, capsys, "faults", "--json"))
    assert {row["mark"] for row in found} == {"legal", "hostile"}
    assert "reset" in [line.split()[0] for line in said(monkeypatch, capsys, "faults").splitlines()]


@pytest.mark.parametrize("table", ["models", "errors", "faults"])
@pytest.mark.parametrize("columns", [40, 80, 4000])
def test_table_in_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: int, table: str
) -> None:
    """No line is longer than the terminal is wide, and nothing is left out: what has no room stands below its row."""
    whole = said(monkeypatch, capsys, table)
    rows = json.loads(said(monkeypatch, capsys, table, "--json"))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys, "argv", ["mockserver", table])
    main.main()
    out, err = capsys.readouterr()
    assert (err, max(map(len, out.splitlines())) <= columns) == ("", True)
    assert (out == whole, whole.count("\n")) == (columns == 4000, len(rows) + 1)
    told = "".join(out.split())
    for value in rows[-1].values():
        texts = [f"{name}{number:g}" for name, number in value.items()] if isinstance(value, dict) else [str(value)]
        assert all("".join(text.split()) in told for text in texts if value is not None)


def test_types_of_tables(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Programs get numbers as numbers, and null for what is not there."""
    models = {row["model"]: row for row in json.loads(said(monkeypatch, capsys, "models", "--json"))}
    found, old = models["gpt-image-2"], models["dall-e-2"]
    assert (found["shut down"], found["fidelity"], old["quality"], old["shut down"]) == (None, None, None, "2026-05-12")
    assert (old["$ per million tokens"], found["$ per million tokens"]["image out"]) == ({}, 30)
    errors = {row["error"]: row for row in json.loads(said(monkeypatch, capsys, "errors", "--json"))}
    assert (errors["unknown-path"]["status"], errors["unknown-path"]["code"]) == (404, None)
    assert all(row["message"] != "" and row["param"] != "" for row in errors.values())


@pytest.mark.parametrize(
    "command", ["-- true", "models", "errors", "check nope.png", "conform http://127.0.0.1:9", "fuzz json:dumps"]
)
def test_bad_day(refuse: Refuse, command: str) -> None:
    """What is no day, and a day before the first model."""
    words = command.split()
    asked = ["--as-of", "{}", *words] if words[0] == "--" else [*words, "--as-of", "{}"]
    soon, before = (refuse(*(word.format(day) for word in asked)) for day in ("soon", "2022-11-02"))
    assert "as-of: expected 'any', 'latest' or a date" in soon
    assert before == "as-of 2022-11-02 is before 2022-11-03, when the first model was released"


def test_first_and_far_days(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for day, first in (("2022-11-03", "dall-e-2"), ("2099-01-01", "gpt-image-2")):
        assert said(monkeypatch, capsys, "models", "--as-of", day).splitlines()[1].startswith(f"{first} ")


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
def test_beyond_loopback(tmp_path: Path, options: list[str]) -> None:
    """Who listens for others is told what that means, and the token; the pasted command works all the same."""
    with serving("--host", "0.0.0.0", *options) as started:
        assert started.root.startswith("http://127.0.0.1:")
        assert started.process.stdout is not None
        said = started.process.stdout.readline()
        assert said.startswith("  Other machines can reach 0.0.0.0 and use the API")
        token = said.split()[-1]
        assert (token == "mine") == bool(options)
        assert paste(started, tmp_path)["data"]
        with httpx2.Client(headers={"X-Mockserver-Token": token}, timeout=60) as client:
            assert client.get(f"{started.root}/__mock/journal").status_code == 200
            assert httpx2.get(f"{started.root}/__mock/journal", timeout=60).status_code == 401


@pytest.mark.parametrize(("condition", "status"), [("refused", 1), ("verdict", 0)])
def test_report_of_a_server(tmp_path: Path, condition: str, status: int) -> None:
    """A server that is stopped writes its report, and looks at the conditions."""
    file = tmp_path / "report.json"
    with serving("--report", str(file), "--fail-on", condition) as started:
        answer = httpx2.post(f"{started.root}/v1/images/edits", timeout=60)
        assert answer.status_code == 401
        code, out, err = started.stop(signal.SIGTERM)
    said = "mockserver: --fail-on refused: 1 request got an error response (e000001)\n" if status else ""
    assert (code, out, err) == (status, "", said)
    told = json.loads(file.read_text())
    assert (told["command"], told["status"], len(told["journal"]["entries"])) == (None, None, 1)


def test_bare_and_still() -> None:
    """With --bare only the headers that a client needs are sent; with --clock the same call gives the same bytes."""
    with serving("--bare", "--clock", "2026-11-21T12:00:00Z") as started, httpx2.Client(timeout=60) as client:
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
    with serving("--latency", "0.01") as started, httpx2.Client(timeout=60) as client:
        call: dict[str, Any] = {
            "json": {"model": "gpt-image-2", "prompt": "x"},
            "headers": {"Authorization": "Bearer x"},
        }
        answer = client.post(f"{started.root}/v1/images/generations", **call)
    assert answer.elapsed.total_seconds() >= 0.01


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--latency", "slow", "--latency: expected none, realistic or seconds from 0 to 3600, got 'slow'"),
        ("--latency", "-1", "--latency: expected none, realistic or seconds from 0 to 3600, got '-1'"),
        ("--latency", "inf", "--latency: expected none, realistic or seconds from 0 to 3600, got 'inf'"),
        ("--clock", "1969-12-31", "--clock: expected real or a time since 1970, got '1969-12-31'"),
        ("--clock", "noon", "--clock: expected real or a time such as 2026-11-21T12:00:00Z, got 'noon'"),
    ],
)
def test_bad_time(refuse: Refuse, option: str, value: str, said: str) -> None:
    assert said in refuse(option, value)


@pytest.mark.parametrize(("latency", "wait"), [("none", 0), ("realistic", None), ("2.5", 2.5)])
def test_seconds(latency: str, wait: float | None) -> None:
    assert options.parse_latency(latency) == wait


def test_instant() -> None:
    assert (
        options.parse_clock("2026-11-21T12:00:00")() == options.parse_clock("2026-11-21T13:00:00+01:00")() == 1795262400
    )
    assert options.parse_clock("real") is time.time


def test_conform(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The mock passes its own cases; without a key nothing is asked."""
    monkeypatch.setenv("MY_KEY", "sk-mine-0123456789")
    report = tmp_path / "report.json"
    with serving("--auth", "exact", "--key", "sk-mine-0123456789", "--as-of", "latest") as started:
        text = said(monkeypatch, capsys, "conform", started.root, "--key-env", "MY_KEY", "--report", str(report))
        assert "sk-mine" not in text + report.read_text()
        told = json.loads(said(monkeypatch, capsys, "conform", started.root, "--key-env", "MY_KEY", "--json"))
        assert told == json.loads(report.read_text())
        assert told["summary"]["differs"] == 0
        monkeypatch.setattr(sys, "argv", ["mockserver", "conform", started.root, "--key-env", "NOT_SET"])
        with pytest.raises(SystemExit) as stopped:
            main.main()
    assert stopped.value.code == 2
    told = "mockserver: the key in NOT_SET is empty; expected an API key "
    assert capsys.readouterr().err.startswith(told)


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
        f"{bad}:4: steps[1].times: 0 is invalid; expected minimum 1",
    ]
    told = json.loads(run("lint", "--json", str(bad)).stdout)
    assert [(one["file"], one["line"]) for one in told] == [(str(bad), 3), (str(bad), 4)]
    missing = run("lint", str(tmp_path / "none.yaml"))
    assert (missing.returncode, "cannot read" in missing.stderr) == (2, True)


def test_scenarios() -> None:
    lines = run("scenarios").stdout.splitlines()
    assert [line.split()[0] for line in lines] == built_in_names()
    assert lines[built_in_names().index("ok")].endswith("The API works. Invalid requests are rejected as usual.")
    told = json.loads(run("scenarios", "--json").stdout)
    assert [" ".join((f"{one['scenario']:<20}", one["about"])) for one in told] == lines
    comment, file = (HOME / "scenarios" / "flaky.yaml").read_text().split("\n", 1)
    assert comment.startswith("# yaml-language-server: $schema=../")  # a path that a copy does not have
    assert run("scenarios", "flaky").stdout == file
    unknown = run("scenarios", "nothing")
    assert (unknown.returncode, "there is no scenario 'nothing'" in unknown.stderr) == (2, True)


def test_conform_that_cannot_be_asked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What was found out before stays on stdout; why there is no more is one line on stderr."""
    monkeypatch.setenv("MY_KEY", "sk-mine")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and listens to nobody
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setattr(sys, "argv", ["mockserver", "conform", url, "--key-env", "MY_KEY", "--json"])
        with pytest.raises(SystemExit) as stopped:
            main.main()
    out, err = capsys.readouterr()
    assert stopped.value.code == 2
    assert json.loads(out)["cases"]
    assert err.startswith(f"mockserver: cannot connect to {url}: ")
    assert err.count("\n") == 1


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in, with a folder, a file of noise, and a scenario that is none; and a key."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "noise.bin").write_bytes(bytes(range(128, 256)))
    (tmp_path / "house.png").write_bytes(png())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-mine")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("models extra", ["extra"]),
        ("models --as-of", ["--as-of"]),
        ("errors --jsn", ["--jsn"]),
        ("faults --as-of any", ["--as-of"]),
        ("check", ["FILE..."]),
        ("check nope.png", [f"cannot read nope.png: {MISSING}"]),
        ("check folder", [f"cannot read folder: {FOLDER}"]),
        ("check house.png --mask folder", [f"cannot read folder: {FOLDER}"]),
        ("check house.png --option x", ["--option", "expected NAME=VALUE, got 'x'"]),
        ("check house.png --as-of 1-1-1", ["as-of: expected 'any', 'latest' or a date"]),
        ("conform", ["URL"]),
        ("conform ftp://x", ["invalid URL: expected http:// or https:// and a host"]),
        ("conform http://[::1", ["invalid URL: "]),
        ("conform http://127.0.0.1:9 --budget nan", ["--budget", "expected a number, got 'nan'"]),
        ("conform http://127.0.0.1:9 --budget -1", ["--budget", "-1.0"]),
        ("conform http://127.0.0.1:9 --budget=", ["--budget", "expected a number, got ''"]),
        ("conform http://127.0.0.1:9 --report=", ["--report", "expected a value, got an empty string"]),
        (
            "conform http://127.0.0.1:9 --key-env=",
            ["--key-env", "expected a value, got an empty string"],
        ),
        (
            "conform http://127.0.0.1:9 --report x.txt",
            ["unknown report format '.txt': expected a name that ends in .json or .xml"],
        ),
        ("check house.png --mask=", ["--mask", "expected a value, got an empty string"]),
        ("check house.png --markup=", ["--markup", "expected a value, got an empty string"]),
        ("check ", ["FILE...", "expected a value, got an empty string"]),
        ("lint ", ["FILE...", "expected a value, got an empty string"]),
        ("lint", ["FILE..."]),
        ("fuzz json:dumps --model=", ["--model", "expected a value, got an empty string"]),
        ("fuzz json:dumps --save=", ["--save", "expected a value, got an empty string"]),
        ("fuzz json:dumps --report=", ["--report", "expected a value, got an empty string"]),
        ("fuzz json:dumps --baseline=", ["--baseline", "expected a value, got an empty string"]),
        ("fuzz json:dumps --max-time nan", ["--max-time", "expected a number, got 'nan'"]),
        ("fuzz json:dumps --max-time 1e999", ["--max-time", "expected a number, got '1e999'"]),
        (
            "fuzz json:dumps --max-examples 1_0",
            ["--max-examples", "expected an integer, got '1_"],
        ),
        ("fuzz json:dumps --seed ３", ["--seed", "expected an integer, got '３'"]),
        ("--port ٣ -- true", ["--port", "expected an integer, got '٣'"]),
        (
            f"--seed {'9' * 5000} -- true",
            ["--seed", "expected an integer, got '999999999999...9"],
        ),
        ("--workers ² -- true", ["--workers", "expected an integer, got '²'"]),
        ("--latency 1_0 -- true", ["--latency: expected none, realistic or seconds from 0 to 3600, got '1_0'"]),
        ("--fail-on cost: -- true", ["--fail-on", "expected unmatched, refused, verdict or cost:USD"]),
        ("--fail-on cost:٣ -- true", ["--fail-on", "expected unmatched, refused, verdict or cost:USD"]),
        ("--token é -- true", ["--token", "expected characters that an HTTP header can carry"]),
        ("lint -- --json", [f"cannot read --json: {MISSING}"]),
        ("lint folder", [f"cannot read folder: {FOLDER}"]),
        ("lint /proc/self/mem", [f"cannot read /proc/self/mem: {os.strerror(errno.EIO)}"]),
        ("scenarios ../ok", ["there is no scenario '../ok'"]),
        ("scenarios flaky --json", ["--json prints the list of scenarios; the file of one scenario is YAML"]),
        ("completion", ["{bash|zsh|fish}"]),
        ("completion csh", ["{bash|zsh|fish}", "csh"]),
        ("--", ["expected a command after --, such as: mockserver -- npm test"]),
        ("--bogus -- true", ["--bogus"]),
        ("--scenario folder", ["there is no scenario 'folder'"]),
        ("--scenario noise.bin", ["noise.bin:1: is not UTF-8 text: "]),
        (
            "--report folder/x.doc",
            ["--report", "unknown report format '.doc': expected a name that ends in .json, .xml, .html"],
        ),
        (
            "--report nowhere/x.json",
            ["--report", f"cannot write nowhere/x.json: {MISSING}"],
        ),
        ("--fail-on cost:x", ["--fail-on", "expected unmatched, refused, verdict or cost:USD"]),
        ("--workers 2 -- true", ["--workers cannot be combined with a command after --"]),
        ("--watch", ["--watch needs a scenario file, and 'ok' is built in"]),
        ("--state nonsense", ["--state: the URL is invalid: expected redis://HOST:PORT/DB"]),
        (
            "--as-of 2026-04-21 models",
            ["--as-of: an option of the server, and models starts none; options of models go"],
        ),
        ("--port 0 --bare lint x", ["--port, --bare: an option of the server, and lint starts none"]),
        ("--host= -- true", ["--host", "expected a value, got an empty string"]),
        ("--auth exact --key= -- true", ["--key", "expected a value, got an empty string"]),
        (
            "--auth exact --key fö -- true",
            ["--key", "expected characters that an HTTP header"],
        ),
        ("--auth exact --key sk-a --key a\u00a0b -- true", ["--key", "expected characters that an"]),
        ("--token= -- true", ["--token", "expected a value, got an empty string"]),
        ("--state= -- true", ["--state", "expected a value, got an empty string"]),
        ("--port-file= -- true", ["--port-file", "expected a value, got an empty string"]),
        ("--port-file folder -- true", ["--port-file", "folder"]),
    ],
)
def test_wrong_use(refuse: Refuse, folder: Path, arguments: str, said: list[str]) -> None:
    """One readable line on stderr, nothing on stdout, exit status 2."""
    message = refuse(*arguments.split(" "))
    assert [part for part in said if part not in message] == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("check --mask", "mockserver check"),
        ("models --nope", "mockserver models"),
        ("models --as-of soon", "mockserver models"),
        ("--port", "mockserver"),
        ("nope", "mockserver"),
    ],
)
def test_help_to_see(arguments: str, told: str) -> None:
    """Whose help a line points to."""
    assert run(*arguments.split()).stderr.endswith(f" (see {told} --help)\n")


@pytest.mark.usefixtures("unmeasured")
def test_statuses(folder: Path) -> None:
    """What the help says of exit statuses."""
    (folder / "good.yaml").write_text("scenario: good\nsteps: [{ok: {}}]\n")
    statuses = {
        ("check", str(folder / "house.png")): 0,
        ("check", str(folder / "noise.bin")): 1,
        ("check", str(folder / "none.png")): 2,
        ("lint", str(folder / "good.yaml")): 0,
        ("lint", str(folder / "noise.bin")): 1,
        ("lint", str(folder)): 2,
        ("--port", "0", "--", "sh", "-c", "exit 7"): 7,
        ("--port", "0", "--", "no-such-command-here"): 127,
        ("--port", "0", "--", str(folder)): 126,
        ("--port", "0", "--", "sh", "-c", "kill -9 $$"): 137,
    }
    done = {arguments: run(*arguments) for arguments in statuses}
    assert {arguments: one.returncode for arguments, one in done.items()} == statuses
    assert [one.stderr for one in done.values() if "Traceback" in one.stderr] == []


def test_reader_that_leaves() -> None:
    """A pipe whose reader has seen enough is no error to speak of."""
    call = f"{sys.executable} -m mockserver errors --json | head -n 1"
    done = subprocess.run(["bash", "-c", call], capture_output=True, text=True, cwd=HOME)
    assert (done.stdout, done.stderr) == ("[\n", "")


@pytest.mark.parametrize(
    ("where", "why"), [("/dev/full", "No space left on device"), ("&-", "it is closed")], ids=["full", "closed"]
)
@pytest.mark.parametrize("arguments", ["models", "errors --help", "--version", "scenarios ok", "--port 0"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_stdout_that_takes_nothing(unbuffered: str, arguments: str, where: str, why: str) -> None:
    call = f"{sys.executable} -m mockserver {arguments} >{where}"
    env = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run(["bash", "-c", call], capture_output=True, text=True, cwd=HOME, env=env)
    told = f"mockserver: cannot write to stdout: {why} (see mockserver --help)\n"
    assert (done.returncode, done.stderr) == (2, told)


def test_trouble_that_is_not_stdouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody expected is not taken for it."""

    def broken(day: object) -> None:
        raise FileNotFoundError(2, "not there", "table.yaml")

    monkeypatch.setattr(tables, "models", broken)
    monkeypatch.setattr(sys, "argv", ["mockserver", "models"])
    with pytest.raises(FileNotFoundError, match="not there"):
        main.main()


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command by its name, which shells call it by."""
    command = tmp_path / "bin" / "mockserver"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mockserver "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(HOME))


WORDS: list[tuple[list[str], set[str]]] = [
    (["sc"], {"scenarios"}),
    (["comp"], {"completion"}),
    (["--sc"], {"--scenario"}),
    (["--scenario", "fl"], {"flaky"}),
    (["--scenario", "=", "fl"], {"flaky"}),
    (["--auth", ""], {"open", "bearer", "exact"}),
    (["--as-of", ""], {"any", "latest"}),
    (["--dialect", "gate"], {"gateway"}),
    (["--latency", "r"], {"realistic"}),
    (["--clock", ""], {"real"}),
    (["--fail-on", "c"], {"cost:"}),
    (["scenarios", "quota"], {"quota_exhausted"}),
    (["check", "--model", "gpt-image-2-"], {"gpt-image-2-2026-04-21"}),
    (["completion", ""], {"bash", "zsh", "fish"}),
    (["conform", "--js"], {"--json"}),
    (["lint", "--"], {"--json", "--help", "-h"} - {"-h"}),
]


def test_completion_in_bash(shell: None) -> None:
    """The script, loaded into bash, finds what the words before the cursor leave open."""
    asked = "".join(
        f"COMP_WORDS=(mockserver {' '.join(word or repr('') for word in words)}); COMP_CWORD={len(words)}\n"
        'COMPREPLY=(); _mockserver_completion mockserver; echo "${COMPREPLY[*]}"\n'
        for words, _ in WORDS
    )
    script = f'set -eu; eval "$(mockserver completion bash)"\n{asked}'
    done = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True)
    assert done.stderr == ""
    assert [set(line.split()) for line in done.stdout.splitlines()] == [found for _, found in WORDS]


def test_tab_in_bash(shell: None, folder: Path) -> None:
    """Somebody presses TAB: names are completed, files where files are meant, and no report is written by it."""
    typed = {
        "mockserver --scenario trunc\t": "mockserver --scenario truncated_stream ",
        "mockserver --scenario ./hou\t": "mockserver --scenario ./house.png ",
        "mockserver lint nois\t": "mockserver lint noise.bin ",
        "mockserver --report new.json --scenario fla\t": "mockserver --report new.json --scenario flaky ",
        "mockserver --report hou\t": "mockserver --report house.png ",
        "mockserver -- hou\t": "mockserver -- house.png ",
        "mockserver --seed 1 -- cat hou\t": "mockserver --seed 1 -- cat house.png ",
    }
    main, end = pty.openpty()
    env = os.environ | {"PS1": "", "TERM": "dumb", "INPUTRC": "/dev/null"}
    with subprocess.Popen(["bash", "--norc", "-i"], stdin=end, stdout=end, stderr=end, env=env, close_fds=True) as bash:
        try:
            os.write(
                main, b"bind 'set enable-bracketed-paste off'; eval \"$(mockserver completion bash)\"; echo READY\n"
            )
            seen = until(main, "\r\nREADY")
            for keys, shown in typed.items():
                os.write(main, keys.encode())
                seen = until(main, shown)
                assert "Traceback" not in seen
                os.write(main, b"\x15")  # forget the line
        finally:
            bash.kill()
            os.close(end)
            os.close(main)
    assert not (folder / "new.json").exists()


def until(terminal: int, text: str) -> str:
    """What a terminal shows, up to a text that is sure to come."""
    seen = ""
    while text not in seen:
        assert select.select([terminal], [], [], 30)[0], f"{text!r} is missing in {seen!r}"
        seen += os.read(terminal, 4096).decode()
    return seen


@pytest.mark.parametrize("name", ["zsh", "fish"])
def test_completion_of_other_shells(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str
) -> None:
    """The script asks the command, which answers; a shell that is installed finds no fault with the script."""
    text = said(monkeypatch, capsys, "completion", name)
    assert f"_MOCKSERVER_COMPLETE={name}_complete" in text
    words = {"zsh": ("mockserver --scenario fl", "2"), "fish": ("mockserver --scenario fl", "fl")}[name]
    env = {"_MOCKSERVER_COMPLETE": f"{name}_complete", "COMP_WORDS": words[0], "COMP_CWORD": words[1]}
    done = subprocess.run([sys.executable, "-m", "mockserver"], cwd=HOME, env=os.environ | env, capture_output=True)
    assert b"flaky" in done.stdout
    file = tmp_path / "script"
    file.write_text(text)
    checks = [[name, "-n", str(file)]] if shutil.which(name) else []
    assert [check for check in checks if subprocess.run(check).returncode] == []
