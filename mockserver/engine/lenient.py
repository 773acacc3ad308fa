"""Understanding without judging: requests whose shape alone is checked (`--validate schema`), or nothing (`off`).

For generated tests of clients, which send words as pictures and parameters that no single model takes. Whatever the
model's own rules refuse is left out of the job, so that there is always an answer to give.
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
from mockserver.engine.body import given, is_form
from mockserver.engine.job import InputImage, Job
from mockserver.engine.resolve import DELIVERY, digest, resolve
from mockserver.engine.rules import meets
from mockserver.engine.values import Settings, Sources, Understood
from mockserver.images.inspect import inspect_image

ALWAYS = as_of("any")


def loosely(place: Route, request: Request, settings: Settings, sources: Sources) -> Understood:
    """The job that a request stands for. Raises Problem only where types, enums or required fields are wrong."""
    found: dict[str, Any] = {}
    if settings.validate == "schema":
        own = find_dialect(settings.dialect).get("bodies")
        name = body_schema(place.endpoint, request.media_type, settings.as_of, own=own)
        found = given(request)
        compile_schema(name, ANY_MODEL, settings.as_of).check(found)
    else:
        name = _nearest(place, request)
        with suppress(Problem):
            found = given(request)
    held = None if is_form(request) else found
    job = _job(place, name, {**found, **place.names}, settings, sources)
    return Understood(job, document=held, provider=place.provider)


def _nearest(place: Route, request: Request) -> str:
    """The schema of the body that it is, or else might have been."""
    bodies = rows()[place.endpoint]["bodies"]
    found: str = next((row["schema"] for row in bodies if row["type"] == request.media_type), bodies[0]["schema"])
    return found


def _job(place: Route, name: str, found: Mapping[str, Any], settings: Settings, sources: Sources) -> Job:
    capability = _capability(place.endpoint, found)
    typed = _taken(name, capability, found)
    images = tuple(_decodable(input_images.inputs(typed, sources)))
    masks = list(_decodable(input_images.masks(typed, sources)))
    values = compile_schema(name, capability, ALWAYS).defaults | typed
    mask = masks[0] if masks and images else None
    parameters = resolve(values, capability, images, mask)
    files = [picture.part.digest for picture in (*images, *filter(None, [mask]))]
    told = {"model": capability.model, **typed}
    call, scene = digest(told, files), digest(told, files, DELIVERY)
    prompt = typed.get("prompt", "")
    return Job(place.endpoint, capability, prompt, images, mask, parameters, call, scene, (), settings.dialect)


def _capability(endpoint: str, found: Mapping[str, Any]) -> Capability:
    model = found.get("model")
    capability = table().get(model) if isinstance(model, str) else None
    if capability and capability.served(ALWAYS, endpoint):
        return capability
    others = {name: value for name, value in found.items() if value is not None}
    return table()[default_model(endpoint, ALWAYS, others) or ""]


def _taken(name: str, capability: Capability, found: Mapping[str, Any]) -> dict[str, Any]:
    """What the model would take, each parameter looked at by itself; pictures whatever they are."""
    schema = compile_schema(name, capability, ALWAYS)
    taken: dict[str, Any] = {}
    for param in schema.properties:
        with suppress(Problem):
            taken |= schema.alone(param, found[param]) if param in found else {}
    taken.pop("model", None)
    for _, rule in capability.rules(ALWAYS):
        values = schema.defaults | taken
        if all(meets(values, *condition) for condition in rule["when"].items()):
            wrong = [name for name, wanted in rule.get("forbids", {}).items() if meets(values, name, wanted)]
            # A stream stays one, whatever format it was to carry; so does a format without a stream.
            alone = [name for name in rule["when"] if name not in ("output_format", "stream")][:1]
            for name in wrong if "forbids" in rule else alone:
                taken.pop("output_format" if name == "stream" else name, None)
    return taken


def _decodable(parts: Iterator[tuple[str, Part]]) -> Iterator[InputImage]:
    with suppress(Problem):
        for _, part in parts:
            facts = inspect_image(part)
            if not facts.reason:
                yield InputImage(part, facts)
