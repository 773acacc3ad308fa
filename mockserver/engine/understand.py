"""From a request to a job, or to the problem that the API has with it. Pure; owns the order of the checks."""

from collections.abc import Mapping
from typing import Any

from mockserver.contract.asof import AsOf
from mockserver.contract.capabilities import Capability, default_model, table
from mockserver.contract.catalogue import Problem
from mockserver.contract.dialects import find_dialect
from mockserver.contract.endpoints import Route, body_schema, rows
from mockserver.contract.request_schema import compile_schema, describe_type
from mockserver.core.request import Request
from mockserver.engine.admission import admit
from mockserver.engine.body import given, is_form
from mockserver.engine.files_api import asked
from mockserver.engine.input_images import gather
from mockserver.engine.job import Job
from mockserver.engine.lenient import loosely
from mockserver.engine.models_api import told
from mockserver.engine.resolve import DELIVERY, digest, resolve
from mockserver.engine.rules import judge
from mockserver.engine.values import Settings, Sources, Understood
from mockserver.images.inspect import find_inspected

# Bytes of a body, its pictures apart, that are read on the event loop.
SHORT = 16_384


def understand(request: Request, settings: Settings, sources: Sources | None = None) -> Understood:
    """The request's meaning: shape first, then facts, then rules, in the order that was measured.

    `sources` is what it may speak of without bringing it along; nothing by default. A form brings all of it along.
    Source of the order: errors.md section J.
    """
    place, capability, name, held = None, None, "", None
    try:
        place = admit(request, settings)
        if place.about == "models":
            return Understood(reply=told(place.names.get("model"), settings.as_of), provider=place.provider)
        if place.about == "files":
            return asked(place, request, settings.as_of, sources or Sources())
        if sources is None or is_form(request):
            sources = Sources()
        if settings.validate != "strict":
            return loosely(place, request, settings, sources)
        own = find_dialect(settings.dialect).get("bodies")
        body_schema(place.endpoint, request.media_type, settings.as_of, own=own)
        found = given(request)
        held = None if is_form(request) else found
        found = {**found, **place.names}  # a deployment of Azure's counts as the model
        capability, hints = _capability(place, found, settings.as_of)
        hints += (place.hint,) if place.hint else ()
        name = body_schema(place.endpoint, request.media_type, settings.as_of, capability.group, own)
        job = _job(place.endpoint, name, capability, found, settings, hints, sources)
        return Understood(job, document=held, provider=place.provider)
    except Problem as problem:
        provider = place.provider if place else problem.facts.get("provider", "openai")
        if capability is None:
            return Understood(problem=problem.copy(), document=held, provider=provider)
        family = capability.substitute_family(problem.family, name, settings.as_of)
        problem = Problem(family, **{"model": capability.model, **problem.facts})
        return Understood(problem=problem, group=capability.group, document=held, provider=provider)


def is_cheap_to_understand(request: Request) -> bool:
    """Is a request understood in no time? It is short, and holds no picture that was not looked into before."""
    texts = [part for part in request.parts if part.filename is None]
    short = len(request.body) + sum(len(part.data) for part in texts) <= SHORT
    return short and all(find_inspected(part) for part in request.parts if part.filename is not None)


def understand_head(request: Request, settings: Settings) -> Understood:
    """What the head of a request means, when its body is not read: nothing, unless it may not come in."""
    try:
        return Understood(provider=admit(request, settings).provider)
    except Problem as problem:
        return Understood(problem=problem.copy(), provider=problem.facts.get("provider", "openai"))


def _capability(place: Route, found: Mapping[str, Any], as_of: AsOf) -> tuple[Capability, tuple[str, ...]]:
    model = found["model"] if "model" in found else default_model(place.endpoint, as_of, found)
    if model is None and "model" not in found:
        raise Problem("missing-parameter", param="model")
    if not isinstance(model, str):
        raise Problem("invalid-type", param="model", expected="a string", got=describe_type(model))
    capability = table(place.provider).get(model)
    if capability is None or not capability.served(as_of, place.endpoint):
        raise Problem("model-does-not-exist", model=model)
    hints = []
    if "model" not in found:
        hints.append(
            f"No model was named, so {model} was assumed. Name one: the API has asked for it since 2026-08-29."
        )
    if capability.shutdown:
        gone = "was shut down" if capability.shutdown <= as_of.day else "will be shut down"
        hints.append(f"{model} {gone} on {capability.shutdown}; use {capability.row['replacement']} instead.")
    return capability, tuple(hints)


def _job(
    endpoint: str,
    name: str,
    capability: Capability,
    found: Mapping[str, Any],
    settings: Settings,
    hints: tuple[str, ...],
    sources: Sources,
) -> Job:
    schema = compile_schema(name, capability, settings.as_of)
    typed = schema.check({"model": capability.model, **found}, settings.accept)
    images, mask = gather(typed, capability, settings.accept, sources, rows()[endpoint].get("modes"))
    values = schema.defaults | typed
    judge(values, capability, settings)
    parameters = resolve(values, capability, images, mask)
    files = [picture.part.digest for picture in (*images, *filter(None, [mask]))]
    call, scene = digest(typed, files), digest(typed, files, DELIVERY)
    prompt = values.get("prompt", "")
    return Job(endpoint, capability, prompt, images, mask, parameters, call, scene, hints, settings.dialect)
