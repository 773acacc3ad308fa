"""From a request to a job, or to the problem that the API has with it. Pure.

The order of the checks is the API's own, as it was measured (errors.md, section J):

1. admit: path, method, api-version, API key (`admission`). `understand_head` stops here, before the body is read.
2. parse: the content type, then the bytes of the form or JSON body (`body`), then which model is meant.
3. shape: each parameter by the JSON Schema of the body, overlaid with the model's row (`contract/request_schema`).
4. facts: the images and the mask, decoded (`input_images`).
5. judge: combinations of parameters that the model does not accept (`rules`).

These are the first five of the catalogue's stages `admit|parse|shape|facts|judge|stream`; each row names its own. The
first problem wins. Errors that a scenario requests are placed in the same order by `respond`, so a 429 pre-empts
validation and moderation does not. `stream` is for errors within a stream, which never follow from a request.

A request may refer to files and URLs; `Sources` is all that it can reach. Nothing is ever downloaded.

Invariants: the functions of this package raise `Problem`, and one `except` below turns it into a value. The result
depends on the arguments alone, so the cache (`request_cache`) can return it for an equal request; headers and limits
are added after the cache, because they differ between repeats of a call.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from mockserver.contract.asof import AsOf
from mockserver.contract.capabilities import Capability, default_model, table
from mockserver.contract.catalogue import Problem
from mockserver.contract.dialects import find_dialect
from mockserver.contract.endpoints import Route, body_schema, rows
from mockserver.contract.request_schema import compile_schema, describe_type
from mockserver.core.request import Request
from mockserver.engine.admission import admit
from mockserver.engine.body import is_form, read_fields
from mockserver.engine.files_api import understand_files
from mockserver.engine.input_images import decode_images
from mockserver.engine.job import Job
from mockserver.engine.lenient import understand_leniently
from mockserver.engine.models_api import understand_models
from mockserver.engine.record import describe_headers, describe_request, digest_call, find_secrets
from mockserver.engine.request_cache import get_or_compute
from mockserver.engine.resolve import build_job
from mockserver.engine.rules import check_rules
from mockserver.engine.usage import count_needs
from mockserver.engine.values import Settings, Sources, Understood
from mockserver.images.inspect import find_inspected
from mockserver.scenario.matching import facts_of_entry, retry_count

# A body of more bytes than this, images apart, is understood in a thread.
CHEAP_BYTES = 16_384


def understand(request: Request, settings: Settings, sources: Sources | None = None) -> Understood:
    compute = partial(_understand, request, settings, sources or Sources())
    return _complete(get_or_compute(request, settings, compute), request, settings)


def understand_head(request: Request, settings: Settings) -> Understood:
    return _complete(_understand(request, settings, None), request, settings)


def is_cheap_to_understand(request: Request) -> bool:
    fields = [part for part in request.parts if part.filename is None]
    is_short = len(request.body) + sum(len(part.data) for part in fields) <= CHEAP_BYTES
    return is_short and all(find_inspected(part) for part in request.parts if part.filename is not None)


def _understand(request: Request, settings: Settings, sources: Sources | None) -> Understood:
    understood = _decide(request, settings, sources)
    record = describe_request(request, understood)
    return replace(understood, call=digest_call(request, understood), record=record, facts=facts_of_entry(record))


def _complete(understood: Understood, request: Request, settings: Settings) -> Understood:
    secrets = find_secrets(request, understood.document)
    headers = describe_headers(request, secrets)
    record = {**understood.record, "request": {**understood.record["request"], "headers": headers}}
    by_name = dict(headers)
    facts = understood.facts._replace(
        headers=by_name,
        retry=retry_count(by_name),
        digest=understood.job.digest if understood.job else None,
        needs=count_needs(understood, settings),
    )
    return replace(understood, record=record, facts=facts, secrets=secrets)


def _decide(request: Request, settings: Settings, sources: Sources | None) -> Understood:
    route, capability, schema, document = None, None, "", None
    try:
        route = admit(request, settings)
        if sources is None:
            return Understood(provider=route.provider)
        if route.about == "models":
            reply = understand_models(route.names.get("model"), settings.as_of)
            return Understood(reply=reply, provider=route.provider)
        if route.about == "files":
            return understand_files(route, request, settings.as_of, sources)
        if is_form(request):
            sources = Sources()  # a form contains all that it refers to, and is cached
        if settings.validate != "strict":
            return understand_leniently(route, request, settings, sources)
        bodies = find_dialect(settings.dialect).get("bodies")
        body_schema(route.endpoint, request.media_type, settings.as_of, own=bodies)
        fields = read_fields(request)
        document = None if is_form(request) else fields
        fields = {**fields, **route.names}  # the name of an Azure deployment counts as the model
        capability = _find_capability(route, fields, settings.as_of)
        schema = body_schema(route.endpoint, request.media_type, settings.as_of, capability.group, bodies)
        job = _build_job(route, schema, capability, fields, settings, sources)
        return Understood(job, document=document, provider=route.provider)
    except Problem as problem:
        provider = route.provider if route else problem.facts.get("provider", "openai")
        if capability is None:
            return Understood(problem=problem.copy(), document=document, provider=provider)
        family = capability.substitute_family(problem.family, schema, settings.as_of)
        problem = Problem(family, **{"model": capability.model, **problem.facts})
        return Understood(problem=problem, group=capability.group, document=document, provider=provider)


def _find_capability(route: Route, fields: Mapping[str, Any], as_of: AsOf) -> Capability:
    model = fields["model"] if "model" in fields else default_model(route.endpoint, as_of, fields)
    if model is None and "model" not in fields:
        raise Problem("missing-parameter", param="model")
    if not isinstance(model, str):
        raise Problem("invalid-type", param="model", expected="a string", got=describe_type(model))
    capability = table(route.provider).get(model)
    if capability is None or not capability.is_served(as_of, route.endpoint):
        raise Problem("model-does-not-exist", model=model)
    return capability


def _build_job(
    route: Route,
    schema_name: str,
    capability: Capability,
    fields: Mapping[str, Any],
    settings: Settings,
    sources: Sources,
) -> Job:
    schema = compile_schema(schema_name, capability, settings.as_of)
    typed = schema.check({"model": capability.model, **fields}, settings.accept)
    images, mask = decode_images(typed, capability, settings.accept, sources, rows()[route.endpoint].get("modes"))
    values = schema.defaults | typed
    check_rules(values, capability, settings)
    hints = tuple(_list_hints(route, capability, fields, settings.as_of))
    return build_job(route.endpoint, capability, typed, values, images, mask, hints, settings.dialect)


def _list_hints(route: Route, capability: Capability, fields: Mapping[str, Any], as_of: AsOf) -> list[str]:
    hints = []
    if "model" not in fields:
        hints.append(
            f"The request names no model, so {capability.model} was used. "
            "Name one: the API has required it since 2026-08-29."
        )
    if capability.shutdown:
        verb = "was shut down" if capability.shutdown <= as_of.day else "will be shut down"
        replacement = capability.row["replacement"]
        hints.append(f"{capability.model} {verb} on {capability.shutdown}; use {replacement} instead.")
    return [*hints, route.hint] if route.hint else hints
