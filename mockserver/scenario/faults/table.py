"""The table of all faults, and how several of them are applied to one response.

A fault is a row: a name, a mark, the responses it applies to, a layer, JSON Schemas of its parameters, and a function
from plan to plan. A plan is a response as a value, a tuple of steps such as Head, Chunk and Wait. Faults only transform
plans; nothing is sent, and no clock is read, so the same seed and position always give the same bytes.

Faults of one response are sorted by layer, from the inside out, and within a layer keep the scenario's order:
`document` (the JSON itself), `events` (which events a stream has), `frames`, `spaces` and `ends` (how events are
written), `http` (status and headers), `wire` and `bytes` (how the connection behaves, on serialized bytes), `pieces`
(how the bytes are split). Each layer expects what the layers before it leave behind: once a plan is serialized
to Raw steps, there is no Head for `http` to change. Do not apply faults in any other order.

A fault that finds nothing to change returns None, or an equal plan; it is reported as skipped, never as an error,
because a scenario cannot know every response in advance. Random draws are named by the fault's place in the list, so
adding a fault at the end changes no draw of the others. docs/guides/extending.md shows how to add a fault.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mockserver.core.plan import Plan
from mockserver.scenario.faults import body, frames, http, pace, sse, wire
from mockserver.scenario.faults.fault import LAYERS, Fault, RandInt, RequestedFault
from mockserver.scenario.faults.parts import find_head, is_json, is_stream

FAULTS: Mapping[str, Fault] = {
    row.name: row for module in (pace, wire, http, body, sse, frames) for row in module.FAULTS
}


@dataclass(frozen=True, slots=True)
class FaultedPlan:
    """A plan after its faults. `applied` and `skipped` name the faults that changed something and that did not.

    `status` is the last one before the head was serialized or removed, or None if there was no head.
    """

    plan: Plan
    applied: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    status: int | None = None

    @property
    def hostile(self) -> bool:
        """True if an applied fault must make a correct client fail or retry."""
        return any(FAULTS[name].mark == "hostile" for name in self.applied)


def parse_faults(items: Iterable[Mapping[str, Any]]) -> tuple[RequestedFault, ...]:
    return tuple(FAULTS[name].request(value) for item in items for name, value in item.items())


def apply_faults(plan: Plan, faults: Sequence[RequestedFault], randint: RandInt, unread: bool = False) -> FaultedPlan:
    """Apply faults to a plan, layer by layer. `unread` means that the upload was not read before the response."""
    applied: list[str] = []
    skipped: list[str] = []
    status = _status(plan)
    for number, fault in sorted(enumerate(faults), key=lambda pair: LAYERS.index(FAULTS[pair[1].name].layer)):
        row = FAULTS[fault.name]
        named_randint = _prefix(randint, f"fault/{number}/{fault.name}")
        changed = row.apply(plan, fault.parameters, named_randint) if is_applicable(row, plan, unread) else None
        # An upload that was not read cannot be seen in the response.
        is_unchanged = changed is None or (changed == plan and row.on != "upload")
        (skipped if is_unchanged else applied).append(fault.name)
        plan = plan if changed is None else changed
        status = _status(plan) or status
    return FaultedPlan(plan, tuple(applied), tuple(skipped), status)


def is_applicable(row: Fault, plan: Plan, unread: bool) -> bool:
    return {
        "any response": True,
        "upload": unread,
        "JSON body": is_json(plan),
        "JSON": is_json(plan) or is_stream(plan),
        "stream": is_stream(plan),
    }[row.on]


def _status(plan: Plan) -> int | None:
    top = find_head(plan)
    return None if top is None else top.status


def _prefix(randint: RandInt, prefix: str) -> RandInt:
    return lambda what, low, high: randint(f"{prefix}/{what}", low, high)


def schema() -> dict[str, Any]:
    return {
        "description": "Faults to apply to the response, one name each. Faults of the content are applied before those "
        "of HTTP and of the connection, otherwise in this order.",
        "type": "array",
        "maxItems": 100,
        "items": {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": False,
            "properties": {name: row.schema() for name, row in FAULTS.items()},
        },
    }
