"""Verdicts as lines for a reader, and as JSON for programs."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from mockserver.harness.check.verdicts import Verdict


def as_json(verdicts: Sequence[Verdict]) -> str:
    """A list of objects."""
    return json.dumps([verdict.described() for verdict in verdicts], indent=2)


def as_text(verdicts: Sequence[Verdict]) -> str:
    """A line for each verdict, the details of those that refuse, and hints."""
    details = (line for verdict in verdicts if not verdict.accepted for line in _details(verdict))
    hints = dict.fromkeys(f"hint: {hint}" for verdict in verdicts for hint in verdict.hints)
    return "\n".join((*map(_line, verdicts), *details, *hints))


def _line(verdict: Verdict) -> str:
    start = f"{', '.join(verdict.files)}: "
    if verdict.error is not None:
        return f"{start}refused, {verdict.status} {verdict.error['code'] or verdict.error['type']}"
    used = verdict.usage
    counts = f", {used['input_tokens']} tokens in, {used['output_tokens']} out" if used else ""
    cost = "" if verdict.price is None else f", ${verdict.price:.4f}"
    return f"{start}accepted by {verdict.model}{counts}{cost}"


def _details(verdict: Verdict) -> Iterator[str]:
    yield f"\n{', '.join(verdict.files)}: {verdict.status}"
    for name, value in (verdict.error or {}).items():
        yield f"  {name:<8} {'null' if value is None else value}"
    ours = {"why": verdict.hint, "guess": verdict.guess} | (asdict(verdict.mend) if verdict.mend else {})
    yield from (f"  {name:<8} {value}" for name, value in ours.items() if value)
