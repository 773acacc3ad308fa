"""The options of a server, in the sections of its help. Says what each takes; what it means is the server's matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from mockserver.cli import completion
from mockserver.cli.types import Integer, Named, Whole, carriable, fail_on, report, some


def flag(name: str, text: str, metavar: str | None = None, key: str | None = None, **more: Any) -> click.Option:
    """An option with its help; `key` is the name of its value in Python where that is another."""
    names = [name, key] if key else [name]
    return click.Option(names, help=text, metavar=metavar, show_default="default" in more, **more)


PATH = Named(dir_okay=False, path_type=Path)
PLACE = (
    flag("--host", "Address to listen on.", "ADDRESS", default="127.0.0.1", callback=some),
    flag("--port", "Port; 0 takes a free one.", "N", default=4010, type=Whole(0, 65535)),
    flag("--port-file", "Write the port to this file.", "FILE", type=PATH),
    flag("--workers", "Processes that serve.", "N", default=1, type=Whole(1, 64)),
    flag("--state", "State in Redis: redis://HOST:PORT/DB", "URL", callback=some),
    flag("--token", "What /__mock asks for.", "TOKEN", callback=carriable),
)
ANSWER = (
    flag("--scenario", "What happens, by name or file.", "NAME", default="ok", shell_complete=completion.SCENARIO),
    flag("--watch", "Read the scenario's file when it changes.", is_flag=True),
    flag("--seed", "Decides what is left to chance.", "N", type=Integer()),
    flag("--as-of", "API of a day: any, latest, date.", "DAY", "day", default="any", shell_complete=completion.DAY),
    flag("--dialect", "How errors are worded.", "NAME", default="openai", shell_complete=completion.DIALECT),
    flag("--auth", "None, any key, those of --key.", default="bearer", type=click.Choice(["open", "bearer", "exact"])),
    flag("--key", "A key for --auth exact; may be repeated.", "KEY", "keys", multiple=True, callback=carriable),
    flag("--validate", "Check all; types; nothing.", default="strict", type=click.Choice(["strict", "schema", "off"])),
    flag("--paint", "A receipt, a colour, noise.", default="receipt", type=click.Choice(["receipt", "flat", "noise"])),
    flag("--clock", "real, or an instant that stays.", "TIME", default="real", shell_complete=completion.CLOCK),
    flag("--latency", "none, realistic, or seconds.", "TIME", default="none", shell_complete=completion.LATENCY),
    flag("--bare", "Only the headers that a client needs.", is_flag=True),
)
END = (
    flag("--report", "Write one: .json, .xml, .html", "FILE", callback=report, shell_complete=completion.REPORT),
    flag(
        "--fail-on",
        "unmatched, refused, verdict or cost:USD",
        "WHAT",
        multiple=True,
        callback=fail_on,
        shell_complete=completion.CONDITION,
    ),
)
SECTIONS: Mapping[str, Sequence[click.Option]] = {
    "Where it serves [default]": PLACE,
    "What it answers [default]": ANSWER,
    "When it ends": END,
}
