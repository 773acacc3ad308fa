"""Building a job from checked values: every `auto` is resolved, and digests identify repeats of a call. Pure."""

import math
from collections.abc import Collection, Mapping
from typing import Any

import xxhash

from mockserver.contract import sizes
from mockserver.contract.capabilities import Capability
from mockserver.engine.job import InputImage, Job

FILE_FIELDS = ("image", "images", "mask", "markup")
# Parameters that a job stores in fields of its own.
OWN_FIELDS = ("model", "prompt", *FILE_FIELDS)
# Parameters that change how a response is delivered, but not what the images show.
DELIVERY = ("stream", "partial_images", "user", "safety_identifier")


def build_job(
    endpoint: str,
    capability: Capability,
    typed: Mapping[str, Any],
    values: Mapping[str, Any],
    images: tuple[InputImage, ...],
    mask: InputImage | None,
    hints: tuple[str, ...],
    dialect: str,
) -> Job:
    files = [image.part.digest for image in (*images, *filter(None, [mask]))]
    return Job(
        endpoint,
        capability,
        values.get("prompt", ""),
        images,
        mask,
        resolve(values, capability, images, mask),
        digest=_digest(typed, files),
        scene=_digest(typed, files, DELIVERY),
        hints=hints,
        dialect=dialect,
    )


def resolve(
    values: Mapping[str, Any], capability: Capability, images: tuple[InputImage, ...], mask: InputImage | None
) -> dict[str, Any]:
    auto = capability.row["auto"]
    resolved = {name: value for name, value in values.items() if name not in OWN_FIELDS}
    if resolved.get("quality", "auto") == "auto":
        resolved["quality"] = auto["quality"]
    if resolved.get("background", "auto") == "auto":
        background = auto.get("background_masked", auto["background"]) if mask else auto["background"]
        is_opaque = resolved.get("output_format") == "jpeg"
        resolved["background"] = auto["background"] if is_opaque else background
    if resolved["size"] == "auto":
        resolved["size"] = sizes.resolve_auto(auto["size"], images[0].facts.size if images else (1, 1))
        grid = capability.grid(resolved)
        if grid != (1, 1):
            resolved["size"] = sizes.shrink_size(resolved["size"], capability.row["size_rule"], grid)
    if resolved.get("output_format") == "gif":
        resolved |= _resolve_frames(capability.row["frames"], resolved)
    return resolved


def _resolve_frames(rule: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, int]:
    step = rule["step_ms"]
    duration = math.floor(values.get("frame_duration_ms", rule["duration_ms"]) / step + 0.5) * step
    count = values.get("frame_count", rule["count"])
    return {"frame_count": count, "frame_duration_ms": min(rule["maximum_ms"], duration)}


def _digest(typed: Mapping[str, Any], files: list[str], without: Collection[str] = ()) -> str:
    values = [(name, value) for name, value in sorted(typed.items()) if name not in (*FILE_FIELDS, *without)]
    return xxhash.xxh3_128_hexdigest(repr((values, files)).encode("utf-8", "backslashreplace"))
