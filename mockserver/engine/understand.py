"""From a request to a job, or to the problem that the API has with it. Pure; owns the order of the checks."""

import json
import math
from collections.abc import Collection, Mapping
from typing import Any

import xxhash

from mockserver.contract import sizes
from mockserver.contract.asof import AsOf
from mockserver.contract.capabilities import Capability, default_model, table
from mockserver.contract.catalogue import Problem
from mockserver.contract.endpoints import body, rows
from mockserver.contract.form import fields
from mockserver.contract.shape import described, shape
from mockserver.engine.door import admit
from mockserver.engine.listing import told
from mockserver.engine.pictures import gather
from mockserver.engine.values import Settings, Understood
from mockserver.job import Job, Picture
from mockserver.wire.request import Request

# What a job holds in fields of its own.
FILES = ("image", "images", "mask", "markup")
APART = ("model", "prompt", *FILES)
# What says how an answer is delivered, not what it shows.
DELIVERY = ("stream", "partial_images", "user", "safety_identifier")


def understand(request: Request, settings: Settings) -> Understood:
    """The request's meaning: shape first, then facts, then rules, in the order that was measured.

    Source of the order: errors.md section J.
    """
    place, capability, name, held = None, None, "", None
    try:
        place = admit(request, settings)
        if place.reads:
            return Understood(reply=told(place.model, settings.as_of), provider=place.provider)
        body(place.endpoint, request.media_type, settings.as_of)
        if request.fault:
            raise Problem(request.fault.family, **request.fault.facts)
        is_form = request.media_type == "multipart/form-data"
        given: dict[str, Any] = dict(fields(request.parts)) if is_form else document(request.body)
        held = None if is_form else given
        if place.model:
            given = given | {"model": place.model}
        capability, hints = _capability(place.endpoint, given, settings.as_of)
        hints += (place.hint,) if place.hint else ()
        name = body(place.endpoint, request.media_type, settings.as_of, capability.group)
        job = _job(place.endpoint, name, capability, given, settings, hints)
        return Understood(job, document=held, provider=place.provider)
    except Problem as problem:
        provider = place.provider if place else problem.facts.get("provider", "openai")
        if capability is None:
            return Understood(problem=problem, document=held, provider=provider)
        family = capability.substitute(problem.family, name, settings.as_of)
        problem = Problem(family, **{"model": capability.model, **problem.facts})
        return Understood(problem=problem, group=capability.group, document=held, provider=provider)


def glance(request: Request, settings: Settings) -> Understood:
    """What the head of a request means, when its body is not read: nothing, unless it may not come in."""
    try:
        return Understood(provider=admit(request, settings).provider)
    except Problem as problem:
        return Understood(problem=problem, provider=problem.facts.get("provider", "openai"))


def document(data: bytes) -> dict[str, Any]:
    """The object that a JSON body holds. Raises Problem `malformed-json` where it holds none."""
    try:
        value = json.loads(data, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Problem("malformed-json", reason=str(error)) from None
    if not isinstance(value, dict):
        raise Problem("malformed-json", reason=f"it holds {described(value)}, not an object")
    return value


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _capability(endpoint: str, given: Mapping[str, Any], as_of: AsOf) -> tuple[Capability, tuple[str, ...]]:
    model = given["model"] if "model" in given else default_model(endpoint, as_of, given)
    if model is None and "model" not in given:
        raise Problem("missing-parameter", param="model")
    if not isinstance(model, str):
        raise Problem("invalid-type", param="model", expected="a string", got=described(model))
    capability = table().get(model)
    if capability is None or not capability.served(as_of, endpoint):
        raise Problem("model-does-not-exist", model=model)
    hints = []
    if "model" not in given:
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
    given: Mapping[str, Any],
    settings: Settings,
    hints: tuple[str, ...],
) -> Job:
    schema = shape(name, capability, settings.as_of)
    typed = schema.check({"model": capability.model, **given}, settings.accept)
    images, mask = gather(typed, capability, settings.accept, rows()[endpoint].get("modes"))
    values = schema.defaults | typed
    _judge(values, capability, settings)
    parameters = _resolve(values, capability, images, mask)
    files = [picture.part.digest for picture in (*images, *filter(None, [mask]))]
    call, scene = digest(typed, files), digest(typed, files, DELIVERY)
    return Job(endpoint, capability, values.get("prompt", ""), images, mask, parameters, call, scene, hints)


def _judge(values: Mapping[str, Any], capability: Capability, settings: Settings) -> None:
    for family, conditions in capability.refusals(settings.as_of):
        if family not in settings.accept and all(
            name in values and _meets(values[name], wanted) for name, wanted in conditions.items()
        ):
            raise Problem(family, model=capability.model)


def _meets(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping):
        return bool(wanted.get("minimum", -math.inf) <= value <= wanted.get("maximum", math.inf))
    return wanted == "any" or bool(value == wanted)


def _resolve(
    values: Mapping[str, Any], capability: Capability, images: tuple[Picture, ...], mask: Picture | None
) -> dict[str, Any]:
    auto = capability.row["auto"]
    resolved = {name: value for name, value in values.items() if name not in APART}
    if resolved.get("quality", "auto") == "auto":
        resolved["quality"] = auto["quality"]
    if resolved.get("background", "auto") == "auto":
        background = auto.get("background_masked", auto["background"]) if mask else auto["background"]
        opaque = resolved.get("output_format") == "jpeg"
        resolved["background"] = auto["background"] if opaque else background
    if resolved["size"] == "auto":
        resolved["size"] = sizes.auto(auto["size"], images[0].facts.size if images else (1, 1))
    return resolved


def digest(typed: Mapping[str, Any], files: list[str], without: Collection[str] = ()) -> str:
    """The xxh3 of typed parameters (those in `without` apart) and of the digests of the files that came along."""
    spelled = [(name, value) for name, value in sorted(typed.items()) if name not in (*FILES, *without)]
    return xxhash.xxh3_128_hexdigest(repr((spelled, files)).encode("utf-8", "backslashreplace"))
