"""From what was understood to an answer: a plan, and how it came about. Pure; sends nothing."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple

from mockserver.contract import catalogue, tokens
from mockserver.contract.asof import as_of
from mockserver.contract.capabilities import default_model, merge
from mockserver.contract.catalogue import Row
from mockserver.contract.dialects import apply_dialect
from mockserver.core.plan import Cut, Head, Plan
from mockserver.core.uploads import Upload
from mockserver.engine import headers, limit_headers, replies, responses, usage
from mockserver.engine.context import Context
from mockserver.engine.job import Job
from mockserver.engine.moderation import moderate
from mockserver.engine.output_images import Abandoned, Gone, OutputImage, files, pictures, ready
from mockserver.engine.values import Settings, Understood
from mockserver.scenario.faults import table
from mockserver.scenario.faults.table import FaultedPlan
from mockserver.scenario.machine import Step, Turn
from mockserver.scenario.rate_limits import LimitExceeded

# Characters of a prompt whose tokens are counted on the event loop.
SHORT = 2_000
# What is left to do for a client that has gone.
LEFT: Plan = (Head(200, ()), Cut("close"))


class Response(NamedTuple):
    """A plan, and how it came about. `pictures` are those that it carries; `usage` is what `cost` was drawn from.

    `filed` is a file to keep from now on, `removed` the id of one to forget.
    """

    plan: Plan
    status: int
    outcome: str
    row: Row | None = None
    error: Mapping[str, Any] = {}
    hints: tuple[str, ...] = ()
    cost: float | None = None
    usage: Mapping[str, Any] | None = None
    pictures: tuple[OutputImage, ...] = ()
    filed: Upload | None = None
    removed: str | None = None


def there() -> bool:
    """Nobody has gone."""
    return False


def respond(
    understood: Understood, turn: Turn, context: Context, settings: Settings, origin: str, gone: Gone = there
) -> Response:
    """The answer: the turn's reply or error, a limit, the request's problem or the pictures, whichever bites first.

    `origin` is scheme, host and port as the caller knows this server, for answers that carry a URL. No further picture
    is painted once `gone` says that nobody waits for it, and the answer then has none. An error of the
    stage `stream` breaks a stream off; it cannot befall another call, which is then answered as if all were well.
    The faults of the turn are not in it yet: see `apply_faults`.
    """
    given = _decided(understood, turn, context, settings, origin, gone)
    names = ", ".join(fault.name for fault in turn.faults)
    hint = f"Scenario {turn.scenario} orders faults: {names}."
    return given._replace(hints=(*given.hints, hint)) if names else given


def _decided(
    understood: Understood, turn: Turn, context: Context, settings: Settings, origin: str, gone: Gone
) -> Response:
    problem, job, step = understood.problem, understood.job, turn.step
    if step and step.reply is not None:
        return _replied(step.reply, turn, context)
    if job:
        problem = moderate(job, settings.moderation, settings.as_of)
    row = _row(problem.family, understood, settings) if problem else None
    facts = dict(problem.facts) if problem else {"model": job.model} if job else {}
    if step and step.error:
        ordered = _row(step.error, understood, settings)
        if ordered.at == "stream":
            if job and job.stream and not problem:
                return _interrupted(ordered, job, turn, context, settings, gone)
        elif row is None or ordered.stage < row.stage:
            return _ordered(ordered, facts, step.retry_after, turn, context)
    elif turn.limited:
        return _limited(_row(limit_headers.family(), understood, settings), facts, turn.limited, context)
    if row:
        extra = (("allow", facts["allow"]),) if "allow" in facts else ()
        plan = headers.refusal(row, facts, context, extra)
        return Response(plan, row.status, "refused", row, row.error(context.ids() | facts), (row.render_hint(facts),))
    return _served(job, step, context, settings, origin, gone) if job else _told(understood, context)


def _told(understood: Understood, context: Context) -> Response:
    """The answer to what asks for no picture."""
    if understood.content:
        return Response(responses.handed(understood.content, context), 200, "served")
    filed = understood.upload.filed(context) if understood.upload else None
    reply = filed.described() if filed else understood.reply or {}
    return Response(responses.told(reply, context), 200, "served", filed=filed, removed=understood.removes)


def is_cheap_to_respond(understood: Understood, settings: Settings, context: Context) -> bool:
    """Is an answer given in no time? Nothing has to be painted, and no long text to be counted."""
    job = understood.job
    return job is None or (len(job.prompt) <= SHORT and ready(job, settings.paint, context.seed))


def apply_faults(plan: Plan, turn: Turn, context: Context, unread: bool = False) -> FaultedPlan:
    """An answer's plan, headers of ours included, after the faults of the turn. `unread` as in the table of faults."""
    return table.apply_faults(plan, turn.faults, context.randint, unread)


def may_respond_early(turn: Turn, settings: Settings) -> bool:
    """Is the turn's answer sent before the upload has been read? An error of a request can be, and a reply."""
    step = turn.step
    if step is None or not step.may_respond_early:
        return False
    if step.error:
        return catalogue.find_row(step.error, settings.as_of).at != "stream"
    return step.reply is not None


def _row(family: str, understood: Understood, settings: Settings) -> Row:
    row = catalogue.find_row(family, settings.as_of, understood.group, understood.provider)
    return apply_dialect(row, settings.dialect)


def _ordered(row: Row, facts: dict[str, Any], wait: float | None, turn: Turn, context: Context) -> Response:
    known = {"model": _model(), **row.facts, **facts, **context.ids()}
    if wait is not None:
        known["wait"] = f"{wait:g}s" if wait >= 1 else f"{wait * 1000:.0f}ms"
    plan = headers.refusal(row, known, context, headers.retry_after(wait))
    hint = f"Ordered by scenario {turn.scenario}. {row.render_hint(known)}"
    return Response(plan, row.status, "refused", row, row.error(known), (hint,))


def _limited(row: Row, facts: dict[str, Any], limited: LimitExceeded, context: Context) -> Response:
    known = {"model": _model(), **row.facts, **facts, **limit_headers.facts(limited), **context.ids()}
    plan = headers.refusal(row, known, context, limit_headers.headers(limited))
    return Response(plan, row.status, "refused", row, row.error(known), (row.render_hint(known),))


def _model() -> str | None:
    """What a request that was not understood stands for, in texts that speak of a model."""
    return default_model("images/edits", as_of("any"), {})


def _replied(said: Mapping[str, Any], turn: Turn, context: Context) -> Response:
    plan, status = replies.reply(said, context), int(said.get("status", 200))
    outcome = "served" if status < 400 else "refused"
    return Response(plan, status, outcome, hints=(f"Worded by scenario {turn.scenario}.",))


def _interrupted(row: Row, job: Job, turn: Turn, context: Context, settings: Settings, gone: Gone) -> Response:
    known = {**row.facts, "model": job.model, **context.ids()}
    hint = f"Ordered by scenario {turn.scenario}. {row.render_hint(known)}"
    plan, sent = LEFT, tuple[OutputImage, ...]()
    with suppress(Abandoned):
        sent = pictures(job, settings.paint, context.seed, gone)
        plan = responses.interrupted(job, sent, row, known, context, _wait(job, context, settings))
    return Response(plan, row.status, "refused", row, row.error(known), (hint,), pictures=sent[:-1])


def _served(job: Job, step: Step | None, context: Context, settings: Settings, origin: str, gone: Gone) -> Response:
    ok: Mapping[str, Any] = step.ok if step else {}
    if job.stream and "partials" in ok:
        job = replace(job, parameters={**job.parameters, "partial_images": int(ok["partials"])})
    used, cost = usage.usage(job, context)
    if used and "usage" in ok:
        used = merge(used, ok["usage"])
        cost = tokens.compute_price(job.capability, used)
    given, plan, sent = step.pictures if step else (), LEFT, tuple[OutputImage, ...]()
    with suppress(Abandoned):
        sent = files(job, given) if given else pictures(job, settings.paint, context.seed, gone)
        plan = responses.served(job, sent, used, context, origin, _wait(job, context, settings), ok)
    return Response(plan, 200, "served", hints=job.hints, cost=cost, usage=used, pictures=sent)


def _wait(job: Job, context: Context, settings: Settings) -> float:
    return usage.latency(job, context) if settings.latency is None else settings.latency
