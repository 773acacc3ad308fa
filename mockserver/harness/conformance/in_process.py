"""The cases without a socket: what the engine understands of one, answers to it, and takes for it."""

from mockserver.contract.asof import AsOf
from mockserver.core.form_reader import FormReader
from mockserver.core.multipart import parse_boundary
from mockserver.core.plan import Chunk, Head
from mockserver.core.request import MalformedBody, Request
from mockserver.engine import usage
from mockserver.engine.context import Context
from mockserver.engine.respond import respond
from mockserver.engine.understand import understand
from mockserver.engine.values import Settings, Understood
from mockserver.harness.conformance.cases import Call, Case, Reply, build
from mockserver.scenario.machine import Step, Turn


def request(call: Call) -> Request:
    """A call as the engine takes it."""
    edge = parse_boundary(dict(call.headers).get("content-type", ""))
    path, _, query = call.path.partition("?")
    if edge is None:
        return Request(call.method, path, call.headers, query, body=call.body)
    form = FormReader(edge)
    form.feed(call.body)
    form.close()
    fault = MalformedBody("malformed-multipart", reason=form.fault) if form.fault else None
    return Request(call.method, path, call.headers, query, parts=() if fault else tuple(form.parts), fault=fault)


def replied(case: Case, call: Call, settings: Settings) -> Reply:
    """What the engine answers: status, headers, body. An ordered error comes as if from a scenario."""
    turn = Turn("case", Step(1, case.orders) if case.orders else None)
    context = Context(0, case.id, 0, 0, settings.as_of)
    plan = respond(understand(request(call), settings), turn, context, settings, "http://localhost").plan
    head = next(step for step in plan if isinstance(step, Head))
    return head.status, head.headers, b"".join(step.data for step in plan if isinstance(step, Chunk))


def understood(case: Case, day: AsOf) -> Understood:
    """What the engine makes of a case's request on a day."""
    return understand(request(build(case, "")), Settings(day, "open"))


def estimate(case: Case, day: AsOf) -> float | None:
    """What a served case will cost in US dollars, from the contracts; None where no price is known."""
    job = understood(case, day).job
    return usage.usage(job, Context(0, case.id, 0, 0, day))[1] if job else None
