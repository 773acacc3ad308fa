"""What must hold when an answer is broken or refused: a clean end, a true tale, and no needless repetition. Pure."""

import base64
import binascii
import itertools
import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from mockserver.core import data_files
from mockserver.core.plan import End, Wait
from mockserver.engine.entry import parse_retry_after
from mockserver.harness.fuzz.case import Case
from mockserver.harness.fuzz.content import kind
from mockserver.harness.fuzz.executor import Exchange, Observation
from mockserver.harness.fuzz.failure import Failure, short
from mockserver.harness.fuzz.response_checks import FAMILIES, alike, event_keys, parsed, tidy, usage_keys
from mockserver.scenario.faults.table import FAULTS

# Who waited for so much of a deadline may well speak of a timeout.
WAITED = 0.2


def ends(case: Case, seen: Observation) -> Iterator[Failure]:
    """The client ends within its deadline, and does not crash."""
    if seen.reply.how == "late":
        yield Failure(
            f"an end within {case.deadline:g} s", f"none after {seen.reply.seconds:.0f} s", f"late {case.label}"
        )
    elif seen.reply.how == "crashed":
        yield Failure("a result, with an error or without", seen.amiss, f"crash {case.label}")


def truthful(case: Case, seen: Observation) -> Iterator[Failure]:
    """A success holds pictures, events and usage that were wholly sent."""
    if not seen.success:
        return
    said = [one.received for one in seen.exchanges if one.received.status in (200, None)]
    finals = [picture for one in said for picture in one.pictures]
    events = [event for one in said for event in one.events]
    got = list(seen.result["images"]) or [
        event.get("b64_json") for event in map(parsed, seen.result["events"]) if kind(event).endswith(".completed")
    ]
    known = [event.get("b64_json") for event in events if kind(event).startswith(FAMILIES)] if case.stream else []
    if not got:
        yield Failure("an error, for there is no picture", "a success without a picture", case.label)
    elif got[-1] not in finals or any(one not in (*finals, *known) for one in got):
        told = "a final picture that was wholly sent" if finals else "an error, for no final picture was wholly sent"
        yield Failure(told, f"a success with {short(str(got[-1])[-40:])}", case.label)
    elif not all(map(decodes, got)):
        yield Failure("an error, for the picture is no base64", f"a success with {short(got[-1])}", case.label)
    yield from _parts(case, seen, events, [one.usage for one in said])


def _parts(case: Case, seen: Observation, events: list[Any], usages: list[Any]) -> Iterator[Failure]:
    for event in map(parsed, seen.result["events"]):
        if kind(event).startswith(FAMILIES) and not any(_within(event, one) for one in events):
            yield Failure("events that were wholly sent", short(event), case.label)
            return
    usage = tidy(seen.result["usage"], usage_keys())
    if usage and not any(_within(usage, one) for one in usages if isinstance(one, Mapping)):
        yield Failure(f"one of {short(usages)}, or nothing", f"usage {short(usage)}", case.label)


def _within(part: Any, whole: Any) -> bool:
    """Does all that the contract knows of the part stand in the whole?"""
    if isinstance(part, Mapping) and isinstance(whole, Mapping):
        known = tidy(part, event_keys())
        return all(name in whole and _within(value, whole[name]) for name, value in known.items())
    return alike(part, whole)


def decodes(picture: Any) -> bool:
    """Is it base64?"""
    try:
        return bool(base64.b64decode(str(picture), validate=True))
    except (binascii.Error, ValueError):
        return False


def error_event(case: Case, seen: Observation) -> Iterator[Failure]:
    """An event named error ends the call in an error of the kind stream, which tells what the server said."""
    last = seen.last
    if last is None or seen.reply.how != "answered" or not last.received.error or last.received.completed:
        return
    said = last.received.error
    if seen.error is None:
        yield Failure(f"the error {short(dict(said))}", "a success", "success")
    elif seen.error["kind"] != "stream":
        yield Failure("an error of the kind stream", f"one of the kind {seen.error['kind']}", "kind")
    elif not _tells(seen.error, said):
        yield Failure(f"the error {short(dict(said))}", short(seen.error), "words")


def kinds(case: Case, seen: Observation) -> Iterator[Failure]:
    """An error is of the kind that it is, and a refusal is told with its status and code."""
    last = seen.last
    if seen.error is None:
        return
    if last is None:
        yield Failure("a request", f"none, and the error {short(seen.error)}", "no request")
        return
    got, expected = seen.error["kind"], _expected(case, last)
    said = last.received
    if got == "timeout" and seen.reply.seconds > case.deadline * WAITED:
        return  # of a slow client on a slow machine
    if got not in expected:
        yield Failure(f"an error of the kind {' or '.join(expected)}", short(seen.error), case.label)
    elif got == "status" and said.status is not None and seen.error.get("status") != said.status:
        yield Failure(f"status {said.status}", f"status {seen.error.get('status')}", "status")
    elif got == "status" and said.whole and said.error and not _tells(seen.error, said.error):
        yield Failure(f"the error {short(dict(said.error))}", short(seen.error), "words")


def _expected(case: Case, last: Exchange) -> tuple[str, ...]:
    said = last.received
    if stalled(last):
        return ("timeout",)
    if said.status is None:
        return ("connection", "bad_answer")
    if said.status >= 400:
        sound = said.whole and last.entry["turn"]["faults"] in ([], ["status"], ["retry_after"])
        return ("status",) if sound else ("status", "connection", "bad_answer")
    if said.status >= 300:
        return ("status", "connection", "bad_answer")
    return ("stream", "bad_answer", "connection") if case.stream else ("bad_answer", "connection")


def _tells(told: Mapping[str, Any], said: Mapping[str, Any]) -> bool:
    """Does an error tell the server's code, or its words?"""
    code, message, words = said.get("code"), str(said.get("message") or ""), str(told.get("message") or "")
    if code is not None and (str(told.get("code")) == str(code) or str(code) in words):
        return True
    return message[:60] in words or (code is None and not message)


def stalled(one: Exchange) -> bool:
    """Did the server fall silent for ever?"""
    return any(isinstance(step, Wait) and math.isinf(step.seconds) for step in one.sent)


def leaves(case: Case, seen: Observation) -> Iterator[Failure]:
    """When a call has ended, none of its answers is left half read."""
    if seen.going:
        yield Failure("no open connections", f"{seen.going} on which an answer is still under way", "under way")
    elif seen.unread and all(map(_sound, seen.exchanges)):
        yield Failure("answers read, or their connections closed", f"{seen.unread} open and half read", "half read")


def _sound(one: Exchange) -> bool:
    """Does HTTP say truly where the answer ends?"""
    layers = {FAULTS[name].layer for name in one.entry["turn"]["faults"] if FAULTS[name].mark == "hostile"}
    return isinstance(one.sent[-1], End) and not layers & {"http", "wire", "bytes"}


def retries(case: Case, seen: Observation) -> Iterator[Failure]:
    """Only what may be retried is sent again, and as it was."""
    rule = data_files.contract("verdict.yaml")["retry"]
    for before, after in itertools.pairwise(seen.exchanges):
        moved = before.received.status is not None and 300 <= before.received.status < 400
        if before.entry["call"] != after.entry["call"] and not moved:
            yield Failure("the same request again", "another one", "changed")
            return
        status, code = before.received.status, before.received.error.get("code")
        final = status is not None and 400 <= status < rule["from"] and status not in rule["statuses"]
        if final or (status is not None and code in rule["never"]):
            yield Failure(
                "no second request", f"one more after {status} {code or ''}".strip(), f"{status} {code or ''}"
            )
            return


def waits(case: Case, seen: Observation) -> Iterator[Failure]:
    """A retry comes no sooner than Retry-After asks."""
    slack = data_files.contract("verdict.yaml")["retry"]["slack"]
    for before, after in itertools.pairwise(seen.exchanges):
        wanted = parse_retry_after(before.sent, datetime.fromisoformat(before.entry["time"]).timestamp())
        waited = after.entry["waited"]
        if wanted is not None and waited is not None and waited < wanted * slack:
            yield Failure(f"a retry after {wanted:g} s", f"one after {waited:.1f} s", "too soon")
            return


def repeats(case: Case, seen: Observation) -> Iterator[Failure]:
    """A call that was served is not made again in silence: it is billed twice."""
    for before, _ in itertools.pairwise(seen.exchanges):
        if before.received.status == 200 or stalled(before):
            why = "the server fell silent" if stalled(before) else "an answer with status 200"
            yield Failure("no second request for pictures that were made", f"one more after {why}", why)
            return
