"""The options of a server, by section of its help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from mockserver.cli import completion
from mockserver.cli.types import (
    Integer,
    IntegerRange,
    NonEmptyPath,
    open_report,
    parse_conditions,
    require_header_value,
    require_value,
)


def flag(name: str, text: str, metavar: str | None = None, key: str | None = None, **more: Any) -> click.Option:
    """An option with its help text. `key` is its name in Python if that differs."""
    names = [name, key] if key else [name]
    return click.Option(names, help=text, metavar=metavar, show_default="default" in more, **more)


PATH = NonEmptyPath(dir_okay=False, path_type=Path)
LISTEN = (
    flag("--host", "Address to listen on.", "ADDRESS", default="127.0.0.1", callback=require_value),
    flag("--port", "Port; 0 takes a free one.", "N", default=4010, type=IntegerRange(0, 65535)),
    flag("--port-file", "Write the port to this file.", "FILE", type=PATH),
    flag("--workers", "Number of processes.", "N", default=1, type=IntegerRange(1, 64)),
    flag("--state", "Keep state in Redis: redis://HOST:PORT/DB", "URL", callback=require_value),
    flag("--token", "Token that /__mock requires.", "TOKEN", callback=require_header_value),
)
RESPONSES = (
    flag("--scenario", "Scenario, by name or file.", "NAME", default="ok", shell_complete=completion.SCENARIO),
    flag("--watch", "Reload the scenario file when it changes.", is_flag=True),
    flag("--seed", "Seed of everything random.", "N", type=Integer()),
    flag("--as-of", "Date of the API: any, latest, date.", "DAY", "day", default="any", shell_complete=completion.DAY),
    flag("--dialect", "Server to imitate.", "NAME", default="openai", shell_complete=completion.DIALECT),
    flag("--auth", "No key, any, those of --key.", default="bearer", type=click.Choice(["open", "bearer", "exact"])),
    flag("--key", "A key for --auth exact; repeatable.", "KEY", "keys", multiple=True, callback=require_header_value),
    flag(
        "--validate",
        "Check all, types, nothing.",
        default="strict",
        type=click.Choice(["strict", "schema", "off"]),
    ),
    flag("--paint", "Receipt, one colour, noise.", default="receipt", type=click.Choice(["receipt", "flat", "noise"])),
    flag("--clock", "real, or a fixed time.", "TIME", default="real", shell_complete=completion.CLOCK),
    flag("--latency", "none, realistic, or seconds.", "TIME", default="none", shell_complete=completion.LATENCY),
    flag("--bare", "Send only the headers that clients need.", is_flag=True),
)
END = (
    flag("--report", "Write .json, .xml or .html", "FILE", callback=open_report, shell_complete=completion.REPORT),
    flag(
        "--fail-on",
        "unmatched, refused, verdict or cost:USD",
        "WHAT",
        multiple=True,
        callback=parse_conditions,
        shell_complete=completion.CONDITION,
    ),
)
SECTIONS: Mapping[str, Sequence[click.Option]] = {
    "Listening [default]": LISTEN,
    "Responses [default]": RESPONSES,
    "End of a run": END,
}
