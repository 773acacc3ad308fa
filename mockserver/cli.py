"""The command line: each command is one call. Turns bad input into one readable line and exit status 2."""

from __future__ import annotations

import contextlib
import errno
import math
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mockserver import __version__, commands

if TYPE_CHECKING:
    import socket

    from mockserver.state import Server

CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
EXAMPLES = """
\b
Examples:
  mockserver                                  serve on 127.0.0.1:4010
  mockserver --scenario flaky                 two rate limits, a server error, then success
  mockserver --port 0 --port-file port.txt    a free port, written to a file
  mockserver --auth exact --key sk-test-1     only this key is accepted
  mockserver models --as-of 2026-04-21        what the models of a day accept
  mockserver errors                           every refusal that is known
  mockserver faults                           every way in which an answer can be broken
  mockserver check house.png                  would the API take this picture?
  mockserver conform https://gateway.test     where a server differs from the API
"""


@click.group(invoke_without_command=True, epilog=EXAMPLES, context_settings=CONTEXT)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=4010, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 takes a free one."
)
@click.option("--port-file", type=click.Path(dir_okay=False, path_type=Path), help="Write the port to this file.")
@click.option("--scenario", default="ok", show_default=True, help="A built-in scenario's name, or a file.")
@click.option("--as-of", "day", default="any", show_default=True, help="The API of a day: any, latest, or a date.")
@click.option(
    "--auth",
    default="bearer",
    show_default=True,
    type=click.Choice(["open", "bearer", "exact"]),
    help="No key needed; any bearer token; or exactly one of --key.",
)
@click.option("--key", "keys", multiple=True, help="A key that --auth exact accepts; may be given several times.")
@click.option(
    "--paint",
    default="receipt",
    show_default=True,
    type=click.Choice(["receipt", "flat", "noise"]),
    help="What the answers show: what was understood; one colour; bytes as heavy as real ones.",
)
@click.option("--clock", default="real", show_default=True, help="The time: real, or an instant that stands still.")
@click.option(
    "--latency",
    default="none",
    show_default=True,
    help="How long an answer takes: none, realistic (as recorded of the model and quality), or seconds.",
)
@click.option("--bare", is_flag=True, help="Send no header that a client does not need.")
@click.version_option(__version__, prog_name="mockserver")
@click.pass_context
def command(context: click.Context, /, **options: Any) -> None:
    """Answer the OpenAI Images API on this machine, offline: exact answers, exact refusals, and a hint beside each."""
    if context.invoked_subcommand is None:
        serve(**options)


def serve(host: str, port: int, port_file: Path | None, **options: Any) -> None:
    """Serve until told to stop; then say which models were used that have a day of shutdown."""
    from mockserver.contract.capabilities import table
    from mockserver.server import foreground, url

    server = furnished(**options)
    with listening(host, port, port_file) as listener:
        foreground(server, listener, lambda: click.echo(greeting(server, url(listener))))
    for model, calls in server.dated.items():
        gone = table()[model].shutdown
        click.echo(f"{calls} calls used {model}, which is shut down from {gone} on")


def furnished(
    scenario: str, day: str, auth: str, keys: tuple[str, ...], paint: str, clock: str, latency: str, bare: bool
) -> Server:
    """The server that the options ask for."""
    from mockserver.contract.asof import as_of
    from mockserver.engine.values import Settings
    from mockserver.scenario.files import ScenarioError, load
    from mockserver.state import Memory, Server

    if (auth == "exact") != bool(keys):
        raise click.UsageError("--auth exact and --key belong together: give both, or neither")
    try:
        settings = Settings(as_of(day), auth, frozenset(keys), paint, latency=seconds(latency), bare=bare)
        return Server(settings, Memory(load(scenario)), clock=instant(clock))
    except (ScenarioError, ValueError) as error:
        raise click.UsageError(str(error)) from None


@contextlib.contextmanager
def listening(host: str, port: int, port_file: Path | None) -> Iterator[socket.socket]:
    """A socket on that host and port, its port written to the file if there is one."""
    from mockserver.server import listen

    try:
        listener = listen(host, port)
    except OSError as error:
        advice = "; try --port 0" if error.errno == errno.EADDRINUSE else ""
        raise click.UsageError(f"cannot listen on {host} port {port}: {error.strerror}{advice}") from None
    with listener:
        try:
            if port_file:
                port_file.write_text(f"{listener.getsockname()[1]}\n")
        except OSError as error:
            raise click.UsageError(f"cannot write {port_file}: {error.strerror}") from None
        yield listener


def seconds(latency: str) -> float | None:
    """The latency of an answer in seconds; None where it is drawn from what was recorded. Raises ValueError."""
    if latency in ("none", "realistic"):
        return 0 if latency == "none" else None
    try:
        value = float(latency)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 3600:
        raise ValueError(f"--latency is none, realistic or seconds from 0 to 3600, not {latency!r}")
    return value


def instant(clock: str) -> Callable[[], float]:
    """The clock of the server: the real one, or one that stands at an instant. Raises ValueError."""
    if clock == "real":
        return time.time
    try:
        moment = datetime.fromisoformat(clock)
    except ValueError:
        raise ValueError(f"--clock is real or an instant such as 2026-11-21T12:00:00Z, not {clock!r}") from None
    stands = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return lambda: stands


def greeting(server: Any, root: str) -> str:
    """One line that says what was understood, and a command to paste that makes a first edit."""
    settings = server.settings
    # A key given on the command line stays out of logs: the shell fills it in.
    key = "$OPENAI_API_KEY" if settings.auth == "exact" else "test"
    who = "" if settings.auth == "open" else f'-H "Authorization: Bearer {key}" '
    return (
        f"mockserver {__version__} on {root} (scenario {server.state.scenario.name}, as of {settings.as_of.label}, "
        f"auth {settings.auth}, paint {settings.paint})\n"
        f"  curl -s {root}/__mock/sample.png | curl {root}/v1/images/edits {who}"
        f"-F model=gpt-image-1.5 -F prompt='Make it night' -F 'image=@-;type=image/png;filename=house.png'"
    )


for subcommand in commands.ALL:
    command.add_command(subcommand)


def main() -> None:
    """Run the command line; the exit status is 0, 2 for bad input, or 130 for Ctrl-C before the server is up."""
    try:
        status = command.main(prog_name="mockserver", standalone_mode=False)
        if status:
            sys.exit(status)
    except click.ClickException as error:
        line = " ".join(error.format_message().split())
        click.echo(f"mockserver: {line} (see mockserver --help)", err=True)
        sys.exit(2)
    except click.Abort:  # Ctrl-C before anything was served
        sys.exit(130)
