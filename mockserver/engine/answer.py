"""From what was understood to an answer: a plan, and how it came about. Pure; sends nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mockserver import render
from mockserver.contract import catalogue, tokens
from mockserver.contract.catalogue import Row
from mockserver.engine.values import Settings, Understood
from mockserver.job import Job
from mockserver.render import Moment, Sent
from mockserver.scenario.machine import Turn
from mockserver.wire.plan import Plan


@dataclass(frozen=True, slots=True)
class Answer:
    """A plan, and how it came about. `pictures` are those that it carries."""

    plan: Plan
    status: int
    outcome: str
    row: Row | None = None
    error: Mapping[str, Any] = field(default_factory=dict)
    hints: tuple[str, ...] = ()
    cost: float | None = None
    pictures: tuple[Sent, ...] = ()


def answer(understood: Understood, turn: Turn, moment: Moment, settings: Settings, origin: str) -> Answer:
    """The answer: the turn's error, the request's problem or the pictures, whichever bites first.

    `origin` is scheme, host and port as the caller knows this server, for answers that carry a URL.
    """
    problem, job = understood.problem, understood.job
    row = catalogue.find(problem.family, settings.as_of, understood.group) if problem else None
    facts = dict(problem.facts) if problem else {"model": job.model} if job else {}
    step = turn.step
    if step and step.error:
        ordered = catalogue.find(step.error, settings.as_of)
        if row is None or ordered.stage < row.stage:
            return _ordered(ordered, facts, step.retry_after, turn, moment)
    if row:
        extra = (("allow", facts["allow"]),) if "allow" in facts else ()
        plan = render.refusal(row, facts, moment, extra)
        return Answer(plan, row.status, "refused", row, row.error(moment.identities() | facts), (row.advice(facts),))
    assert job is not None
    return _served(job, moment, settings, origin)


def _ordered(row: Row, facts: dict[str, Any], wait: float | None, turn: Turn, moment: Moment) -> Answer:
    known = {"model": "gpt-image-1.5", **row.facts, **facts, **moment.identities()}
    if wait is not None:
        known["wait"] = f"{wait:g}s" if wait >= 1 else f"{wait * 1000:.0f}ms"
    plan = render.refusal(row, known, moment, render.retry_after(wait))
    hint = f"Ordered by scenario {turn.scenario}. {row.advice(known)}"
    return Answer(plan, row.status, "refused", row, row.error(known), (hint,))


def _served(job: Job, moment: Moment, settings: Settings, origin: str) -> Answer:
    used = render.usage(job, settings.as_of)
    sent = render.pictures(job, settings.paint, moment.seed)
    plan = render.served(job, sent, used, moment, origin)
    cost = tokens.price(job.capability, used) if used else None
    return Answer(plan, 200, "served", hints=job.hints, cost=cost, pictures=sent)
