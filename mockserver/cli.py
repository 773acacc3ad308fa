"""The command line: each command is one call. Turns bad input into one readable line and exit status 2."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from mockserver import __version__, commands
from mockserver.options import Wrapping, fail_on, furnished, joined, listening, report, visited

if TYPE_CHECKING:
    from mockserver.runner import Ending
    from mockserver.state import Server

CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
EXAMPLES = """
\b
Examples:
  mockserver                                  serve on 127.0.0.1:4010
  mockserver --scenario flaky                 two rate limits, a server error, then success
  mockserver --port 0 --port-file port.txt    a free port, written to a file
  mockserver --auth exact --key sk-test-1     only this key is accepted
  mockserver --scenario flaky -- npm test     run a command against a server of its own
  mockserver lint mine.yaml                   what is wrong with a scenario of your own
  mockserver models --as-of 2026-04-21        what the models of a day accept
  mockserver errors                           every refusal that is known
  mockserver faults                           every way in which an answer can be broken
  mockserver check house.png                  would the API take this picture?
  mockserver conform https://gateway.test     where a server differs from the API
"""


@click.group(
    cls=Wrapping,
    invoke_without_command=True,
    epilog=EXAMPLES,
    context_settings=CONTEXT,
    subcommand_metavar="[-- COMMAND...] | COMMAND [ARGS]...",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=4010, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 takes a free one."
)
@click.option("--port-file", type=click.Path(dir_okay=False, path_type=Path), help="Write the port to this file.")
@click.option("--scenario", default="ok", show_default=True, help="A built-in scenario's name, or a file.")
@click.option("--seed", type=int, help="Decides all that is left to chance, in place of the scenario's own seed.")
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
@click.option(
    "--validate",
    type=click.Choice(["strict", "schema", "off"]),
    default="strict",
    show_default=True,
    help="What is checked: all; types, enums and required fields alone; nothing.",
)
@click.option(
    "--dialect",
    default="openai",
    show_default=True,
    metavar="NAME",
    help="How the server speaks: openai, gateway (a reseller's), or a gateway that distorts errors.",
)
@click.option("--bare", is_flag=True, help="Send no header that a client does not need.")
@click.option("--watch", is_flag=True, help="Read the scenario's file again when it changes.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Processes that serve.")
@click.option("--state", metavar="URL", help="Keep the state in Redis, for all workers: redis://HOST:PORT/DB.")
@click.option("--token", help="What /__mock asks for; made up when the server is reached from other machines.")
@click.option(
    "--report", metavar="FILE", callback=report, help="Write journal, ledger and verdict: .json, .xml, .html."
)
@click.option(
    "--fail-on",
    multiple=True,
    metavar="WHAT",
    callback=fail_on,
    help="End with status 1 on unmatched, refused, verdict or cost:USD; may be given several times.",
)
@click.version_option(__version__, prog_name="mockserver")
@click.pass_context
def command(context: click.Context, /, **options: Any) -> None:
    """Answer the OpenAI Images API on this machine, offline: exact answers, exact refusals, and a hint beside each."""
    if context.invoked_subcommand is None:
        from mockserver.runner import Ending

        ending = Ending(options.pop("fail_on"), options.pop("report"))
        if context.obj:
            given = context.get_parameter_source("port") is not ParameterSource.DEFAULT
            context.exit(wrap(context.obj, ending, **(options if given else options | {"port": 0})))
        context.exit(serve(ending, **options))


def wrap(
    command: list[str], ending: Ending, host: str, port: int, port_file: Path | None, workers: int, **options: Any
) -> int:
    """Run a command against a server of its own; returns the exit status."""
    from mockserver.runner import ENTRIES, run
    from mockserver.server import Running

    if workers > 1:
        raise click.UsageError("--workers is for a server that stays; a command after -- has a server of its own")
    server = joined(furnished(**options))
    server.journal.limit = ENTRIES
    with listening(host, port, port_file) as listener:
        running = Running(server, listener, host)
        try:
            return run(command, running, options["keys"], ending)
        finally:
            running.stop()


def serve(ending: Ending, host: str, port: int, port_file: Path | None, workers: int = 1, **options: Any) -> int:
    """Serve until told to stop, then say which models were used that are to be shut down; returns the exit status."""
    from mockserver import workers as several
    from mockserver.runner import ENTRIES, end, retired, say
    from mockserver.server import bound, foreground, url

    if workers > 1 and ending.wanted and not options["state"]:
        raise click.UsageError("--report and --fail-on with several workers need --state: each has its own journal")
    server, status = joined(furnished(**options)), 0
    limit = ENTRIES if ending.wanted else None
    server.journal.limit = limit or server.journal.limit
    with listening(host, port, port_file) as listener:
        beyond = bound(server, listener, host)
        text = greeting(server, url(listener)) + (warning(server, host) if beyond else "")
        if workers == 1:
            foreground(server, listener, lambda: click.echo(text))
        else:
            if not options["state"]:
                say(several.ALONE.format(count=workers))
            told = (options | {"token": server.token}, limit, listener, host)
            status = several.serve(workers, told, lambda: click.echo(text))
    retired(server)
    return visited(server, lambda: end(server, ending)) or status if ending.wanted else status


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


def warning(server: Server, host: str) -> str:
    """What it means to listen where other machines reach the server."""
    return (
        f"\n  {host} is reached from other machines: whoever can reach it can use the API, with any key unless --auth "
        f"exact is given; /__mock asks for the token {server.token}"
    )


for subcommand in commands.ALL:
    command.add_command(subcommand)


def main() -> None:
    """Run the command line; the exit status is 0 or the command's, 2 for bad input, 130 for Ctrl-C before it serves."""
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
