"""What must hold of results: what a server said well is what the client reports. Pure."""

import json
import math
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from mockserver.core import data_files
from mockserver.harness.fuzz.case import Case
from mockserver.harness.fuzz.content import Content, kind
from mockserver.harness.fuzz.executor import Observation
from mockserver.harness.fuzz.failure import Failure, short

FAMILIES = ("image_edit.", "image_generation.")


def faithful(case: Case, seen: Observation) -> Iterator[Failure]:
    """The result is a success, and tells what the server sent."""
    last = seen.last
    if seen.amiss:
        yield Failure("a result", seen.amiss, seen.reply.how)
    elif last is None:
        yield Failure("a request", "none came", "no request")
    elif seen.error is not None:
        yield Failure("a success", f"the error {short(seen.error)}", "error")
    else:
        yield from same(seen.result, last.meant, case.stream)


def same(result: Mapping[str, Any], said: Content, stream: bool) -> Iterator[Failure]:
    """Pictures, events and usage are those of the answer."""
    yield from _pictures(result["images"], result["events"], said, stream)
    if stream:
        yield from _events(result["events"], said.events)
    wanted = tidy(said.usage, usage_keys()) or None
    got = tidy(result["usage"], usage_keys()) or None
    if not alike(wanted, got):
        yield Failure(f"usage {short(wanted)}", f"usage {short(got)}", "usage")


def _pictures(got: list[Any], events: list[Any], said: Content, stream: bool) -> Iterator[Failure]:
    wanted = said.pictures
    if stream:
        told = [event for event in map(parsed, events) if kind(event).endswith(".completed")]
        known = [event.get("b64_json") for event in said.events if isinstance(event, Mapping)]
        # A stream's pictures may stand in its events alone.
        good = got[-1:] == wanted[-1:] and all(one in known for one in got) if got else bool(told)
    else:
        good = got == wanted
    if not good:
        yield Failure(
            f"{len(wanted)} pictures: {short(_heads(wanted))}", f"{len(got)}: {short(_heads(got))}", "pictures"
        )


def _heads(pictures: list[Any]) -> list[str]:
    return [f"{str(one)[:12]}...{str(one)[-12:]} ({len(str(one))} characters)" for one in pictures]


def _events(got: list[Any], said: tuple[Any, ...]) -> Iterator[Failure]:
    """Events that nobody knows may be passed over; the others are there, in order."""
    wanted = [tidy(event, event_keys()) for event in said if kind(event).startswith(FAMILIES)]
    found = [tidy(event, event_keys()) for event in map(parsed, got) if kind(event).startswith(FAMILIES)]
    if len(wanted) != len(found):
        yield Failure(f"{len(wanted)} events: {_kinds(wanted)}", f"{len(found)}: {_kinds(found)}", "events")
        return
    for number, (one, other) in enumerate(zip(wanted, found, strict=True), 1):
        if not alike(one, other):
            where = [name for name in {**one, **other} if not alike(one.get(name), other.get(name))]
            told = [f"event {number}: {short({name: event.get(name) for name in where})}" for event in (one, other)]
            yield Failure(told[0], told[1], "events")
            return
    strangers = [event for event in map(parsed, got) if not kind(event).startswith(FAMILIES)]
    for event in strangers:
        if isinstance(event, Mapping) and not any(alike(event, one) for one in said):
            yield Failure("only events that were sent", short(event), "events")
            return


def _kinds(events: list[Any]) -> str:
    return ", ".join(map(kind, events)) or "none"


def parsed(event: Any) -> Any:
    """An event's data as a value, also where a client reports its text."""
    try:
        return json.loads(event) if isinstance(event, str) else event
    except ValueError:
        return event


def tidy(value: Any, known: frozenset[str]) -> Any:
    """A value without what is null, or unknown to the contract: a client need not pass that on."""
    if isinstance(value, Mapping):
        kept = {name: tidy(item, known) for name, item in value.items() if name in known}
        return {name: item for name, item in kept.items() if item is not None}
    return value


def alike(one: Any, other: Any) -> bool:
    """Are two JSON values the same, as far as any language can tell its numbers?"""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(alike(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    numbers = [isinstance(value, int | float) and not isinstance(value, bool) for value in (one, other)]
    if all(numbers):
        try:
            return math.isclose(float(one), float(other), rel_tol=1e-15)
        except OverflowError:
            return bool(one == other)
    return bool(one == other) and type(one) is type(other)


@cache
def usage_keys() -> frozenset[str]:
    """The names in a usage block."""
    schema = data_files.contract("schemas/usage.json")
    return frozenset(schema["properties"]) | frozenset(schema["$defs"]["details"]["properties"])


@cache
def event_keys() -> frozenset[str]:
    """The names in an event."""
    shapes = data_files.contract("schemas/stream-event.json")["oneOf"]
    return usage_keys().union(*(shape["properties"] for shape in shapes))
