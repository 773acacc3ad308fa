"""What a job's values come to: `auto` made definite, and the digests by which calls are told apart. Pure."""

import math
from collections.abc import Collection, Mapping
from typing import Any

import xxhash

from mockserver.contract import sizes
from mockserver.contract.capabilities import Capability
from mockserver.engine.job import InputImage

# What a job holds in fields of its own.
FILES = ("image", "images", "mask", "markup")
APART = ("model", "prompt", *FILES)
# What says how an answer is delivered, not what it shows.
DELIVERY = ("stream", "partial_images", "user", "safety_identifier")


def resolve(
    values: Mapping[str, Any], capability: Capability, images: tuple[InputImage, ...], mask: InputImage | None
) -> dict[str, Any]:
    """Values with every `auto` resolved, as the model does it, and what a job holds elsewhere left out."""
    auto = capability.row["auto"]
    resolved = {name: value for name, value in values.items() if name not in APART}
    if resolved.get("quality", "auto") == "auto":
        resolved["quality"] = auto["quality"]
    if resolved.get("background", "auto") == "auto":
        background = auto.get("background_masked", auto["background"]) if mask else auto["background"]
        opaque = resolved.get("output_format") == "jpeg"
        resolved["background"] = auto["background"] if opaque else background
    if resolved["size"] == "auto":
        resolved["size"] = sizes.resolve_auto(auto["size"], images[0].facts.size if images else (1, 1))
        grid = capability.grid(resolved)
        if grid != (1, 1):
            resolved["size"] = sizes.shrink_size(resolved["size"], capability.row["size_rule"], grid)
    if resolved.get("output_format") == "gif":
        resolved |= _frames(capability.row["frames"], resolved)
    return resolved


def _frames(rule: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, int]:
    """The frames of a gif and how long each stands: whole steps, and no longer than a gif can say."""
    step = rule["step_ms"]
    asked = math.floor(values.get("frame_duration_ms", rule["duration_ms"]) / step + 0.5) * step
    count = values.get("frame_count", rule["count"])
    return {"frame_count": count, "frame_duration_ms": min(rule["maximum_ms"], asked)}


def digest(typed: Mapping[str, Any], files: list[str], without: Collection[str] = ()) -> str:
    """The xxh3 of typed parameters (those in `without` apart) and of the digests of the files that came along."""
    spelled = [(name, value) for name, value in sorted(typed.items()) if name not in (*FILES, *without)]
    return xxhash.xxh3_128_hexdigest(repr((spelled, files)).encode("utf-8", "backslashreplace"))
