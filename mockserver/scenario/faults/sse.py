"""Faults of streams, event by event: some are missing, others are too many, late, or of another kind."""

import json

from mockserver.contract import catalogue
from mockserver.core.plan import Plan, Wait
from mockserver.scenario.faults.documents import format_event, parse_event
from mockserver.scenario.faults.fault import KEEP, Fault, Parameters, RandInt
from mockserver.scenario.faults.parts import (
    Events,
    find_head,
    find_header,
    replace_body,
    replace_events,
    replace_head,
    set_header,
    split_events,
)

FAMILIES = {"image_edit": "image_generation", "image_generation": "image_edit"}
ERRORS = {"server": "stream-error", "moderation": "stream-moderation"}


def _partials(pieces: Events) -> list[int]:
    return [place for place, (_, data) in enumerate(pieces) if b".partial_image" in data.partition(b"\n")[0]]


def _completed(pieces: Events) -> list[int]:
    return [place for place, (_, data) in enumerate(pieces) if b".completed" in data.partition(b"\n")[0]]


def unknown_events(plan: Plan, given: Parameters, draw: RandInt) -> Plan:
    """Between the events stand some that nobody knows."""
    stranger = format_event("image.progress", {"type": "image.progress", "progress": 0.5})
    pieces: Events = [piece for known in split_events(plan) for piece in (((), stranger), known)]
    return replace_events(plan, pieces)


def duplicate_partials(plan: Plan, given: Parameters, draw: RandInt) -> Plan | None:
    """Each partial picture comes twice."""
    pieces = split_events(plan)
    twice = _partials(pieces)
    for place in reversed(twice):
        pieces.insert(place, ((), pieces[place][1]))
    return replace_events(plan, pieces) if twice else None


def reorder_partials(plan: Plan, given: Parameters, draw: RandInt) -> Plan | None:
    """The partial pictures come from the last to the first."""
    pieces = split_events(plan)
    found = _partials(pieces)
    turned = [pieces[place][1] for place in reversed(found)]
    for place, data in zip(found, turned, strict=True):
        pieces[place] = (pieces[place][0], data)
    return replace_events(plan, pieces) if len(found) > 1 else None


def fewer_partials(plan: Plan, given: Parameters, draw: RandInt) -> Plan | None:
    """Only some of the partial pictures come."""
    pieces = split_events(plan)
    gone = _partials(pieces)[given["keep"] :]
    return _without(plan, pieces, gone)


def no_completed(plan: Plan, given: Parameters, draw: RandInt) -> Plan | None:
    """The stream ends as if all were said, and the final picture never came."""
    pieces = split_events(plan)
    return _without(plan, pieces, _completed(pieces))


def _without(plan: Plan, pieces: Events, gone: list[int]) -> Plan | None:
    return replace_events(plan, [piece for place, piece in enumerate(pieces) if place not in gone]) if gone else None


def half_event(plan: Plan, given: Parameters, draw: RandInt) -> Plan | None:
    """The last event is cut, and then the stream ends as if all were said."""
    pieces = split_events(plan)
    if not pieces:
        return None
    waits, data = pieces[-1]
    return replace_events(plan, [*pieces[:-1], (waits, data[: int((len(data) - 2) * given["keep"])])])


def json_instead(plan: Plan, given: Parameters, draw: RandInt) -> Plan | None:
    """The last event's picture comes as a JSON body, which nobody asked for."""
    found = [known[1] for _, data in split_events(plan) if (known := parse_event(data))]
    top = find_head(plan)
    if not found or top is None:
        return None
    last = {"created": found[-1].get("created_at"), "data": [{"b64_json": found[-1].get("b64_json")}]}
    whole = replace_body(
        replace_head(plan, set_header(top, "content-type", "application/json")), json.dumps(last).encode("ascii")
    )
    return (*(step for step in plan if isinstance(step, Wait)), *whole)


def done(plan: Plan, given: Parameters, draw: RandInt) -> Plan:
    """The stream ends with `[DONE]`, as those of chats do."""
    return replace_events(plan, [*split_events(plan), ((), b"data: [DONE]\n\n")])


def wrong_family(plan: Plan, given: Parameters, draw: RandInt) -> Plan | None:
    """The events of an edit are called those of a generation, and the other way round."""
    pieces: Events = []
    struck = False
    for waits, data in split_events(plan):
        known = parse_event(data)
        family, dot, kind = known[0].partition(".") if known else ("", "", "")
        if known and family in FAMILIES:
            name, struck = f"{FAMILIES[family]}{dot}{kind}", True
            data = format_event(name, {**known[1], "type": name})
        pieces.append((waits, data))
    return replace_events(plan, pieces) if struck else None


def error_event(plan: Plan, given: Parameters, draw: RandInt) -> Plan:
    """An error comes after some events, and then the stream ends."""
    row = catalogue.families()[ERRORS[given["as"]]][-1]
    known = row.error({"request_id": find_header(plan, "x-request-id")})
    error = {key: known[key] for key in ("type", "code", "message", "param")}
    pieces = split_events(plan)[: given["after"]]
    return replace_events(plan, [*pieces, ((), format_event("error", {"type": "error", "error": error}))])


def huge_event(plan: Plan, given: Parameters, draw: RandInt) -> Plan | None:
    """The last event is larger than many a buffer."""
    pieces = split_events(plan)
    known = parse_event(pieces[-1][1]) if pieces else None
    if known is None:
        return None
    filled = format_event(known[0], {**known[1], "x_padding": "x" * given["bytes"]})
    return replace_events(plan, [*pieces[:-1], (pieces[-1][0], filled)])


def gap(plan: Plan, given: Parameters, draw: RandInt) -> Plan:
    """Nothing is sent for a while before each event but the first."""
    pieces = split_events(plan)
    return replace_events(
        plan, [*pieces[:1], *(((*waits, Wait(given["seconds"])), data) for waits, data in pieces[1:])]
    )


def _row(name: str, about: str, mark: str, apply: object, **more: object) -> Fault:
    return Fault(name, about, mark, "stream", "events", apply, **more)  # type: ignore[arg-type]


FAULTS = (
    _row("unknown_events", "There are events that nobody knows yet.", "legal", unknown_events),
    _row("duplicate_partials", "Each partial picture comes twice.", "legal", duplicate_partials),
    _row("reorder_partials", "The partial pictures come from the last to the first.", "legal", reorder_partials),
    _row(
        "fewer_partials",
        "Fewer partial pictures come than were asked for.",
        "legal",
        fewer_partials,
        parameters={"keep": {"type": "integer", "minimum": 0, "maximum": 2, "default": 0}},
        short="keep",
    ),
    _row("no_completed", "The stream ends cleanly without its completed event.", "hostile", no_completed),
    _row(
        "half_event",
        "The last event is cut, and the stream ends cleanly.",
        "hostile",
        half_event,
        parameters={"keep": KEEP},
        short="keep",
    ),
    _row("json_instead", "A JSON body comes instead of a stream.", "hostile", json_instead),
    _row("done", "The stream ends with [DONE], as those of chats do.", "legal", done),
    _row("wrong_family", "The events are called those of the other endpoint.", "hostile", wrong_family),
    _row(
        "error_event",
        "After so many events comes one named error, of the server or of moderation.",
        "hostile",
        error_event,
        parameters={
            "as": {"enum": list(ERRORS), "default": "server"},
            "after": {"type": "integer", "minimum": 0, "maximum": 3, "default": 1},
        },
        short="as",
    ),
    _row(
        "huge_event",
        "The last event is larger than many a buffer.",
        "legal",
        huge_event,
        parameters={"bytes": {"type": "integer", "minimum": 1, "maximum": 67_108_864, "default": 8_388_609}},
        short="bytes",
    ),
    _row(
        "gap",
        "Nothing is sent for a while between two events.",
        "legal",
        gap,
        parameters={"seconds": {"type": "number", "minimum": 0, "maximum": 3600, "default": 1}},
        short="seconds",
    ),
)
