"""The commands that print tables of the contract and the built-in scenarios."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING

import click

from mockserver.cli import completion
from mockserver.cli.commands.common import AS_OF, JSON, parse_as_of

if TYPE_CHECKING:
    from mockserver.cli.tables import Rows


@click.command()
@AS_OF
@JSON
def models(day: str, as_json: bool) -> None:
    """Print what each model accepts, and since when."""
    from mockserver.cli import tables

    print_rows(tables.models(parse_as_of(day)), as_json)


@click.command()
@AS_OF
@JSON
def errors(day: str, as_json: bool) -> None:
    """Print every error that the API is known to return."""
    from mockserver.cli import tables

    print_rows(tables.errors(parse_as_of(day)), as_json)


@click.command()
@JSON
def faults(as_json: bool) -> None:
    """Print every fault that a scenario can request, with its parameters and their defaults."""
    from mockserver.cli import tables

    print_rows(tables.faults(), as_json)


@click.command()
@click.argument("name", required=False, shell_complete=completion.BUILT_IN)
@JSON
def scenarios(name: str | None, as_json: bool) -> None:
    """Print the built-in scenarios, one per line, or the file of the scenario NAME."""
    from mockserver.scenario import loader

    if name is not None and as_json:
        raise click.UsageError("--json prints the list of scenarios; the file of one scenario is YAML")
    try:
        if name is not None:
            click.echo(loader.read_built_in(name), nl=False)
            return
        rows = [{"scenario": name, "about": loader.load(name).about} for name in loader.built_in_names()]
    except loader.ScenarioError as error:
        raise click.UsageError(str(error)) from None
    lines = (f"{row['scenario']:<20} {row['about']}" for row in rows)
    click.echo(json.dumps(rows, indent=2) if as_json else "\n".join(lines))


def print_rows(rows: Rows, as_json: bool) -> None:
    """Print rows as JSON, or as a table: fitted to a terminal's width, or with one line per row into a pipe."""
    from mockserver.cli import tables

    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        click.echo(tables.format_text(rows, width))
