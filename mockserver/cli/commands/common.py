"""What several commands share: the option that names a day, and the one for JSON."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from mockserver.cli import completion
from mockserver.cli.types import Named

F = TypeVar("F", bound=Callable[..., Any])


def dated(what: str, default: str) -> Callable[[F], F]:
    """The option that names a day."""
    help = f"{what} of a day: any, latest, or a date."
    return click.option(
        "--as-of", "day", default=default, show_default=True, metavar="DAY", shell_complete=completion.DAY, help=help
    )


DAY = dated("The API", "any")
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")

FILE = Named(path_type=Path)


def on(day: str) -> Any:
    """The as-of of an option's value."""
    from mockserver.contract.asof import as_of

    try:
        return as_of(day)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
