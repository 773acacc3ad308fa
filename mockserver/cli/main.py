"""The command line: each command is one call. Turns bad input into one readable line and exit status 2."""

from __future__ import annotations

import os
import sys
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click
from click.core import ParameterSource

from mockserver import __version__
from mockserver.cli import commands, completion
from mockserver.cli.group import STATUSES, Wrapping
from mockserver.cli.options import furnished, joined, listening, visited
from mockserver.cli.serve_options import SECTIONS
from mockserver.server.collector import rarely

if TYPE_CHECKING:
    from mockserver.cli.run import Ending
    from mockserver.state.server_state import ServerState

CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
EXAMPLES = """
\b
Examples:
  mockserver                                  serve on 127.0.0.1:4010; look at /__mock/ in a browser
  mockserver --scenario flaky                 two rate limits, a server error, then success
  mockserver --scenario flaky -- npm test     run a command against a server of its own
  mockserver --auth exact --key sk-test-1     only this key is accepted
  mockserver check house.png                  would the API take this picture?
  mockserver models --json                    what each model accepts, for programs
  mockserver scenarios flaky > mine.yaml      a scenario to begin your own with
  mockserver lint mine.yaml                   what is wrong with it
  mockserver conform https://gateway.test     where a server differs from the API
  eval "$(mockserver completion bash)"        completion in this shell
"""


@click.group(
    cls=Wrapping,
    invoke_without_command=True,
    params=[*chain.from_iterable(SECTIONS.values())],
    epilog=EXAMPLES + STATUSES,
    context_settings=CONTEXT,
    subcommand_metavar="[-- COMMAND...] | COMMAND [ARGS]...",
)
@click.version_option(__version__, prog_name="mockserver")
@click.pass_context
def command(context: click.Context, /, **options: Any) -> None:
    """Answer the OpenAI Images API on this machine, offline: exact answers, exact refusals, and a hint beside each."""
    if context.invoked_subcommand:
        alone(context, context.invoked_subcommand)
    else:
        from mockserver.cli.run import Ending

        ending = Ending(options.pop("fail_on"), options.pop("report"))
        if context.obj:
            given = context.get_parameter_source("port") is not ParameterSource.DEFAULT
            context.exit(wrap(context.obj, ending, **(options if given else options | {"port": 0})))
        context.exit(serve(ending, **options))


def alone(context: click.Context, name: str) -> None:
    """Refuse options of a server before a command that starts none: they would be ignored there, and answers differ."""
    named = {str(param.name): param.opts[0] for param in context.command.params}
    given = [opt for key, opt in named.items() if context.get_parameter_source(key) is ParameterSource.COMMANDLINE]
    if given:
        told = f"{', '.join(given)} before {name} would be for a server, which it does not start"
        raise click.UsageError(f"{told}; its own options stand behind it", context)


def wrap(
    command: list[str], ending: Ending, host: str, port: int, port_file: Path | None, workers: int, **options: Any
) -> int:
    """Run a command against a server of its own; returns the exit status."""
    from mockserver.cli.run import ENTRIES, run
    from mockserver.server.uvicorn_server import BackgroundServer

    if workers > 1:
        raise click.UsageError("--workers is for a server that stays; a command after -- has a server of its own")
    server = joined(furnished(**options))
    server.journal.limit = ENTRIES
    with listening(host, port, port_file) as listener:
        running = BackgroundServer(server, listener, host)
        try:
            return run(command, running, options["keys"], ending)
        finally:
            running.stop()


WORKERS_ALONE = (
    "{count} workers without --state share nothing: each has its own scenario position, rate limits, journal, files "
    "and clock, and /__mock reports on whichever worker responds. Add --state redis://HOST:PORT/DB to share them"
)


def serve(ending: Ending, host: str, port: int, port_file: Path | None, workers: int = 1, **options: Any) -> int:
    """Serve until told to stop, then say which models were used that are to be shut down; returns the exit status."""
    from mockserver.cli.run import ENTRIES, end, retired, say
    from mockserver.server import workers as processes
    from mockserver.server.uvicorn_server import protect_admin, root_url, serve_in_foreground

    if workers > 1 and ending.wanted and not options["state"]:
        raise click.UsageError("--report and --fail-on with several workers need --state: each has its own journal")
    entries = ENTRIES if ending.wanted else None
    server, status = joined(build_worker(entries, options)), 0
    with listening(host, port, port_file) as listener:
        beyond = protect_admin(server, listener, host)
        text = greeting(server, root_url(listener)) + (warning(server, host) if beyond else "")
        if workers == 1:
            serve_in_foreground(server, listener, lambda: click.echo(text))
        else:
            if not options["state"]:
                say(WORKERS_ALONE.format(count=workers))
            build = partial(build_worker, entries, options | {"token": server.token})
            worker_options = processes.WorkerOptions(build, host, retired)
            status = processes.serve(workers, listener, worker_options, lambda: click.echo(text), say)
    retired(server)
    return visited(server, lambda: end(server, ending)) or status if ending.wanted else status


def build_worker(entries: int | None, options: dict[str, Any]) -> ServerState:
    """The server of one worker; its journal holds `entries`, or the usual number."""
    server = furnished(**options)
    server.journal.limit = entries or server.journal.limit
    return server


def greeting(server: Any, root: str) -> str:
    """One line that says what was understood, and a command to paste that makes a first edit."""
    from mockserver.contract.capabilities import longest_served_model
    from mockserver.state.sessions import SessionStore

    settings = SessionStore(server.sessions.scenario).settings_for("", server.settings)
    model = longest_served_model("images/edits", settings.as_of)
    # A key given on the command line stays out of logs: the shell fills it in.
    key = "$OPENAI_API_KEY" if settings.auth == "exact" else "test"
    who = "" if settings.auth == "open" else f'-H "Authorization: Bearer {key}" '
    return (
        f"mockserver {__version__} on {root} with its page {root}/__mock/ "
        f"(scenario {server.sessions.scenario.name}, as of {settings.as_of.label}, "
        f"auth {settings.auth}, paint {settings.paint})\n"
        f"  curl -s {root}/__mock/sample.png | curl -o answer.json {root}/v1/images/edits {who}"
        f"-F model={model} -F prompt='Make it night' -F 'image=@-;type=image/png;filename=house.png'"
    )


def warning(server: ServerState, host: str) -> str:
    """What it means to listen where other machines reach the server."""
    return (
        f"\n  {host} is reached from other machines: whoever can reach it can use the API, with any key unless --auth "
        f"exact is given; /__mock asks for the token {server.token}"
    )


for subcommand in (*commands.ALL, completion.completion):
    command.add_command(subcommand)


def main() -> None:
    """Run the command line; the exit status is 0 or the command's, 2 for bad input, 130 for Ctrl-C before it serves."""
    rarely()
    try:
        if sys.stdout is None:
            raise click.ClickException("cannot write to stdout: it is closed")
        status = command.main(prog_name="mockserver", standalone_mode=False)
        if status:
            sys.exit(status)
    except click.ClickException as error:
        refuse(error)
    except OSError as error:
        if error.filename is not None:
            raise
        # Python tries to write what is left once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        refuse(click.ClickException(f"cannot write to stdout: {error.strerror}"))
    except click.Abort:  # Ctrl-C before anything was served
        sys.exit(130)


def refuse(error: click.ClickException) -> NoReturn:
    """Say in one line what is wrong, and exit."""
    line = " ".join(error.format_message().split())
    told = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "mockserver"
    click.echo(f"mockserver: {line} (see {told} --help)", err=True)
    sys.exit(2)
