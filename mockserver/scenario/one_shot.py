"""Steps that a test queues for the next matching requests. Like the scenario's own position, they are plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mockserver.scenario.machine import Scenario, Stored, Turn, build_step
from mockserver.scenario.matching import RequestFacts

# A step's data, and how often it has responded.
OneShot = Mapping[str, Any]


def new_one_shot(step: Mapping[str, Any]) -> OneShot:
    return {"step": step, "counts": {}, "may_respond_early": build_step(step, 1).may_respond_early}


def take_turn(
    scenario: Scenario, stored: Stored, queues: Sequence[Sequence[OneShot]], request: RequestFacts
) -> tuple[Turn, Stored, list[list[OneShot]]]:
    """The turn of the first queued step that matches, earlier queues first; without one, the scenario's turn.

    A queued step uses up no step of the scenario. Also returns the session's data and the queues afterwards.
    """
    after = [list(queue) for queue in queues]
    for queue in filter(None, after):
        for index, queued in enumerate(queue):
            alone = replace(scenario, steps=(build_step(queued["step"], 1),), then="ok")
            turn, place = alone.take_turn({**stored, "counts": queued["counts"]}, request)
            if turn.step:
                left = [{**queued, "counts": place["counts"]}] if turn.step.is_left(place["counts"]) else []
                queue[index : index + 1] = left
                return turn._replace(one_shot=True), {**place, "counts": stored.get("counts", {})}, after
    turn, place = scenario.take_turn(stored, request)
    return turn, place, after
