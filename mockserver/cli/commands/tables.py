"""The commands that print what there is: tables of the contract, and the scenarios that come along."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING

import click

from mockserver.cli import completion
from mockserver.cli.commands.common import DAY, JSON, on

if TYPE_CHECKING:
    from mockserver.cli.tables import Rows


@click.command()
@DAY
@JSON
def models(day: str, as_json: bool) -> None:
    """Print what each model accepts, and since when."""
    from mockserver.cli import tables

    show(tables.models(on(day)), as_json)


@click.command()
@DAY
@JSON
def errors(day: str, as_json: bool) -> None:
    """Print every refusal that the API is known to give."""
    from mockserver.cli import tables

    show(tables.errors(on(day)), as_json)


@click.command()
@JSON
def faults(as_json: bool) -> None:
    """Print every fault that a scenario can order.

    Its parameters stand beside it, with their defaults.
    """
    from mockserver.cli import tables

    show(tables.faults(), as_json)


@click.command()
@click.argument("name", required=False, shell_complete=completion.BUILT_IN)
@JSON
def scenarios(name: str | None, as_json: bool) -> None:
    """Print the scenarios that come along, or the file of one.

    With a NAME that one's file is printed, to copy; without, a line for each.
    """
    from mockserver.scenario import loader

    if name is not None and as_json:
        raise click.UsageError("--json is for the list: a scenario's file is printed as it is")
    try:
        if name is not None:
            click.echo(loader.read_built_in(name), nl=False)
            return
        rows = [{"scenario": one, "about": loader.load(one).about} for one in loader.built_in_names()]
    except loader.ScenarioError as error:
        raise click.UsageError(str(error)) from None
    lines = (f"{row['scenario']:<20} {row['about']}" for row in rows)
    click.echo(json.dumps(rows, indent=2) if as_json else "\n".join(lines))


def show(rows: Rows, as_json: bool) -> None:
    """Print rows: as JSON, as wide as the terminal is, or a line each into a pipe."""
    from mockserver.cli import tables

    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        click.echo(tables.text(rows, width))
