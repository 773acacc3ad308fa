"""The journal entry of one request, as JSON-like data: what arrived, how it was understood, what was sent and why."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from mockserver.core.plan import Head, Plan
from mockserver.engine.context import Context
from mockserver.engine.respond import Response
from mockserver.engine.values import Understood
from mockserver.journal.redact import redact
from mockserver.scenario.faults.table import FaultedPlan
from mockserver.scenario.machine import Turn

NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?", re.ASCII)
RETRY_HEADERS = ("retry-after", "retry-after-ms")
# Characters of a hint, or of a parameter's name.
HINT = 2_000


def build_entry(
    understood: Understood, turn: Turn, context: Context, response: Response, entry_id: str
) -> dict[str, Any]:
    """The entry, redacted, in the shape of contracts/schemas/journal.json but for two things.

    Images and files are named by their xxh3 digests until the entry is read, a file's under `digest`. `repeats`,
    `waited`, `told`, and what has been sent of the response, are filled in later.
    """
    entry = {
        "id": entry_id,
        "session": context.session,
        "time": datetime.fromtimestamp(context.now, UTC).isoformat(timespec="milliseconds"),
        "as_of": context.as_of.label,
        "attempt": context.attempt,
        "call": understood.call,
        "repeats": None,
        "waited": None,
        "request": None,
        "job": None,
        "turn": turn.to_json(),
        "answer": _describe_response(response, context),
        "hints": [hint[:HINT] for hint in response.hints],
        "usage": response.usage,
        "cost": response.cost,
        "told": None,
    }
    # The record of the request was redacted when it was made.
    return {**redact(entry, understood.secrets), **understood.record}


def _describe_response(response: Response, context: Context) -> dict[str, Any]:
    return {
        "status": response.status,
        "code": response.error.get("code"),
        "param": (response.error.get("param") or "")[:HINT] or None,
        "row": response.row and response.row.id,
        "outcome": response.outcome,
        "retry_after": parse_retry_after(response.plan, context.now),
        "sent_bytes": 0,
        "complete": False,
        "pictures": [image.digest for image in response.images],
        "sent": [],
    }


def parse_retry_after(plan: Plan, now: float) -> float | None:
    """The seconds that a response asks its client to wait, as the official clients parse it, or None."""
    headers = next((step.headers for step in plan if isinstance(step, Head)), ())
    retry = {name: value for name, value in headers if name in RETRY_HEADERS}
    if not retry:
        return None
    milliseconds, seconds = retry.get("retry-after-ms", ""), retry.get("retry-after", "")
    if NUMBER.fullmatch(milliseconds):
        return float(milliseconds) / 1000
    if NUMBER.fullmatch(seconds):
        return float(seconds)
    try:
        return max(0.0, round(parsedate_to_datetime(seconds).timestamp() - now, 3))
    except (ValueError, OverflowError):
        return None


def record_faults(entry: dict[str, Any], applied: FaultedPlan) -> None:
    entry["turn"].update(faults=list(applied.applied), hostile=applied.hostile)
    if applied.applied:
        entry["answer"]["outcome"] = "faulted"
    if applied.status != entry["answer"]["status"]:
        entry["answer"].update(status=applied.status, code=None, param=None, row=None)
    if applied.skipped:
        entry["hints"].append(f"Faults that do not apply to this response: {', '.join(applied.skipped)}.")


def list_images(understood: Understood, response: Response) -> Iterator[tuple[str, bytes, str]]:
    for received in understood.job.input_images if understood.job else ():
        yield received.part.digest, received.part.data, received.facts.real_type
    for sent in response.images:
        yield sent.digest, sent.data, sent.media_type
