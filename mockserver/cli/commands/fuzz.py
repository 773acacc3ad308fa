"""The command that fuzzes a client. Its packages need not be there for the others."""

from pathlib import Path

import click

from mockserver.cli import completion
from mockserver.cli.commands.common import DAY, FILE, on
from mockserver.cli.types import Amount, Integer, Named, Whole, some


@click.command()
@click.argument("client", nargs=-1, required=True, metavar="MODULE:CALLABLE | -- COMMAND...")
@click.option("--max-examples", default=40, show_default=True, type=Whole(1), help="Drawn cases a property.")
@click.option("--max-time", type=Amount(0, min_open=True), help="Seconds for all of it.")
@click.option("--seed", default=0, show_default=True, type=Integer(), help="The same seed finds the same.")
@click.option("--only", type=click.Choice(["request", "response", "faults"]), help="One side of it alone.")
@click.option(
    "--model",
    default="gpt-image-2",
    show_default=True,
    shell_complete=completion.MODEL,
    callback=some,
    help="The model of the edits.",
)
@DAY
@click.option(
    "--report", type=Named(), help="Write a report: FILE.html to read, FILE.xml for JUnit, FILE.json for programs."
)
@click.option("--save", type=FILE, help="Write the scenarios that replay the findings into this folder.")
@click.option("--baseline", type=FILE, help="Known findings: a JSON report, or a JSON list of their names.")
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
    """Fuzz a CLIENT: drawn calls, hostile and legal answers, and what must hold of both ends.

    CLIENT is a Python function edit(call) -> result, sync or async, or after -- a command that reads a call a line and
    writes a result a line. The exit status is 0 without findings, 1 with new ones, 2 when the client cannot be started.

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
        needed = "fuzzing needs more packages: pip install 'mockserver-images[fuzz]'"
        raise click.UsageError(f"{needed} ({error.name} is missing)") from None
    named = client[0] if len(client) == 1 and ":" in client[0] else client
    limits = Limits(max_examples, max_time, seed)
    try:
        status = command.run(named, model, on(day).label, only, limits, save, report, baseline, click.echo)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    context.exit(status)
