"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from mockserver.cli import completion
from mockserver.cli.types import NonEmptyPath

F = TypeVar("F", bound=Callable[..., Any])


def as_of_option(what: str, default: str) -> Callable[[F], F]:
    help = f"{what} as of a date: any, latest, or a date."
    return click.option(
        "--as-of", "day", default=default, show_default=True, metavar="DAY", shell_complete=completion.DAY, help=help
    )


AS_OF = as_of_option("The API", "any")
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")

FILE = NonEmptyPath(path_type=Path)


def parse_as_of(day: str) -> Any:
    from mockserver.contract.asof import as_of

    try:
        return as_of(day)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
