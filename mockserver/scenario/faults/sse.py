"""Faults of streams, event by event: events that are missing, repeated, late, or of another kind."""

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


def unknown_events(plan: Plan, options: Parameters, randint: RandInt) -> Plan:
    unknown = format_event("image.progress", {"type": "image.progress", "progress": 0.5})
    pieces: Events = [piece for known in split_events(plan) for piece in (((), unknown), known)]
    return replace_events(plan, pieces)


def duplicate_partials(plan: Plan, options: Parameters, randint: RandInt) -> Plan | None:
    pieces = split_events(plan)
    twice = _partials(pieces)
    for place in reversed(twice):
        pieces.insert(place, ((), pieces[place][1]))
    return replace_events(plan, pieces) if twice else None


def reorder_partials(plan: Plan, options: Parameters, randint: RandInt) -> Plan | None:
    pieces = split_events(plan)
    partials = _partials(pieces)
    reordered = [pieces[place][1] for place in reversed(partials)]
    for place, data in zip(partials, reordered, strict=True):
        pieces[place] = (pieces[place][0], data)
    return replace_events(plan, pieces) if len(partials) > 1 else None


def fewer_partials(plan: Plan, options: Parameters, randint: RandInt) -> Plan | None:
    pieces = split_events(plan)
    return _remove(plan, pieces, _partials(pieces)[options["keep"] :])


def no_completed(plan: Plan, options: Parameters, randint: RandInt) -> Plan | None:
    pieces = split_events(plan)
    return _remove(plan, pieces, _completed(pieces))


def _remove(plan: Plan, pieces: Events, places: list[int]) -> Plan | None:
    return (
        replace_events(plan, [piece for place, piece in enumerate(pieces) if place not in places]) if places else None
    )


def half_event(plan: Plan, options: Parameters, randint: RandInt) -> Plan | None:
    pieces = split_events(plan)
    if not pieces:
        return None
    waits, data = pieces[-1]
    return replace_events(plan, [*pieces[:-1], (waits, data[: int((len(data) - 2) * options["keep"])])])


def json_instead(plan: Plan, options: Parameters, randint: RandInt) -> Plan | None:
    documents = [parsed[1] for _, data in split_events(plan) if (parsed := parse_event(data))]
    top = find_head(plan)
    if not documents or top is None:
        return None
    last = {"created": documents[-1].get("created_at"), "data": [{"b64_json": documents[-1].get("b64_json")}]}
    whole = replace_body(
        replace_head(plan, set_header(top, "content-type", "application/json")), json.dumps(last).encode("ascii")
    )
    return (*(step for step in plan if isinstance(step, Wait)), *whole)


def done(plan: Plan, options: Parameters, randint: RandInt) -> Plan:
    return replace_events(plan, [*split_events(plan), ((), b"data: [DONE]\n\n")])


def wrong_family(plan: Plan, options: Parameters, randint: RandInt) -> Plan | None:
    pieces: Events = []
    is_changed = False
    for waits, data in split_events(plan):
        known = parse_event(data)
        family, dot, kind = known[0].partition(".") if known else ("", "", "")
        if known and family in FAMILIES:
            name, is_changed = f"{FAMILIES[family]}{dot}{kind}", True
            data = format_event(name, {**known[1], "type": name})
        pieces.append((waits, data))
    return replace_events(plan, pieces) if is_changed else None


def error_event(plan: Plan, options: Parameters, randint: RandInt) -> Plan:
    row = catalogue.families()[ERRORS[options["as"]]][-1]
    known = row.error({"request_id": find_header(plan, "x-request-id")})
    error = {key: known[key] for key in ("type", "code", "message", "param")}
    pieces = split_events(plan)[: options["after"]]
    return replace_events(plan, [*pieces, ((), format_event("error", {"type": "error", "error": error}))])


def huge_event(plan: Plan, options: Parameters, randint: RandInt) -> Plan | None:
    pieces = split_events(plan)
    known = parse_event(pieces[-1][1]) if pieces else None
    if known is None:
        return None
    filled = format_event(known[0], {**known[1], "x_padding": "x" * options["bytes"]})
    return replace_events(plan, [*pieces[:-1], (pieces[-1][0], filled)])


def gap(plan: Plan, options: Parameters, randint: RandInt) -> Plan:
    pieces = split_events(plan)
    return replace_events(
        plan, [*pieces[:1], *(((*waits, Wait(options["seconds"])), data) for waits, data in pieces[1:])]
    )


def _row(name: str, about: str, mark: str, apply: object, **more: object) -> Fault:
    return Fault(name, about, mark, "stream", "events", apply, **more)  # type: ignore[arg-type]


FAULTS = (
    _row("unknown_events", "There are undocumented events.", "legal", unknown_events),
    _row("duplicate_partials", "Each partial image is sent twice.", "legal", duplicate_partials),
    _row("reorder_partials", "The partial images are sent in reverse order.", "legal", reorder_partials),
    _row(
        "fewer_partials",
        "Fewer partial images are sent than requested.",
        "legal",
        fewer_partials,
        parameters={"keep": {"type": "integer", "minimum": 0, "maximum": 2, "default": 0}},
        short="keep",
    ),
    _row("no_completed", "The stream ends cleanly without its completed event.", "hostile", no_completed),
    _row(
        "half_event",
        "The last event is truncated, and the stream ends cleanly.",
        "hostile",
        half_event,
        parameters={"keep": KEEP},
        short="keep",
    ),
    _row("json_instead", "A JSON body is sent instead of a stream.", "hostile", json_instead),
    _row("done", "The stream ends with [DONE], like chat completions.", "legal", done),
    _row("wrong_family", "The events have the names of the other endpoint's.", "hostile", wrong_family),
    _row(
        "error_event",
        "An error event, of the server or of moderation, follows a number of events.",
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
        "The last event is larger than common buffers.",
        "legal",
        huge_event,
        parameters={"bytes": {"type": "integer", "minimum": 1, "maximum": 67_108_864, "default": 8_388_609}},
        short="bytes",
    ),
    _row(
        "gap",
        "There is a pause between two events.",
        "legal",
        gap,
        parameters={"seconds": {"type": "number", "minimum": 0, "maximum": 3600, "default": 1}},
        short="seconds",
    ),
)
