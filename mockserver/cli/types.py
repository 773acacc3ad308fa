"""Kinds of values that options take. Says in one sentence what is wrong with one, when the command line is read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from reprlib import repr as short
from typing import Any

import click

from mockserver.core.number import is_plain_number


def some(context: click.Context, param: click.Parameter, value: Any) -> Any:
    """The value, or values, of which none is empty: an unset variable of the shell must not stand for something."""
    if "" in (value if isinstance(value, tuple) else (value,)):
        raise click.BadParameter("expected a value, not nothing")
    return value


def carriable(context: click.Context, param: click.Parameter, value: Any) -> Any:
    """The key, or keys, each of which a request could carry."""
    from mockserver.core.request import is_header_safe

    some(context, param, value)
    given = value if isinstance(value, tuple) else (value,)
    if not all(is_header_safe(key) for key in given if key is not None):
        raise click.BadParameter("it has characters that no header can carry")
    return value


def report(context: click.Context, param: click.Parameter, value: str | None) -> Any:
    """The function that writes a report of that name, or None. That the file can be written is tried at once."""
    if value is None or context.resilient_parsing:  # a shell that completes must not make a file
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


def fail_on(context: click.Context, param: click.Parameter, values: Sequence[str]) -> tuple[Any, ...]:
    """The conditions that were named."""
    if not values:
        return ()
    from mockserver.journal.report.facts import condition

    try:
        return tuple(map(condition, values))
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


class Named(click.Path):
    """A path. The empty one, which would stand for this folder, is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path, as click has it."""
        if value == "":
            self.fail("expected a value, not nothing", param, ctx)
        return super().convert(value, param, ctx)


class Integer(click.types.IntParamType):
    """A whole number of any size."""

    name = "integer"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number."""
        if isinstance(value, str) and not (
            is_plain_number(value) and value.lstrip("+-").isdigit() and len(value) < 100
        ):
            self.fail(f"expected a whole number, not {short(value)}", param, ctx)
        return super().convert(value, param, ctx)


class Whole(Integer, click.IntRange):
    """A whole number in a range. One without limits is an `Integer`: the help of a range shows limits."""


class Amount(click.FloatRange):
    """A number in a range."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number."""
        try:
            good = not isinstance(value, str) or (is_plain_number(value) and math.isfinite(float(value)))
        except ValueError:
            good = False
        if not good:
            self.fail(f"expected a number, not {short(value)}", param, ctx)
        return super().convert(value, param, ctx)
