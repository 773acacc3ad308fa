"""Types and callbacks of options. Each reports an invalid value in one sentence while the command line is parsed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from reprlib import repr as short
from typing import Any

import click

from mockserver.core.number import is_plain_number

EMPTY = "expected a value, got an empty string"


def require_value(context: click.Context, param: click.Parameter, value: Any) -> Any:
    """Reject an empty string, which is usually an unset shell variable."""
    if "" in (value if isinstance(value, tuple) else (value,)):
        raise click.BadParameter(EMPTY)
    return value


def require_header_value(context: click.Context, param: click.Parameter, value: Any) -> Any:
    """Reject a key or token that no HTTP header can carry."""
    from mockserver.core.request import is_header_safe

    require_value(context, param, value)
    keys = value if isinstance(value, tuple) else (value,)
    if not all(is_header_safe(key) for key in keys if key is not None):
        raise click.BadParameter("expected characters that an HTTP header can carry")
    return value


def open_report(context: click.Context, param: click.Parameter, value: str | None) -> Any:
    """A function that writes the report, or None. Fails at once if the file cannot be written."""
    if value is None or context.resilient_parsing:  # shell completion must not create a file
        return None
    from mockserver.journal.report.files import writer

    try:
        write = writer(value)
        with open(value, "ab"):
            pass
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    except OSError as error:
        raise click.BadParameter(f"cannot write {value}: {error.strerror}") from None
    return write


def parse_conditions(context: click.Context, param: click.Parameter, values: Sequence[str]) -> tuple[Any, ...]:
    if not values:
        return ()
    from mockserver.journal.report.facts import condition

    try:
        return tuple(map(condition, values))
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


class NonEmptyPath(click.Path):
    """A path. click takes an empty string for the current directory."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail(EMPTY, param, ctx)
        return super().convert(value, param, ctx)


class Integer(click.types.IntParamType):
    """An integer, without underscores or spaces."""

    name = "integer"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str) and not (
            is_plain_number(value) and value.lstrip("+-").isdigit() and len(value) < 100
        ):
            self.fail(f"expected an integer, got {short(value)}", param, ctx)
        return super().convert(value, param, ctx)


class IntegerRange(Integer, click.IntRange):
    """An integer between limits, which the help shows."""


class Number(click.FloatRange):
    """A finite number between limits."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            is_valid = not isinstance(value, str) or (is_plain_number(value) and math.isfinite(float(value)))
        except ValueError:
            is_valid = False
        if not is_valid:
            self.fail(f"expected a number, got {short(value)}", param, ctx)
        return super().convert(value, param, ctx)
