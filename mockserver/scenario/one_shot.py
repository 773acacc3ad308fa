"""Steps that were given for the next request that they fit, once or a few times. Pure; they wait as plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mockserver.scenario.machine import Scenario, Stored, Turn, build_step
from mockserver.scenario.matching import RequestFacts

# A step's data, and how often it has answered.
OneShot = Mapping[str, Any]


def new_one_shot(step: Mapping[str, Any]) -> OneShot:
    """A step that has not answered yet."""
    return {"step": step, "counts": {}, "may_respond_early": build_step(step, 1).may_respond_early}


def take_turn(
    scenario: Scenario, stored: Stored, queues: Sequence[Sequence[OneShot]], asked: RequestFacts
) -> tuple[Turn, Stored, list[list[OneShot]]]:
    """The turn of the first waiting step that fits, earlier queues first; without one, the scenario's.

    Where a waiting step answers, no step of the scenario is used. Also returned: what there is to remember, and the
    queues afterwards.
    """
    after = [list(queue) for queue in queues]
    for queue in filter(None, after):
        for index, one in enumerate(queue):
            alone = replace(scenario, steps=(build_step(one["step"], 1),), then="ok")
            found, place = alone.turn({**stored, "counts": one["counts"]}, asked)
            if found.step:
                queue[index : index + 1] = (
                    [{**one, "counts": place["counts"]}] if found.step.left(place["counts"]) else []
                )
                return found._replace(one_shot=True), {**place, "counts": stored.get("counts", {})}, after
    found, place = scenario.turn(stored, asked)
    return found, place, after
