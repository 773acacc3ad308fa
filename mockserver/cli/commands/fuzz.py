"""The fuzz command. Its extra packages are not needed by other commands."""

from pathlib import Path

import click

from mockserver.cli import completion
from mockserver.cli.commands.common import AS_OF, FILE, parse_as_of
from mockserver.cli.types import Integer, IntegerRange, NonEmptyPath, Number, require_value


@click.command()
@click.argument("client", nargs=-1, required=True, metavar="MODULE:CALLABLE | -- COMMAND...")
@click.option("--max-examples", default=40, show_default=True, type=IntegerRange(1), help="Cases per property.")
@click.option("--max-time", type=Number(0, min_open=True), help="Time limit in seconds.")
@click.option("--seed", default=0, show_default=True, type=Integer(), help="The same seed generates the same cases.")
@click.option("--only", type=click.Choice(["request", "response", "faults"]), help="Check only this side.")
@click.option(
    "--model",
    default="gpt-image-2",
    show_default=True,
    shell_complete=completion.MODEL,
    callback=require_value,
    help="Model of the edits.",
)
@AS_OF
@click.option("--report", type=NonEmptyPath(), help="Write a report: FILE.html, FILE.xml (JUnit) or FILE.json.")
@click.option("--save", type=FILE, help="Write scenarios that replay the findings to this folder.")
@click.option("--baseline", type=FILE, help="Known findings: a JSON report, or a JSON list of names.")
@click.pass_context
def fuzz(
    context: click.Context,
    /,
    client: tuple[str, ...],
    max_examples: int,
    max_time: float | None,
    seed: int,
    only: str | None,
    model: str,
    day: str,
    report: str | None,
    save: Path | None,
    baseline: Path | None,
) -> None:
    """Fuzz a CLIENT with generated calls and with valid and hostile responses.

    CLIENT is a Python function edit(call) -> result, sync or async, or, after --, a command that reads one call per
    line and writes one result per line. Exit status: 0 without findings, 1 with new findings, 2 if the client cannot
    be started.

    \b
    Examples:
      mockserver fuzz mockserver.harness.fuzz.clients.openai_sync:edit
      mockserver fuzz mypackage.adapter:edit --only faults --save findings --report findings.html
      mockserver fuzz -- node adapter.mjs
    """
    try:
        from mockserver.harness.fuzz import command
        from mockserver.harness.fuzz.engine import Limits
    except ModuleNotFoundError as error:
        install = "fuzzing needs the extra fuzz: pip install 'mockserver-images[fuzz]'"
        raise click.UsageError(f"{install} ({error.name} is missing)") from None
    target = client[0] if len(client) == 1 and ":" in client[0] else client
    limits = Limits(max_examples, max_time, seed)
    try:
        status = command.run(target, model, parse_as_of(day).label, only, limits, save, report, baseline, click.echo)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    context.exit(status)
