"""Runs conformance cases through the engine, without a server."""

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
from mockserver.harness.conformance.cases import Call, Case, Reply, build_call
from mockserver.scenario.machine import Step, Turn


def parse_request(call: Call) -> Request:
    delimiter = parse_boundary(dict(call.headers).get("content-type", ""))
    path, _, query = call.path.partition("?")
    if delimiter is None:
        return Request(call.method, path, call.headers, query, body=call.body)
    form = FormReader(delimiter)
    form.feed(call.body)
    form.close()
    malformed = MalformedBody("malformed-multipart", reason=form.error) if form.error else None
    return Request(
        call.method, path, call.headers, query, parts=() if malformed else tuple(form.parts), malformed=malformed
    )


def respond_to(case: Case, call: Call, settings: Settings) -> Reply:
    """Return the engine's response. An error that the case requires is requested as a scenario would request it."""
    turn = Turn("case", Step(1, case.orders) if case.orders else None)
    context = Context(0, case.id, 0, 0, settings.as_of)
    plan = respond(understand(parse_request(call), settings), turn, context, settings, "http://localhost").plan
    head = next(step for step in plan if isinstance(step, Head))
    return head.status, head.headers, b"".join(step.data for step in plan if isinstance(step, Chunk))


def understand_case(case: Case, day: AsOf) -> Understood:
    return understand(parse_request(build_call(case, "")), Settings(day, "open"))


def estimate(case: Case, day: AsOf) -> float | None:
    job = understand_case(case, day).job
    return usage.count_usage(job, day)[1] if job else None
