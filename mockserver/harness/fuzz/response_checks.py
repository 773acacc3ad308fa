"""Checks of results after legal responses: the client reports what the server sent."""

import json
import math
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from mockserver.core import data_files
from mockserver.harness.fuzz.case import Case
from mockserver.harness.fuzz.content import Content, event_type
from mockserver.harness.fuzz.executor import Observation
from mockserver.harness.fuzz.failure import Failure, shorten

FAMILIES = ("image_edit.", "image_generation.")


def check_result(case: Case, observation: Observation) -> Iterator[Failure]:
    """The result is a success with the content of the response."""
    last = observation.last
    if observation.problem:
        yield Failure("a result", observation.problem, observation.reply.how)
    elif last is None:
        yield Failure("a request", "none", "no request")
    elif observation.error is not None:
        yield Failure("a success", f"the error {shorten(observation.error)}", "error")
    else:
        yield from _compare(observation.result, last.intended, case.stream)


def _compare(result: Mapping[str, Any], sent: Content, stream: bool) -> Iterator[Failure]:
    yield from _compare_images(result["images"], result["events"], sent, stream)
    if stream:
        yield from _compare_events(result["events"], sent.events)
    expected = drop_unknown(sent.usage, load_usage_keys()) or None
    got = drop_unknown(result["usage"], load_usage_keys()) or None
    if not is_equal(expected, got):
        yield Failure(f"usage {shorten(expected)}", f"usage {shorten(got)}", "usage")


def _compare_images(got: list[Any], events: list[Any], sent: Content, stream: bool) -> Iterator[Failure]:
    expected = sent.images
    if stream:
        completed = [event for event in map(parse_event, events) if event_type(event).endswith(".completed")]
        known = [event.get("b64_json") for event in sent.events if isinstance(event, Mapping)]
        # A client may report a stream's images in its events only.
        is_same = got[-1:] == expected[-1:] and all(image in known for image in got) if got else bool(completed)
    else:
        is_same = got == expected
    if not is_same:
        yield Failure(
            f"{len(expected)} images: {shorten(_abbreviate(expected))}",
            f"{len(got)}: {shorten(_abbreviate(got))}",
            "pictures",
        )


def _abbreviate(images: list[Any]) -> list[str]:
    return [f"{str(image)[:12]}...{str(image)[-12:]} ({len(str(image))} characters)" for image in images]


def _compare_events(got: list[Any], sent: tuple[Any, ...]) -> Iterator[Failure]:
    """Known events are reported in order; unknown events may be missing."""
    expected = [drop_unknown(event, load_event_keys()) for event in sent if event_type(event).startswith(FAMILIES)]
    reported = [
        drop_unknown(event, load_event_keys())
        for event in map(parse_event, got)
        if event_type(event).startswith(FAMILIES)
    ]
    if len(expected) != len(reported):
        yield Failure(
            f"{len(expected)} events: {_join_types(expected)}", f"{len(reported)}: {_join_types(reported)}", "events"
        )
        return
    for number, (one, other) in enumerate(zip(expected, reported, strict=True), 1):
        if not is_equal(one, other):
            names = [name for name in {**one, **other} if not is_equal(one.get(name), other.get(name))]
            texts = [f"event {number}: {shorten({name: event.get(name) for name in names})}" for event in (one, other)]
            yield Failure(texts[0], texts[1], "events")
            return
    unknown = [event for event in map(parse_event, got) if not event_type(event).startswith(FAMILIES)]
    for event in unknown:
        if isinstance(event, Mapping) and not any(is_equal(event, other) for other in sent):
            yield Failure("only events that were sent", shorten(event), "events")
            return


def _join_types(events: list[Any]) -> str:
    return ", ".join(map(event_type, events)) or "none"


def parse_event(event: Any) -> Any:
    """The data of an event, which a client may report as a value or as text."""
    try:
        return json.loads(event) if isinstance(event, str) else event
    except ValueError:
        return event


def drop_unknown(value: Any, known: frozenset[str]) -> Any:
    """Drop nulls and names that the contract does not define: a client need not report them."""
    if isinstance(value, Mapping):
        kept = {name: drop_unknown(item, known) for name, item in value.items() if name in known}
        return {name: item for name, item in kept.items() if item is not None}
    return value


def is_equal(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal; numbers are compared with the precision of a double."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(is_equal(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_equal, one, other))
    numbers = [isinstance(value, int | float) and not isinstance(value, bool) for value in (one, other)]
    if all(numbers):
        try:
            return math.isclose(float(one), float(other), rel_tol=1e-15)
        except OverflowError:
            return bool(one == other)
    return bool(one == other) and type(one) is type(other)


@cache
def load_usage_keys() -> frozenset[str]:
    schema = data_files.contract("schemas/usage.json")
    return frozenset(schema["properties"]) | frozenset(schema["$defs"]["details"]["properties"])


@cache
def load_event_keys() -> frozenset[str]:
    shapes = data_files.contract("schemas/stream-event.json")["oneOf"]
    return load_usage_keys().union(*(shape["properties"] for shape in shapes))
