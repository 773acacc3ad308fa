"""Understanding without judging: of a request only the shape is checked (`--validate schema`), or nothing (`off`).

For generated tests of clients, which send text as images and parameters that no single model accepts. Whatever the
model's own rules reject is left out of the job, so there is always a response.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from mockserver.contract.asof import as_of
from mockserver.contract.capabilities import ANY_MODEL, Capability, default_model, table
from mockserver.contract.catalogue import Problem
from mockserver.contract.dialects import find_dialect
from mockserver.contract.endpoints import Route, body_schema, rows
from mockserver.contract.request_schema import compile_schema
from mockserver.core.request import Part, Request
from mockserver.engine import input_images
from mockserver.engine.body import is_form, read_fields
from mockserver.engine.job import InputImage, Job
from mockserver.engine.resolve import build_job
from mockserver.engine.rules import meets
from mockserver.engine.values import Settings, Sources, Understood
from mockserver.images.inspect import inspect_image

ANY_DATE = as_of("any")


def understand_leniently(route: Route, request: Request, settings: Settings, sources: Sources) -> Understood:
    """A job for the request. Raises Problem only for wrong types, enums or missing fields, with `schema`."""
    fields: dict[str, Any] = {}
    if settings.validate == "schema":
        bodies = find_dialect(settings.dialect).get("bodies")
        name = body_schema(route.endpoint, request.media_type, settings.as_of, own=bodies)
        fields = read_fields(request)
        compile_schema(name, ANY_MODEL, settings.as_of).check(fields)
    else:
        name = _find_closest_schema(route, request)
        with suppress(Problem):
            fields = read_fields(request)
    document = None if is_form(request) else fields
    job = _build_job(route, name, {**fields, **route.names}, settings, sources)
    return Understood(job, document=document, provider=route.provider)


def _find_closest_schema(route: Route, request: Request) -> str:
    bodies = rows()[route.endpoint]["bodies"]
    name: str = next((row["schema"] for row in bodies if row["type"] == request.media_type), bodies[0]["schema"])
    return name


def _build_job(route: Route, name: str, fields: Mapping[str, Any], settings: Settings, sources: Sources) -> Job:
    capability = _find_capability(route.endpoint, fields)
    typed = _select_parameters(name, capability, fields)
    images = tuple(_decode(input_images.iterate_images(typed, sources)))
    masks = list(_decode(input_images.iterate_masks(typed, sources)))
    values = compile_schema(name, capability, ANY_DATE).defaults | typed
    mask = masks[0] if masks and images else None
    typed = {"model": capability.model, **typed}
    return build_job(route.endpoint, capability, typed, values, images, mask, (), settings.dialect)


def _find_capability(endpoint: str, fields: Mapping[str, Any]) -> Capability:
    model = fields.get("model")
    capability = table().get(model) if isinstance(model, str) else None
    if capability and capability.is_served(ANY_DATE, endpoint):
        return capability
    present = {name: value for name, value in fields.items() if value is not None}
    return table()[default_model(endpoint, ANY_DATE, present) or ""]


def _select_parameters(name: str, capability: Capability, fields: Mapping[str, Any]) -> dict[str, Any]:
    schema = compile_schema(name, capability, ANY_DATE)
    typed: dict[str, Any] = {}
    for param in schema.properties:
        with suppress(Problem):
            typed |= schema.check_one(param, fields[param]) if param in fields else {}
    typed.pop("model", None)
    for _, rule in capability.rules(ANY_DATE):
        values = schema.defaults | typed
        if all(meets(values, *condition) for condition in rule["when"].items()):
            forbidden = [name for name, condition in rule.get("forbids", {}).items() if meets(values, name, condition)]
            # A stream remains a stream, and an output format remains where there is no stream.
            others = [name for name in rule["when"] if name not in ("output_format", "stream")][:1]
            for name in forbidden if "forbids" in rule else others:
                typed.pop("output_format" if name == "stream" else name, None)
    return typed


def _decode(parts: Iterator[tuple[str, Part]]) -> Iterator[InputImage]:
    with suppress(Problem):
        for _, part in parts:
            facts = inspect_image(part)
            if not facts.reason:
                yield InputImage(part, facts)
