"""Verdicts as text for a terminal and as JSON."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from mockserver.harness.check.verdicts import Verdict


def format_json(verdicts: Sequence[Verdict]) -> str:
    return json.dumps([verdict.to_json() for verdict in verdicts], indent=2)


def format_text(verdicts: Sequence[Verdict]) -> str:
    details = (line for verdict in verdicts if not verdict.accepted for line in _details(verdict))
    hints = dict.fromkeys(f"hint: {hint}" for verdict in verdicts for hint in verdict.hints)
    return "\n".join((*map(_summary, verdicts), *details, *hints))


def _summary(verdict: Verdict) -> str:
    start = f"{', '.join(verdict.files)}: "
    if verdict.error is not None:
        return f"{start}rejected, {verdict.status} {verdict.error['code'] or verdict.error['type']}"
    usage = verdict.usage
    tokens = f", {usage['input_tokens']} tokens in, {usage['output_tokens']} out" if usage else ""
    price = "" if verdict.price is None else f", ${verdict.price:.4f}"
    return f"{start}accepted by {verdict.model}{tokens}{price}"


def _details(verdict: Verdict) -> Iterator[str]:
    yield f"\n{', '.join(verdict.files)}: {verdict.status}"
    for name, value in (verdict.error or {}).items():
        yield f"  {name:<8} {'null' if value is None else value}"
    explanation = {"why": verdict.hint, "guess": verdict.guess} | (asdict(verdict.fix) if verdict.fix else {})
    yield from (f"  {name:<8} {value}" for name, value in explanation.items() if value)
