"""The command `mockserver fuzz`: from options to findings, files and an exit status. Tells its progress on stderr."""

import math
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from mockserver.harness.fuzz.client import CannotStart, client
from mockserver.harness.fuzz.engine import Limits, Run, fuzz
from mockserver.harness.fuzz.finding import baseline, save
from mockserver.harness.fuzz.properties import Property, chosen
from mockserver.harness.fuzz.report import Told, writer

# How often a terminal is told of progress, in seconds.
OFTEN = 0.2


def run(
    named: str | Sequence[str],
    model: str,
    day: str,
    only: str | None,
    limits: Limits,
    save_to: Path | None = None,
    report: str | None = None,
    known: Path | None = None,
    say: Callable[[str], object] = print,
) -> int:
    """Fuzz a client, `module:callable` or a command. Returns 0, or 1 for new findings.

    Raises ValueError, in a line, for what cannot be done: a client that cannot be started among it.
    """
    write = writer(report) if report else None
    accepted = baseline(known) if known else frozenset()
    writable(report, save_to)
    words = named if isinstance(named, str) else shlex.join(named)
    progress = Progress(chosen(only))
    try:
        done = fuzz(client(named), model, day, only, limits, tell=progress)
    except CannotStart as error:
        raise ValueError(str(error)) from None
    except OSError as error:
        raise ValueError(f"the run broke off: {error}") from None
    finally:
        progress.close()
    try:
        paths = [save(one, save_to, number, day) if save_to else None for number, one in enumerate(done.findings, 1)]
        files = [str(path) if path else None for path in paths]
        told = Told(words, model, day, limits.seed, chosen(only), done.tried, done.findings, files, accepted)
        if write:
            write(told)
    except OSError as error:
        raise ValueError(f"cannot write {error.filename}: {error.strerror}") from None
    for one, file in zip(done.findings, files, strict=True):
        if one.identity not in accepted:
            say("\n".join(one.lines(file)) + "\n")
    say(summary(told, done))
    return int(bool(told.new))


def writable(report: str | None, folder: Path | None) -> None:
    """Raise ValueError for what cannot be written: a run takes minutes, and must not be lost at its end."""
    try:
        if report:
            open(report, "ab").close()
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"cannot write {error.filename}: {error.strerror}") from None


def summary(told: Told, done: Run) -> str:
    """What came of a run, in a line."""
    known = len(told.findings) - len(told.new)
    late = " (the time was over)" if done.over else ""
    return (
        f"{len(told.new)} new findings, {known} known; {done.stage.tried} cases, {len(told.rows)} properties, "
        f"seed {told.seed}{late}"
    )


class Progress:
    """Tells on stderr how far a run has come: in one line of a terminal, else a line for each property."""

    def __init__(self, rows: Sequence[Property]) -> None:
        # Each is swept, and then drawn from.
        self.properties = len(rows) + sum(1 for row in rows if row.strategy)
        self.now, self.number, self.next = "", 0, -math.inf
        self.terminal = sys.stderr.isatty()

    def __call__(self, run: Run) -> None:
        """Called after each case, and when a property is begun."""
        if not run.now:
            return
        begun = run.now != self.now
        if begun:
            self.now, self.number = run.now, self.number + 1
        if begun if not self.terminal else time.monotonic() >= self.next:
            self.next = time.monotonic() + OFTEN
            left = "" if run.left is None else f", {max(0, run.left):.0f} s left"
            counts = f"{run.stage.tried} cases, {len(run.findings)} findings"
            line = f"{self.number}/{self.properties} {run.now}: {counts}{left}"
            print(f"\r\x1b[K{line}" if self.terminal else line, end="" if self.terminal else "\n", file=sys.stderr)
            sys.stderr.flush()

    def close(self) -> None:
        """Leave the line of a terminal to others."""
        if self.terminal and self.now:
            print(file=sys.stderr)
