"""The command line. Invalid input ends in one readable line on stderr and exit status 2."""

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
from mockserver.cli.group import STATUSES, PassthroughGroup
from mockserver.cli.options import build_server, connect_state, open_listener, run_with_state
from mockserver.cli.serve_options import SECTIONS

if TYPE_CHECKING:
    from mockserver.cli.run import EndOfRun
    from mockserver.scenario.machine import Scenario
    from mockserver.state.server_state import ServerState

CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
EXAMPLES = """
\b
Examples:
  mockserver                                  serve on 127.0.0.1:4010; look at /__mock/ in a browser
  mockserver --scenario flaky                 two rate limits, a server error, then success
  mockserver --scenario flaky -- npm test     run a command against a server of its own
  mockserver --auth exact --key sk-test-1     accept only this key
  mockserver check house.png                  would the API accept this image?
  mockserver models --json                    what each model accepts, as JSON
  mockserver scenarios flaky > mine.yaml      copy a scenario to start from
  mockserver lint mine.yaml                   report the errors in it
  mockserver conform https://gateway.test     report where a server differs from the API
  eval "$(mockserver completion bash)"        enable completion in this shell
"""


@click.group(
    cls=PassthroughGroup,
    invoke_without_command=True,
    params=[*chain.from_iterable(SECTIONS.values())],
    epilog=EXAMPLES + STATUSES,
    context_settings=CONTEXT,
    subcommand_metavar="[-- COMMAND...] | COMMAND [ARGS]...",
)
@click.version_option(__version__, prog_name="mockserver")
@click.pass_context
def command(context: click.Context, /, **options: Any) -> None:
    """Run the OpenAI Images API on this machine, offline, with the API's own responses and errors."""
    if context.invoked_subcommand:
        reject_server_options(context, context.invoked_subcommand)
    else:
        from mockserver.cli.run import EndOfRun

        end = EndOfRun(options.pop("fail_on"), options.pop("report"))
        if context.obj:
            if context.get_parameter_source("port") is ParameterSource.DEFAULT:
                options["port"] = 0
            context.exit(run_beside_server(context.obj, end, **options))
        context.exit(serve(end, **options))


def reject_server_options(context: click.Context, name: str) -> None:
    """Reject server options before a subcommand, which would ignore them."""
    flags = {str(param.name): param.opts[0] for param in context.command.params}
    used = [flag for key, flag in flags.items() if context.get_parameter_source(key) is ParameterSource.COMMANDLINE]
    if used:
        raise click.UsageError(
            f"{', '.join(used)}: an option of the server, and {name} starts none; options of {name} go after it",
            context,
        )


def run_beside_server(
    command: list[str], end: EndOfRun, host: str, port: int, port_file: Path | None, workers: int, **options: Any
) -> int:
    """Run a command against a server of its own. Returns the exit status."""
    from mockserver.cli.run import ENTRIES, run_command
    from mockserver.server.uvicorn_server import BackgroundServer

    if workers > 1:
        raise click.UsageError("--workers cannot be combined with a command after --, which gets one server of its own")
    server = connect_state(build_server(**options, entries=ENTRIES))
    with open_listener(host, port, port_file) as listener:
        running = BackgroundServer(server, listener, host)
        try:
            return run_command(command, running, options["keys"], end)
        finally:
            running.stop()


WORKERS_ALONE = (
    "{count} workers without --state share nothing: each has its own scenario position, rate limits, journal, files "
    "and clock, and /__mock reports on whichever worker responds. Add --state redis://HOST:PORT/DB to share them"
)


def serve(end: EndOfRun, host: str, port: int, port_file: Path | None, workers: int = 1, **options: Any) -> int:
    """Serve until SIGINT or SIGTERM, then print the shutdown dates of the models used. Returns the exit status."""
    from mockserver.cli.run import ENTRIES, finish_run, print_message, print_shutdowns
    from mockserver.server import workers as processes
    from mockserver.server.uvicorn_server import protect_admin, root_url, serve_in_foreground

    if workers > 1 and end.is_needed and not options["state"]:
        raise click.UsageError("--report and --fail-on need --state with several workers: each has its own journal")
    entries = ENTRIES if end.is_needed else None
    server, status = connect_state(build_server(**options, entries=entries)), 0
    with open_listener(host, port, port_file) as listener:
        is_public = protect_admin(server, listener, host)
        text = greeting(server, run_with_state(server, server.scenario), root_url(listener))
        text += warning(server, host) if is_public else ""
        if workers == 1:
            serve_in_foreground(server, listener, lambda: click.echo(text))
        else:
            if not options["state"]:
                print_message(WORKERS_ALONE.format(count=workers))
            build = partial(build_server, **options | {"token": server.token}, entries=entries)
            worker_options = processes.WorkerOptions(build, host, print_shutdowns)
            status = processes.serve(workers, listener, worker_options, lambda: click.echo(text), print_message)
    print_shutdowns(server)
    return run_with_state(server, lambda: finish_run(server, end)) or status if end.is_needed else status


def greeting(server: ServerState, scenario: Scenario, root: str) -> str:
    """What the server prints when it is ready: its URL and settings, and a command that makes a first edit."""
    from mockserver.contract.capabilities import longest_served_model
    from mockserver.engine.overlay import apply_scenario

    settings = apply_scenario(server.settings, scenario, scenario.as_of)
    model = longest_served_model("images/edits", settings.as_of)
    # Keep a key of the command line out of logs: the shell expands the variable.
    key = "$OPENAI_API_KEY" if settings.auth == "exact" else "test"
    authorization = "" if settings.auth == "open" else f'-H "Authorization: Bearer {key}" '
    return (
        f"mockserver {__version__} on {root} with its page {root}/__mock/ "
        f"(scenario {scenario.name}, as of {settings.as_of.label}, "
        f"auth {settings.auth}, paint {settings.paint})\n"
        f"  curl -s {root}/__mock/sample.png | curl -o answer.json {root}/v1/images/edits {authorization}"
        f"-F model={model} -F prompt='Make it night' -F 'image=@-;type=image/png;filename=house.png'"
    )


def warning(server: ServerState, host: str) -> str:
    """What it means to listen on an address that other machines can reach."""
    return (
        f"\n  Other machines can reach {host} and use the API, with any key unless --auth exact is given; "
        f"/__mock requires the token {server.token}"
    )


for subcommand in (*commands.ALL, completion.completion):
    command.add_command(subcommand)


def main() -> None:
    """Run the command line. Exit status: 0 or the command's, 2 for invalid input, 130 for Ctrl-C before serving."""
    try:
        if sys.stdout is None:
            raise click.ClickException("cannot write to stdout: it is closed")
        status = command.main(prog_name="mockserver", standalone_mode=False)
        if status:
            sys.exit(status)
    except click.ClickException as error:
        exit_with_error(error)
    except OSError as error:
        if error.filename is not None:
            raise
        # Python flushes stdout again when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        exit_with_error(click.ClickException(f"cannot write to stdout: {error.strerror}"))
    except click.Abort:  # Ctrl-C before the server was ready
        sys.exit(130)


def exit_with_error(error: click.ClickException) -> NoReturn:
    line = " ".join(error.format_message().split())
    path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "mockserver"
    click.echo(f"mockserver: {line} (see {path} --help)", err=True)
    sys.exit(2)
