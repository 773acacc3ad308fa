"""From what was understood to an answer: a plan, and how it came about. Pure; sends nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mockserver.contract import catalogue, tokens
from mockserver.contract.asof import as_of
from mockserver.contract.capabilities import default_model
from mockserver.contract.catalogue import Row
from mockserver.engine.values import Settings, Understood
from mockserver.job import Job
from mockserver.moment import Moment
from mockserver.render import bodies, heads
from mockserver.render.gallery import Sent, pictures
from mockserver.scenario.faults import table
from mockserver.scenario.faults.table import Disturbed
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

    `origin` is scheme, host and port as the caller knows this server, for answers that carry a URL. An error of the
    stage `stream` breaks a stream off; it cannot befall another call, which is then answered as if all were well.
    The faults of the turn are not in it yet: see `disturbed`.
    """
    given = _decided(understood, turn, moment, settings, origin)
    names = ", ".join(fault.name for fault in turn.faults)
    hints = (f"Scenario {turn.scenario} orders faults: {names}.",) if names else ()
    return replace(given, hints=given.hints + hints)


def _decided(understood: Understood, turn: Turn, moment: Moment, settings: Settings, origin: str) -> Answer:
    problem, job = understood.problem, understood.job
    row = _row(problem.family, understood, settings) if problem else None
    facts = dict(problem.facts) if problem else {"model": job.model} if job else {}
    step = turn.step
    if step and step.error:
        ordered = _row(step.error, understood, settings)
        if ordered.at == "stream":
            if job and job.stream:
                return _interrupted(ordered, job, turn, moment, settings)
        elif row is None or ordered.stage < row.stage:
            return _ordered(ordered, facts, step.retry_after, turn, moment)
    if row:
        extra = (("allow", facts["allow"]),) if "allow" in facts else ()
        plan = heads.refusal(row, facts, moment, extra)
        return Answer(plan, row.status, "refused", row, row.error(moment.identities() | facts), (row.advice(facts),))
    if understood.reply is not None:
        return Answer(bodies.told(understood.reply, moment), 200, "served")
    assert job is not None
    return _served(job, moment, settings, origin)


def disturbed(plan: Plan, turn: Turn, moment: Moment, unread: bool = False) -> Disturbed:
    """An answer's plan, headers of ours included, after the faults of the turn. `unread` as in the table of faults."""
    return table.disturb(plan, turn.faults, moment.between, unread)


def early(turn: Turn, settings: Settings) -> bool:
    """Is the turn's answer one that is sent before the upload has been read? Only an error of a request can be."""
    step = turn.step
    if step is None or step.error is None or all(fault.name != "early" for fault in step.faults):
        return False
    return catalogue.find(step.error, settings.as_of).at != "stream"


def _row(family: str, understood: Understood, settings: Settings) -> Row:
    return catalogue.find(family, settings.as_of, understood.group, understood.provider)


def _ordered(row: Row, facts: dict[str, Any], wait: float | None, turn: Turn, moment: Moment) -> Answer:
    # What a request that was not understood stands for, in texts that speak of a model.
    model = default_model("images/edits", as_of("any"), {})
    known = {"model": model, **row.facts, **facts, **moment.identities()}
    if wait is not None:
        known["wait"] = f"{wait:g}s" if wait >= 1 else f"{wait * 1000:.0f}ms"
    plan = heads.refusal(row, known, moment, heads.retry_after(wait))
    hint = f"Ordered by scenario {turn.scenario}. {row.advice(known)}"
    return Answer(plan, row.status, "refused", row, row.error(known), (hint,))


def _interrupted(row: Row, job: Job, turn: Turn, moment: Moment, settings: Settings) -> Answer:
    known = {**row.facts, "model": job.model, **moment.identities()}
    sent = pictures(job, settings.paint, moment.seed)
    plan = bodies.interrupted(job, sent, row, known, moment, _wait(job, moment, settings))
    hint = f"Ordered by scenario {turn.scenario}. {row.advice(known)}"
    return Answer(plan, row.status, "refused", row, row.error(known), (hint,), pictures=sent[:-1])


def _served(job: Job, moment: Moment, settings: Settings, origin: str) -> Answer:
    used = bodies.usage(job, moment)
    sent = pictures(job, settings.paint, moment.seed)
    plan = bodies.served(job, sent, used, moment, origin, _wait(job, moment, settings))
    cost = tokens.price(job.capability, used) if used else None
    return Answer(plan, 200, "served", hints=job.hints, cost=cost, pictures=sent)


def _wait(job: Job, moment: Moment, settings: Settings) -> float:
    return bodies.latency(job, moment) if settings.latency is None else settings.latency
