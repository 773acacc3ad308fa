"""The one table of faults, and what they make of a plan when several are ordered. Sends nothing."""

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
    """What became of a plan. `struck` and `missed` name the faults that found something to disturb, and that did not.

    `status` is that of the last head before it was spelled in bytes or taken away; None where there was none.
    """

    plan: Plan
    applied: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    status: int | None = None

    @property
    def hostile(self) -> bool:
        """Did one strike that a correct client must fail of?"""
        return any(FAULTS[name].mark == "hostile" for name in self.applied)


def parse_faults(given: Iterable[Mapping[str, Any]]) -> tuple[RequestedFault, ...]:
    """The faults that a step lists, as a scenario writes them: one name each, and its parameters."""
    return tuple(FAULTS[name].ordered(value) for one in given for name, value in one.items())


def apply_faults(plan: Plan, faults: Sequence[RequestedFault], draw: RandInt, unread: bool = False) -> FaultedPlan:
    """The plan after each fault has been at it: those of the content before those of HTTP and of the wire.

    Within a layer they come in their order. `draw(what, low, high)` gives a whole number, always the same one.
    `unread` says that the upload had not been read when the answer was decided.
    """
    struck: list[str] = []
    missed: list[str] = []
    status = _status(plan)
    for number, one in sorted(enumerate(faults), key=lambda pair: LAYERS.index(FAULTS[pair[1].name].layer)):
        row = FAULTS[one.name]
        drawn = _named(draw, f"fault/{number}/{one.name}")
        other = row.apply(plan, one.parameters, drawn) if is_applicable(row, plan, unread) else None
        # An upload that was not read cannot be seen in the answer.
        in_vain = other is None or (other == plan and row.on != "upload")
        (missed if in_vain else struck).append(one.name)
        plan = plan if other is None else other
        status = _status(plan) or status
    return FaultedPlan(plan, tuple(struck), tuple(missed), status)


def is_applicable(row: Fault, plan: Plan, unread: bool) -> bool:
    """Is the answer one of those that the fault is made for?"""
    return {
        "any answer": True,
        "upload": unread,
        "JSON body": is_json(plan),
        "JSON": is_json(plan) or is_stream(plan),
        "stream": is_stream(plan),
    }[row.on]


def _status(plan: Plan) -> int | None:
    top = find_head(plan)
    return None if top is None else top.status


def _named(draw: RandInt, prefix: str) -> RandInt:
    return lambda what, low, high: draw(f"{prefix}/{what}", low, high)


def schema() -> dict[str, Any]:
    """The JSON Schema of a step's `faults`."""
    return {
        "description": "What is wrong with the answer on purpose, a name each. Faults of the content come before those "
        "of HTTP and of the wire, else they come in their order.",
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
