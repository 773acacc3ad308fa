"""The command line: each command is one call. Turns bad input into one readable line and exit status 2."""

import sys
from pathlib import Path
from typing import Any

import click

from mockserver import __version__

EXAMPLES = """
\b
Examples:
  mockserver                                  serve on 127.0.0.1:4010
  mockserver --scenario flaky                 two rate limits, a server error, then success
  mockserver --port 0 --port-file port.txt    a free port, written to a file
  mockserver --auth exact --key sk-test-1     only this key is accepted
"""


@click.command(epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
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
@click.version_option(__version__, prog_name="mockserver")
def command(
    host: str,
    port: int,
    port_file: Path | None,
    scenario: str,
    day: str,
    auth: str,
    keys: tuple[str, ...],
    paint: str,
) -> None:
    """Answer the OpenAI Images API on this machine, offline: exact answers, exact refusals, and a hint beside each."""
    from mockserver.contract.asof import as_of
    from mockserver.engine.values import Settings
    from mockserver.scenario.files import ScenarioError, load
    from mockserver.server import foreground, listen, url
    from mockserver.state import Memory, Server

    if (auth == "exact") != bool(keys):
        raise click.UsageError("--auth exact and --key belong together: give both, or neither")
    try:
        settings = Settings(as_of=as_of(day), auth=auth, keys=frozenset(keys), paint=paint)
        server = Server(settings, Memory(load(scenario)))
    except (ScenarioError, ValueError) as error:
        raise click.UsageError(str(error)) from None
    try:
        listener = listen(host, port)
    except OSError as error:
        raise click.UsageError(f"cannot listen on {host} port {port}: {error.strerror}; try --port 0") from None
    if port_file:
        try:
            port_file.write_text(f"{listener.getsockname()[1]}\n")
        except OSError as error:
            raise click.UsageError(f"cannot write {port_file}: {error.strerror}") from None
    click.echo(greeting(server, url(listener)))
    sys.stdout.flush()
    foreground(server, listener)


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


def main() -> None:
    """Run the command line; the exit status is 0, or 2 for bad input."""
    try:
        command.main(standalone_mode=False)
    except click.ClickException as error:
        click.echo(f"mockserver: {error.format_message()} (see mockserver --help)", err=True)
        sys.exit(2)
