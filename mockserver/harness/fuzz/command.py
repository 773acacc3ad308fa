"""The command `mockserver fuzz`: runs the engine, writes findings and reports, and shows progress on stderr."""

import math
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from mockserver.harness.fuzz.client import CannotStart, build_client
from mockserver.harness.fuzz.engine import Limits, Run, fuzz
from mockserver.harness.fuzz.finding import read_baseline, save
from mockserver.harness.fuzz.properties import Property, select
from mockserver.harness.fuzz.report import Report, build_writer

# Seconds between updates of the progress line on a terminal.
PROGRESS_INTERVAL = 0.2


def run(
    client: str | Sequence[str],
    model: str,
    day: str,
    only: str | None,
    limits: Limits,
    folder: Path | None = None,
    report_path: str | None = None,
    baseline: Path | None = None,
    echo: Callable[[str], object] = print,
) -> int:
    """Fuzz a client, `module:callable` or a command. Returns 0, or 1 for new findings.

    Raises ValueError with a message of one line, also for a client that cannot be started.
    """
    write_report = build_writer(report_path) if report_path else None
    known = read_baseline(baseline) if baseline else frozenset()
    check_writable(report_path, folder)
    name = client if isinstance(client, str) else shlex.join(client)
    progress = Progress(select(only))
    try:
        result = fuzz(build_client(client), model, day, only, limits, on_progress=progress)
    except CannotStart as error:
        raise ValueError(str(error)) from None
    except OSError as error:
        raise ValueError(f"the run was aborted: {error}") from None
    finally:
        progress.close()
    try:
        paths = [
            str(save(finding, folder, number, day)) if folder else None
            for number, finding in enumerate(result.findings, 1)
        ]
        report = Report(name, model, day, limits.seed, select(only), result.tried, result.findings, paths, known)
        if write_report:
            write_report(report)
    except OSError as error:
        raise ValueError(f"cannot write {error.filename}: {error.strerror}") from None
    for finding, path in zip(result.findings, paths, strict=True):
        if finding.identity not in known:
            echo("\n".join(finding.format_lines(path)) + "\n")
    echo(format_summary(report, result))
    return int(bool(report.new))


def check_writable(report_path: str | None, folder: Path | None) -> None:
    """Raise ValueError before the run, which takes minutes, rather than after it."""
    try:
        if report_path:
            open(report_path, "ab").close()
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"cannot write {error.filename}: {error.strerror}") from None


def format_summary(report: Report, result: Run) -> str:
    known = len(report.findings) - len(report.new)
    stopped = " (stopped by --max-time)" if result.is_over else ""
    return (
        f"{len(report.new)} new findings, {known} known; {result.executor.case_count} cases, "
        f"{len(report.rows)} properties, seed {report.seed}{stopped}"
    )


class Progress:
    """Shows progress on stderr: one line that is updated on a terminal, else one line per property."""

    def __init__(self, rows: Sequence[Property]) -> None:
        # A property with a strategy has two phases.
        self.phase_count = len(rows) + sum(1 for row in rows if row.strategy)
        self.current, self.phase, self.next_update = "", 0, -math.inf
        self.is_terminal = sys.stderr.isatty()

    def __call__(self, run: Run) -> None:
        if not run.current:
            return
        is_new = run.current != self.current
        if is_new:
            self.current, self.phase = run.current, self.phase + 1
        if is_new if not self.is_terminal else time.monotonic() >= self.next_update:
            self.next_update = time.monotonic() + PROGRESS_INTERVAL
            left = "" if run.seconds_left is None else f", {max(0, run.seconds_left):.0f} s left"
            counts = f"{run.executor.case_count} cases, {len(run.findings)} findings"
            line = f"{self.phase}/{self.phase_count} {run.current}: {counts}{left}"
            print(
                f"\r\x1b[K{line}" if self.is_terminal else line, end="" if self.is_terminal else "\n", file=sys.stderr
            )
            sys.stderr.flush()

    def close(self) -> None:
        """End the terminal's progress line."""
        if self.is_terminal and self.current:
            print(file=sys.stderr)
