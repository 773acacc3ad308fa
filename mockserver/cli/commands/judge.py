"""The commands that judge: pictures, scenario files, other servers."""

import json
import os
from pathlib import Path

import click

from mockserver.cli import completion
from mockserver.cli.commands.common import DAY, FILE, JSON, dated, on
from mockserver.cli.types import Amount, Named, some


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
    from mockserver.harness.check import report, verdicts

    beside = {name: path for name, path in (("mask", mask), ("markup", markup)) if path}
    texts = [(name, value) for name, value in fields.items() if value is not None]
    try:
        found = verdicts.check(files, beside, [*texts, *more], on(day), together)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    click.echo(report.format_json(found) if as_json else report.format_text(found))
    context.exit(int(not all(verdict.accepted for verdict in found)))


@click.command()
@click.argument("url")
@click.option(
    "--key-env",
    default="OPENAI_API_KEY",
    show_default=True,
    callback=some,
    help="The environment variable with the key.",
)
@dated("The cases", "latest")
@click.option(
    "--budget", default=0.0, show_default=True, type=Amount(0), help="US dollars that served cases may cost in all."
)
@click.option("--report", type=Named(dir_okay=False), help="Write a report: FILE.json, or FILE.xml for JUnit.")
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
    from mockserver.harness.conformance.run import conform as put

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
    from mockserver.scenario.loader import find_errors

    found = []
    for path in files:
        try:
            found += find_errors(path)
        except OSError as error:
            raise click.UsageError(f"cannot read {error.filename or path}: {error.strerror}") from None
    if as_json:
        click.echo(
            json.dumps([{"file": one.source, "line": one.line, "fault": one.message} for one in found], indent=2)
        )
    else:
        click.echo("".join(f"{fault}\n" for fault in found), nl=False)
    context.exit(int(bool(found)))
