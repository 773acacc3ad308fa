"""Checks of results after hostile faults and errors. Each yields what it expected and what it got."""

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
from mockserver.harness.fuzz.content import event_type
from mockserver.harness.fuzz.executor import Exchange, Observation
from mockserver.harness.fuzz.failure import Failure, shorten
from mockserver.harness.fuzz.response_checks import (
    FAMILIES,
    drop_unknown,
    is_equal,
    load_event_keys,
    load_usage_keys,
    parse_event,
)
from mockserver.scenario.faults.table import FAULTS

# A client that waited for this share of its deadline may report a timeout.
TIMEOUT_SHARE = 0.2


def check_end(case: Case, observation: Observation) -> Iterator[Failure]:
    """The client returns within its deadline and does not crash."""
    if observation.reply.how == "late":
        yield Failure(
            f"a result within {case.deadline:g} s",
            f"none after {observation.reply.seconds:.0f} s",
            f"late {case.label}",
        )
    elif observation.reply.how == "crashed":
        yield Failure("a result, with or without an error", observation.problem, f"crash {case.label}")


def check_success(case: Case, observation: Observation) -> Iterator[Failure]:
    """A success holds only images, events and usage that the server sent completely."""
    if not observation.is_success:
        return
    said = [one.sent_content for one in observation.exchanges if one.sent_content.status in (200, None)]
    finals = [picture for one in said for picture in one.images]
    events = [event for one in said for event in one.events]
    got = list(observation.result["images"]) or [
        event.get("b64_json")
        for event in map(parse_event, observation.result["events"])
        if event_type(event).endswith(".completed")
    ]
    known = [event.get("b64_json") for event in events if event_type(event).startswith(FAMILIES)] if case.stream else []
    if not got:
        yield Failure("an error, because no image was sent", "a success without an image", case.label)
    elif got[-1] not in finals or any(one not in (*finals, *known) for one in got):
        expected = (
            "a final image that was sent completely" if finals else "an error: no final image was sent completely"
        )
        yield Failure(expected, f"a success with {shorten(str(got[-1])[-40:])}", case.label)
    elif not all(map(is_base64, got)):
        yield Failure("an error, because the image is not base64", f"a success with {shorten(got[-1])}", case.label)
    yield from _check_parts(case, observation, events, [one.usage for one in said])


def _check_parts(case: Case, observation: Observation, events: list[Any], usages: list[Any]) -> Iterator[Failure]:
    for event in map(parse_event, observation.result["events"]):
        if event_type(event).startswith(FAMILIES) and not any(_within(event, one) for one in events):
            yield Failure("only events that were sent completely", shorten(event), case.label)
            return
    usage = drop_unknown(observation.result["usage"], load_usage_keys())
    if usage and not any(_within(usage, one) for one in usages if isinstance(one, Mapping)):
        yield Failure(f"one of {shorten(usages)}, or nothing", f"usage {shorten(usage)}", case.label)


def _within(part: Any, whole: Any) -> bool:
    """Whether the whole contains everything in the part that the contract defines."""
    if isinstance(part, Mapping) and isinstance(whole, Mapping):
        known = drop_unknown(part, load_event_keys())
        return all(name in whole and _within(value, whole[name]) for name, value in known.items())
    return is_equal(part, whole)


def is_base64(text: Any) -> bool:
    try:
        return bool(base64.b64decode(str(text), validate=True))
    except (binascii.Error, ValueError):
        return False


def check_error_event(case: Case, observation: Observation) -> Iterator[Failure]:
    """An event named error makes the call fail with kind stream and the server's error."""
    last = observation.last
    if (
        last is None
        or observation.reply.how != "answered"
        or not last.sent_content.error
        or last.sent_content.completed
    ):
        return
    said = last.sent_content.error
    if observation.error is None:
        yield Failure(f"the error {shorten(dict(said))}", "a success", "success")
    elif observation.error["kind"] != "stream":
        yield Failure("an error of kind stream", f"an error of kind {observation.error['kind']}", "kind")
    elif not _repeats_error(observation.error, said):
        yield Failure(f"the error {shorten(dict(said))}", shorten(observation.error), "words")


def check_error_kind(case: Case, observation: Observation) -> Iterator[Failure]:
    """The error has the right kind, and for an error response the status and code."""
    last = observation.last
    if observation.error is None:
        return
    if last is None:
        yield Failure("a request", f"none, but the error {shorten(observation.error)}", "no request")
        return
    got, expected = observation.error["kind"], _expected(case, last)
    said = last.sent_content
    if got == "timeout" and observation.reply.seconds > case.deadline * TIMEOUT_SHARE:
        return  # the client may be slow
    if got not in expected:
        yield Failure(f"an error of kind {' or '.join(expected)}", shorten(observation.error), case.label)
    elif got == "status" and said.status is not None and observation.error.get("status") != said.status:
        yield Failure(f"status {said.status}", f"status {observation.error.get('status')}", "status")
    elif got == "status" and said.is_complete and said.error and not _repeats_error(observation.error, said.error):
        yield Failure(f"the error {shorten(dict(said.error))}", shorten(observation.error), "words")


def _expected(case: Case, last: Exchange) -> tuple[str, ...]:
    said = last.sent_content
    if is_stalled(last):
        return ("timeout",)
    if said.status is None:
        return ("connection", "bad_answer")
    if said.status >= 400:
        sound = said.is_complete and last.entry["turn"]["faults"] in ([], ["status"], ["retry_after"])
        return ("status",) if sound else ("status", "connection", "bad_answer")
    if said.status >= 300:
        return ("status", "connection", "bad_answer")
    return ("stream", "bad_answer", "connection") if case.stream else ("bad_answer", "connection")


def _repeats_error(error: Mapping[str, Any], sent: Mapping[str, Any]) -> bool:
    """Whether an error repeats the server's code or message."""
    code, message, text = sent.get("code"), str(sent.get("message") or ""), str(error.get("message") or "")
    if code is not None and (str(error.get("code")) == str(code) or str(code) in text):
        return True
    return message[:60] in text or (code is None and not message)


def is_stalled(exchange: Exchange) -> bool:
    return any(isinstance(step, Wait) and math.isinf(step.seconds) for step in exchange.sent)


def check_connections(case: Case, observation: Observation) -> Iterator[Failure]:
    """After a call, no response is left partly read on an open connection."""
    if observation.unfinished:
        yield Failure("no open connections", f"{observation.unfinished} with an unfinished response", "under way")
    elif observation.unread and all(map(_is_well_framed, observation.exchanges)):
        yield Failure(
            "responses read, or their connections closed", f"{observation.unread} open with unread bytes", "half read"
        )


def _is_well_framed(exchange: Exchange) -> bool:
    """Whether a client can tell from HTTP where the response ends."""
    layers = {FAULTS[name].layer for name in exchange.entry["turn"]["faults"] if FAULTS[name].mark == "hostile"}
    return isinstance(exchange.sent[-1], End) and not layers & {"http", "wire", "bytes"}


def check_retries(case: Case, observation: Observation) -> Iterator[Failure]:
    """Only calls that may be retried are repeated, and unchanged."""
    rule = data_files.contract("verdict.yaml")["retry"]
    for before, after in itertools.pairwise(observation.exchanges):
        is_redirect = before.sent_content.status is not None and 300 <= before.sent_content.status < 400
        if before.entry["call"] != after.entry["call"] and not is_redirect:
            yield Failure("the same request again", "a different one", "changed")
            return
        status, code = before.sent_content.status, before.sent_content.error.get("code")
        is_final = status is not None and 400 <= status < rule["from"] and status not in rule["statuses"]
        if is_final or (status is not None and code in rule["never"]):
            yield Failure(
                "no second request", f"a second one after {status} {code or ''}".strip(), f"{status} {code or ''}"
            )
            return


def check_retry_after(case: Case, observation: Observation) -> Iterator[Failure]:
    """A retry waits at least as long as Retry-After requests."""
    slack = data_files.contract("verdict.yaml")["retry"]["slack"]
    for before, after in itertools.pairwise(observation.exchanges):
        required = parse_retry_after(before.sent, datetime.fromisoformat(before.entry["time"]).timestamp())
        waited = after.entry["waited"]
        if required is not None and waited is not None and waited < required * slack:
            yield Failure(f"a retry after {required:g} s", f"one after {waited:.1f} s", "too soon")
            return


def check_repeats(case: Case, observation: Observation) -> Iterator[Failure]:
    """A call with a success is not repeated: it would be billed twice."""
    for before, _ in itertools.pairwise(observation.exchanges):
        if before.sent_content.status == 200 or is_stalled(before):
            why = "the server fell silent" if is_stalled(before) else "an answer with status 200"
            yield Failure("no second request for rendered images", f"a second one after {why}", why)
            return
