"""From a request understood and the session's turn to a response: a plan, and how it was decided. Pure."""

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
from mockserver.engine import limit_headers, output_images, replies, responses, usage
from mockserver.engine.context import Context
from mockserver.engine.headers import build_retry_after, plan_error
from mockserver.engine.job import Job
from mockserver.engine.moderation import moderate
from mockserver.engine.output_images import Abandoned, IsGone, OutputImage
from mockserver.engine.values import Settings, Understood
from mockserver.scenario.faults import table
from mockserver.scenario.faults.table import FaultedPlan
from mockserver.scenario.machine import Step, Turn
from mockserver.scenario.rate_limits import LimitExceeded

# Tokens of a longer prompt are counted in a thread.
CHEAP_CHARACTERS = 2_000
# The plan for a client that disconnected before its images were rendered.
ABANDONED: Plan = (Head(200, ()), Cut("close"))


class Response(NamedTuple):
    """A plan, and how it was decided.

    `images` are those that it contains, `usage` is what `cost` was computed from. `filed` is a file to store, `removed`
    the id of a file to delete.
    """

    plan: Plan
    status: int
    outcome: str
    row: Row | None = None
    error: Mapping[str, Any] = {}
    hints: tuple[str, ...] = ()
    cost: float | None = None
    usage: Mapping[str, Any] | None = None
    images: tuple[OutputImage, ...] = ()
    filed: Upload | None = None
    removed: str | None = None


def is_never_gone() -> bool:
    return False


def respond(
    understood: Understood,
    turn: Turn,
    context: Context,
    settings: Settings,
    origin: str,
    is_gone: IsGone = is_never_gone,
) -> Response:
    """The response: the turn's reply or error, a limit, the request's problem or images, whichever comes first.

    `origin` is scheme, host and port as the client knows this server, for image URLs. When `is_gone` returns True no
    further image is rendered, and the response has none. An error of the stage `stream` interrupts a stream; for other
    requests it is ignored. The faults of the turn are not applied yet: see `apply_faults`.
    """
    response = _decide(understood, turn, context, settings, origin, is_gone)
    names = ", ".join(fault.name for fault in turn.faults)
    hint = f"Scenario {turn.scenario} requests faults: {names}."
    return response._replace(hints=(*response.hints, hint)) if names else response


def is_cheap_to_respond(understood: Understood, settings: Settings, context: Context) -> bool:
    job = understood.job
    if job is None:
        return True
    return len(job.prompt) <= CHEAP_CHARACTERS and output_images.are_cached(job, settings.paint, context.seed)


def apply_faults(plan: Plan, turn: Turn, context: Context, unread: bool = False) -> FaultedPlan:
    return table.apply_faults(plan, turn.faults, context.randint, unread)


def may_respond_early(turn: Turn, settings: Settings) -> bool:
    """May the turn's response be sent before the body is read? A reply may, and an error that is not a stream's."""
    step = turn.step
    if step is None or not step.may_respond_early:
        return False
    if step.error:
        return catalogue.find_row(step.error, settings.as_of).at != "stream"
    return step.reply is not None


def _decide(
    understood: Understood, turn: Turn, context: Context, settings: Settings, origin: str, is_gone: IsGone
) -> Response:
    problem, job, step = understood.problem, understood.job, turn.step
    if step and step.reply is not None:
        return _reply(step.reply, turn, context)
    if job:
        problem = moderate(job, settings.moderation, settings.as_of)
    row = _find_row(problem.family, understood, settings) if problem else None
    facts = dict(problem.facts) if problem else {"model": job.model} if job else {}
    if step and step.error:
        requested = _find_row(step.error, understood, settings)
        if requested.at == "stream":
            if job and job.stream and not problem:
                return _interrupt_stream(requested, job, turn, context, settings, is_gone)
        elif row is None or requested.stage < row.stage:
            return _respond_with_step_error(requested, facts, step.retry_after, turn, context)
    elif turn.limited:
        row = _find_row(limit_headers.find_family(), understood, settings)
        return _respond_with_limit(row, facts, turn.limited, context)
    if row:
        allow = (("allow", facts["allow"]),) if "allow" in facts else ()
        plan = plan_error(row, facts, context, allow)
        return Response(plan, row.status, "refused", row, row.error(context.ids() | facts), (row.render_hint(facts),))
    return _serve(job, step, context, settings, origin, is_gone) if job else _serve_data(understood, context)


def _find_row(family: str, understood: Understood, settings: Settings) -> Row:
    row = catalogue.find_row(family, settings.as_of, understood.group, understood.provider)
    return apply_dialect(row, settings.dialect)


def _reply(reply: Mapping[str, Any], turn: Turn, context: Context) -> Response:
    plan, status = replies.plan_reply(reply, context), int(reply.get("status", 200))
    outcome = "served" if status < 400 else "refused"
    return Response(plan, status, outcome, hints=(f"Reply defined by scenario {turn.scenario}.",))


def _respond_with_step_error(
    row: Row, facts: Mapping[str, Any], wait: float | None, turn: Turn, context: Context
) -> Response:
    facts = {"model": _find_any_model(), **row.facts, **facts, **context.ids()}
    if wait is not None:
        facts["wait"] = f"{wait:g}s" if wait >= 1 else f"{wait * 1000:.0f}ms"
    plan = plan_error(row, facts, context, build_retry_after(wait))
    return Response(plan, row.status, "refused", row, row.error(facts), (_explain_step(row, facts, turn),))


def _respond_with_limit(row: Row, facts: Mapping[str, Any], limited: LimitExceeded, context: Context) -> Response:
    facts = {"model": _find_any_model(), **row.facts, **facts, **limit_headers.build_facts(limited), **context.ids()}
    plan = plan_error(row, facts, context, limit_headers.build_limit_headers(limited))
    return Response(plan, row.status, "refused", row, row.error(facts), (row.render_hint(facts),))


def _interrupt_stream(
    row: Row, job: Job, turn: Turn, context: Context, settings: Settings, is_gone: IsGone
) -> Response:
    facts = {**row.facts, "model": job.model, **context.ids()}
    plan, images = ABANDONED, tuple[OutputImage, ...]()
    with suppress(Abandoned):
        images = output_images.render_images(job, settings.paint, context.seed, is_gone)
        wait = _choose_latency(job, context, settings)
        plan = responses.plan_interrupted_stream(job, images, row, facts, context, wait)
    hint = _explain_step(row, facts, turn)
    return Response(plan, row.status, "refused", row, row.error(facts), (hint,), images=images[:-1])


def _explain_step(row: Row, facts: Mapping[str, Any], turn: Turn) -> str:
    return f"Requested by scenario {turn.scenario}. {row.render_hint(facts)}"


def _find_any_model() -> str | None:
    return default_model("images/edits", as_of("any"), {})


def _serve(job: Job, step: Step | None, context: Context, settings: Settings, origin: str, is_gone: IsGone) -> Response:
    ok: Mapping[str, Any] = step.ok if step else {}
    if job.stream and "partials" in ok:
        job = replace(job, parameters={**job.parameters, "partial_images": int(ok["partials"])})
    used, cost = usage.count_usage(job, context.as_of)
    if used and "usage" in ok:
        used = merge(used, ok["usage"])
        cost = tokens.compute_price(job.capability, used)
    files, plan, images = step.pictures if step else (), ABANDONED, tuple[OutputImage, ...]()
    with suppress(Abandoned):
        if files:
            images = output_images.load_images(job, files)
        else:
            images = output_images.render_images(job, settings.paint, context.seed, is_gone)
        plan = responses.plan_images(job, images, used, context, origin, _choose_latency(job, context, settings), ok)
    return Response(plan, 200, "served", hints=job.hints, cost=cost, usage=used, images=images)


def _serve_data(understood: Understood, context: Context) -> Response:
    if understood.content:
        return Response(responses.plan_file(understood.content, context), 200, "served")
    file = understood.upload.build_file(context) if understood.upload else None
    reply = file.described() if file else understood.reply or {}
    plan = responses.plan_json(reply, context)
    return Response(plan, 200, "served", filed=file, removed=understood.removes)


def _choose_latency(job: Job, context: Context, settings: Settings) -> float:
    return usage.draw_latency(job, context) if settings.latency is None else settings.latency
