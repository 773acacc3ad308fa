"""The commands that do not serve: tables of the contract, verdicts on files, conformance. Each is one call."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from mockserver import completion

F = TypeVar("F", bound=Callable[..., Any])


def dated(what: str, default: str) -> Callable[[F], F]:
    """The option that names a day."""
    help = f"{what} of a day: any, latest, or a date."
    return click.option(
        "--as-of", "day", default=default, show_default=True, metavar="DAY", shell_complete=completion.DAY, help=help
    )


DAY = dated("The API", "any")
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")

FILE = click.Path(path_type=Path)


@click.command()
@DAY
@JSON
def models(day: str, as_json: bool) -> None:
    """Print what each model accepts, and since when."""
    from mockserver import tables

    show(tables.models(on(day)), as_json)


@click.command()
@DAY
@JSON
def errors(day: str, as_json: bool) -> None:
    """Print every refusal that the API is known to give."""
    from mockserver import tables

    show(tables.errors(on(day)), as_json)


@click.command()
@JSON
def faults(as_json: bool) -> None:
    """Print every fault that a scenario can order.

    Its parameters stand beside it, with their defaults.
    """
    from mockserver import tables

    show(tables.faults(), as_json)


def _named(context: click.Context, param: click.Parameter, values: tuple[str, ...]) -> list[tuple[str, str]]:
    """Options of the form NAME=VALUE as pairs."""
    pairs = [value.partition("=") for value in values]
    for name, sign, text in pairs:
        if not name or not sign:
            raise click.BadParameter(f"expected NAME=VALUE, not {name + sign + text!r}")
    return [(name, text) for name, _, text in pairs]


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=FILE)
@click.option("--mask", type=FILE, help="A mask that goes along with each picture.")
@click.option("--markup", type=FILE, help="A markup that goes along with each picture.")
@click.option("--model", shell_complete=completion.MODEL, help="Left out: what an omitted model means on that day.")
@click.option("--size", help="As the API takes it, and so are the next seven.")
@click.option("--quality")
@click.option("--prompt", default="x", show_default=True)
@click.option("--n", "n")
@click.option("--background")
@click.option("--output-format")
@click.option("--output-compression")
@click.option("--input-fidelity")
@click.option("--option", "more", multiple=True, metavar="NAME=VALUE", callback=_named, help="Any other parameter.")
@DAY
@click.option("--together", is_flag=True, help="One edit of all pictures, not an edit of each.")
@JSON
@click.pass_context
def check(
    context: click.Context,
    /,
    files: tuple[Path, ...],
    mask: Path | None,
    markup: Path | None,
    more: list[tuple[str, str]],
    day: str,
    together: bool,
    as_json: bool,
    **fields: str | None,
) -> None:
    """Say whether the API would take pictures, and why not.

    Each FILE is taken as the image of an edit. It is said what that costs, and what mends a file that is refused;
    nothing is sent. The exit status is 0 when all are accepted, 1 when one is refused, and 2 for a file that cannot be
    read or an option that is none.
    """
    from mockserver.check import report, verdicts

    beside = {name: path for name, path in (("mask", mask), ("markup", markup)) if path}
    texts = [(name, value) for name, value in fields.items() if value is not None]
    try:
        found = verdicts.check(files, beside, [*texts, *more], on(day), together)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    click.echo(report.as_json(found) if as_json else report.as_text(found))
    context.exit(int(not all(verdict.accepted for verdict in found)))


@click.command()
@click.argument("url")
@click.option("--key-env", default="OPENAI_API_KEY", show_default=True, help="The environment variable with the key.")
@dated("The cases", "latest")
@click.option("--budget", default=0.0, show_default=True, help="US dollars that served cases may cost in all.")
@click.option("--report", type=click.Path(dir_okay=False), help="Write a report: FILE.json, or FILE.xml for JUnit.")
@JSON
@click.pass_context
def conform(
    context: click.Context, /, url: str, key_env: str, day: str, budget: float, report: str | None, as_json: bool
) -> None:
    """Say where any server differs from the API.

    The conformance cases are put to the server at URL. Only refusals are asked for, which cost nothing, unless there
    is a budget. The exit status is 0 when all is as expected, 1 when the server differs, and 2 when it could not be
    asked, refuses the key, or answers nothing as this API would.
    """
    from mockserver.harness.conform import conform as put

    status, lines = put(
        url, os.environ.get(key_env, ""), on(day).label, budget, report, as_json, f"the key in {key_env}"
    )
    trouble = lines.pop() if status == 2 else ""
    click.echo("".join(f"{line}\n" for line in lines), nl=False)
    if trouble:
        raise click.UsageError(trouble)
    context.exit(status)


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=FILE)
@JSON
@click.pass_context
def lint(context: click.Context, /, files: tuple[Path, ...], as_json: bool) -> None:
    """Say what is wrong with scenario files.

    There is a line for each fault: file, line, place and what was expected. Whether a step leads to each state is
    looked at once keys and types are right. The exit status is 0 when all can be used, 1 when one is broken, and 2 when
    one cannot be read.
    """
    from mockserver.scenario.files import faults

    found = []
    for path in files:
        try:
            found += faults(path)
        except OSError as error:
            raise click.UsageError(f"cannot read {error.filename or path}: {error.strerror}") from None
    if as_json:
        click.echo(json.dumps([{"file": one.source, "line": one.line, "fault": one.words} for one in found], indent=2))
    else:
        click.echo("".join(f"{fault}\n" for fault in found), nl=False)
    context.exit(int(bool(found)))


@click.command()
@click.argument("client", nargs=-1, required=True, metavar="MODULE:CALLABLE | -- COMMAND...")
@click.option("--max-examples", default=40, show_default=True, type=click.IntRange(1), help="Drawn cases a property.")
@click.option("--max-time", type=click.FloatRange(0, min_open=True), help="Seconds for all of it.")
@click.option("--seed", default=0, show_default=True, help="The same seed finds the same.")
@click.option("--only", type=click.Choice(["request", "response", "faults"]), help="One side of it alone.")
@click.option(
    "--model",
    default="gpt-image-2",
    show_default=True,
    shell_complete=completion.MODEL,
    help="The model of the edits.",
)
@DAY
@click.option(
    "--report", type=click.Path(), help="Write a report: FILE.html to read, FILE.xml for JUnit, FILE.json for programs."
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


@click.command()
@click.argument("name", required=False, shell_complete=completion.BUILT_IN)
@JSON
def scenarios(name: str | None, as_json: bool) -> None:
    """Print the scenarios that come along, or the file of one.

    With a NAME that one's file is printed, to copy; without, a line for each.
    """
    from mockserver.scenario import files

    if name is not None and as_json:
        raise click.UsageError("--json is for the list: a scenario's file is printed as it is")
    try:
        if name is not None:
            click.echo(files.text(name), nl=False)
            return
        rows = [{"scenario": one, "about": files.load(one).about} for one in files.built_in()]
    except files.ScenarioError as error:
        raise click.UsageError(str(error)) from None
    lines = (f"{row['scenario']:<20} {row['about']}" for row in rows)
    click.echo(json.dumps(rows, indent=2) if as_json else "\n".join(lines))


def on(day: str) -> Any:
    """The as-of of an option's value."""
    from mockserver.contract.asof import as_of

    try:
        return as_of(day)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def show(rows: list[dict[str, str]], as_json: bool) -> None:
    """Print rows: as JSON, as wide as the terminal is, or whole into a pipe."""
    from mockserver import tables

    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        text = tables.text(rows, width)
        click.echo(text)
        if width and text != tables.text(rows):
            click.echo("Cut to the width of the terminal: into a pipe, or with --json, it is whole.", err=True)


ALL = (models, errors, faults, check, conform, lint, scenarios, fuzz)
