"""From a request to a job, or to the problem that the API has with it. Pure; owns the order of the checks."""

import math
from collections.abc import Mapping
from typing import Any

import xxhash

from mockserver.contract.asof import AsOf
from mockserver.contract.capabilities import Capability, default_model, table
from mockserver.contract.catalogue import Problem
from mockserver.contract.form import Fields, fields, schema
from mockserver.engine.door import admit
from mockserver.engine.values import Settings, Understood
from mockserver.images.facts import Facts, look
from mockserver.job import Job, Picture
from mockserver.wire.request import Part, Request

BODIES = {"images/edits": ("edit-form", ("multipart/form-data",))}
# What a job holds in fields of its own.
APART = ("model", "prompt", "image", "mask")
# What says how an answer is delivered, not what it shows.
DELIVERY = ("stream", "partial_images", "user", "safety_identifier")


def understand(request: Request, settings: Settings) -> Understood:
    """The request's meaning: shape first, then facts, then rules, in the order that was measured.

    Source of the order: errors.md section J.
    """
    group = "gpt-image"
    try:
        endpoint = admit(request, settings)
        given = _read(endpoint, request)
        capability, hints = _capability(endpoint, given, settings.as_of)
        group = capability.group
        return Understood(job=_job(endpoint, capability, given, settings.as_of, hints))
    except Problem as problem:
        return Understood(problem=problem, group=group)


def _read(endpoint: str, request: Request) -> Fields:
    if request.media_type not in BODIES[endpoint][1]:
        raise Problem("content-type", content_type=request.media_type)
    if request.fault:
        raise Problem(request.fault.family, **request.fault.facts)
    return fields(request.parts)


def _job(endpoint: str, capability: Capability, given: Fields, as_of: AsOf, hints: tuple[str, ...]) -> Job:
    shape = schema(BODIES[endpoint][0], capability, as_of)
    typed = shape.check({"model": capability.model, **given})
    images, mask = _pictures(typed, capability)
    values = shape.defaults | {name: value for name, value in typed.items() if value is not None}
    _judge(values, capability, as_of)
    scene = digest({name: value for name, value in typed.items() if name not in DELIVERY})
    parameters = _resolve(values, capability, images, mask)
    return Job(endpoint, capability, values["prompt"], images, mask, parameters, digest(typed), scene, hints)


def _capability(endpoint: str, given: Fields, as_of: AsOf) -> tuple[Capability, tuple[str, ...]]:
    model = given.get("model", default_model(endpoint, as_of, given))
    if model is None:
        raise Problem("missing-parameter", param="model")
    if not isinstance(model, str):
        raise Problem("invalid-type", param="model", expected="a string", got=_kind(model))
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


def _kind(field: Any) -> str:
    return "a file" if isinstance(field, Part) else "an array"


def _pictures(typed: Mapping[str, Any], capability: Capability) -> tuple[tuple[Picture, ...], Picture | None]:
    allowed = capability.row["images"]
    parts = typed["image"]
    for index, part in enumerate(parts):
        if len(part.data) > allowed["bytes"]:
            name = "image" if part.name == "image" else f"image[{index}]"
            raise Problem(allowed["too_large"], param=name, maximum=allowed["bytes"], length=len(part.data))
    images = tuple(Picture(part, look(part)) for part in parts)
    for index, picture in enumerate(images):
        reason = unusable(picture.facts, allowed)
        if reason:
            name = picture.part.filename or "without a name"
            raise Problem("invalid-image-file", index=index + 1, index0=index, reason=reason, filename=name)
    return images, _mask(typed["mask"][0], images[0]) if "mask" in typed else None


def unusable(facts: Facts, allowed: Mapping[str, Any]) -> str:
    """Why a picture is none that a model takes; empty when it is."""
    if facts.reason:
        return facts.reason
    if facts.format not in allowed["formats"]:
        return f"it is a {facts.format} file"
    if facts.mode not in allowed["modes"]:
        return f"its mode is {facts.mode}, which nobody has seen the API take"
    return ""


def _mask(part: Part, first: Picture) -> Picture:
    mask = Picture(part, look(part))
    if mask.facts.width is None or mask.facts.size != first.facts.size:
        raise Problem("mask-size")
    if not mask.facts.transparent:
        raise Problem("mask-alpha")
    return mask


def _judge(values: Mapping[str, Any], capability: Capability, as_of: AsOf) -> None:
    for family, conditions in capability.refusals(as_of):
        if all(name in values and _meets(values[name], wanted) for name, wanted in conditions.items()):
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
        resolved["size"] = _auto_size(auto["size"], images[0].facts.size if images else (1, 1))
    return resolved


def _auto_size(rule: Mapping[str, Any], of: tuple[int, int]) -> str:
    width, height = of
    if "area" in rule:
        side = math.sqrt(rule["area"] * width / height)
        return f"{round(side)}x{round(rule['area'] / side)}"

    def distance(size: str) -> float:
        w, _, h = size.partition("x")
        return abs(math.log(int(w) / int(h)) - math.log(width / height))

    nearest: list[str] = rule["nearest"]
    return min(nearest, key=distance)


def digest(typed: Mapping[str, Any]) -> str:
    """The xxh3 of typed parameters, files by their own digests."""
    spelled = [
        (name, [part.digest for part in value] if isinstance(value, list) else repr(value))
        for name, value in sorted(typed.items())
    ]
    return xxhash.xxh3_128_hexdigest(repr(spelled).encode("utf-8", "backslashreplace"))
