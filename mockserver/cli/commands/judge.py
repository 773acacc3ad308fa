"""The commands that check images, scenario files and other servers."""

import json
import os
from pathlib import Path

import click

from mockserver.cli import completion
from mockserver.cli.commands.common import AS_OF, FILE, JSON, as_of_option, parse_as_of
from mockserver.cli.types import NonEmptyPath, Number, require_value


def _parse_pairs(context: click.Context, param: click.Parameter, values: tuple[str, ...]) -> list[tuple[str, str]]:
    pairs = [value.partition("=") for value in values]
    for name, sign, text in pairs:
        if not name or not sign:
            raise click.BadParameter(f"expected NAME=VALUE, got {name + sign + text!r}")
    return [(name, text) for name, _, text in pairs]


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=FILE)
@click.option("--mask", type=FILE, help="A mask for each image.")
@click.option("--markup", type=FILE, help="A markup for each image.")
@click.option("--model", shell_complete=completion.MODEL, help="Default: what the API assumes on that date.")
@click.option("--size", help="A parameter of the API, like the next seven options.")
@click.option("--quality")
@click.option("--prompt", default="x", show_default=True)
@click.option("--n", "n")
@click.option("--background")
@click.option("--output-format")
@click.option("--output-compression")
@click.option("--input-fidelity")
@click.option("--option", "more", multiple=True, metavar="NAME=VALUE", callback=_parse_pairs, help="Another parameter.")
@AS_OF
@click.option("--together", is_flag=True, help="Check one edit of all images instead of an edit of each.")
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
    """Report whether the API would accept images, and why not.

    Each FILE is checked as the image of an edit. The report shows what the edit costs, or how to fix a file that is
    rejected. Nothing is sent. Exit status: 0 if all files are accepted, 1 if one is rejected, 2 if a file cannot be
    read or an option is invalid.
    """
    from mockserver.harness.check import report, verdicts

    extra_files = {name: path for name, path in (("mask", mask), ("markup", markup)) if path}
    texts = [(name, value) for name, value in fields.items() if value is not None]
    try:
        results = verdicts.check(files, extra_files, [*texts, *more], parse_as_of(day), together)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    click.echo(report.format_json(results) if as_json else report.format_text(results))
    context.exit(int(not all(verdict.accepted for verdict in results)))


@click.command()
@click.argument("url")
@click.option(
    "--key-env",
    default="OPENAI_API_KEY",
    show_default=True,
    callback=require_value,
    help="Environment variable that holds the key.",
)
@as_of_option("The cases", "latest")
@click.option(
    "--budget",
    default=0.0,
    show_default=True,
    type=Number(0),
    help="US dollars that all accepted requests may cost.",
)
@click.option("--report", type=NonEmptyPath(dir_okay=False), help="Write a report: FILE.json or FILE.xml (JUnit).")
@JSON
@click.pass_context
def conform(
    context: click.Context, /, url: str, key_env: str, day: str, budget: float, report: str | None, as_json: bool
) -> None:
    """Report where a server differs from the API.

    The conformance cases are sent to the server at URL. Without a budget only requests that the API rejects are sent,
    which cost nothing. Exit status: 0 if the server behaves as expected, 1 if it differs, 2 if it cannot be reached,
    rejects the key, or does not serve this API.
    """
    from mockserver.harness.conformance.run import conform as run_cases

    status, lines = run_cases(
        url, os.environ.get(key_env, ""), parse_as_of(day).label, budget, report, as_json, f"the key in {key_env}"
    )
    error = lines.pop() if status == 2 else ""
    click.echo("".join(f"{line}\n" for line in lines), nl=False)
    if error:
        raise click.UsageError(error)
    context.exit(status)


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=FILE)
@JSON
@click.pass_context
def lint(context: click.Context, /, files: tuple[Path, ...], as_json: bool) -> None:
    """Report the errors in scenario files.

    Each error is one line: file, line, key and what was expected. States that no step leads to are reported once keys
    and types are right. Exit status: 0 if all files are valid, 1 if one is not, 2 if one cannot be read.
    """
    from mockserver.scenario.loader import find_errors

    errors = []
    for path in files:
        try:
            errors += find_errors(path)
        except OSError as failure:
            raise click.UsageError(f"cannot read {failure.filename or path}: {failure.strerror}") from None
    if as_json:
        click.echo(
            json.dumps(
                [{"file": error.source, "line": error.line, "fault": error.message} for error in errors], indent=2
            )
        )
    else:
        click.echo("".join(f"{error}\n" for error in errors), nl=False)
    context.exit(int(bool(errors)))
