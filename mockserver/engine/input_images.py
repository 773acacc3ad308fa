"""The images of a request: where they are in it, and whether a model accepts them."""

import base64
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import xxhash

from mockserver.contract.capabilities import Capability
from mockserver.contract.catalogue import Problem
from mockserver.core.request import Part
from mockserver.engine.job import InputImage
from mockserver.engine.values import Sources
from mockserver.images.inspect import has_transparency, inspect_image

# Fields of a JSON body that may refer to images by URL or file id.
REFERENCE_FIELDS = frozenset(("images", "mask"))
GREY = ("1", "L", "I;16")
TRAITS = {
    "animated": "it is animated, which the API was never seen to accept",
    "extended_webp": "it is an extended WebP (VP8X), which was reported to be rejected",
    "mismatched": "it is declared as {declared} and is {real}",
}
# How to fix an image, by whether Pillow can open it.
FIXES = {
    True: "Save it again as an RGB or RGBA PNG: Image.open(f).convert('RGBA').save('fixed.png').",
    False: "Export the image again as an RGB or RGBA PNG, or get the original file.",
}
DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w=.-]+)*;base64,(.*)", re.DOTALL | re.ASCII)


def decode_images(
    typed: Mapping[str, Any],
    capability: Capability,
    accept: Collection[str],
    sources: Sources,
    modes: Collection[str] | None = None,
) -> tuple[tuple[InputImage, ...], InputImage | None]:
    """The images to edit and the mask, decoded. Raises the Problem with the first that the API rejects.

    `accept` names guesses that are not enforced; `modes` are those of the endpoint, where it has its own.
    """
    rules = capability.row["images"]
    parts, masks = dict(iterate_images(typed, sources)), dict(iterate_masks(typed, sources))
    for param, part in parts.items():
        _check_bytes(param, part, rules["bytes"], capability, accept, guess=rules["problems"]["bytes"])
    if not masks:
        rules = {**rules, "modes": modes or rules.get("unmasked_modes", rules["modes"])}
    images = tuple(InputImage(part, inspect_image(part)) for part in parts.values())
    for index, (param, image) in enumerate(zip(parts, images, strict=True)):
        _check_image(image, index, param, rules, accept, is_json="images" in typed)
    for part in typed.get("markup", ()):
        _check_markup(part, images[0])
    return images, next((_decode_mask(part, images[0], capability, accept) for part in masks.values()), None)


def iterate_images(typed: Mapping[str, Any], sources: Sources) -> Iterator[tuple[str, Part]]:
    for index, part in enumerate(typed.get("image", ())):
        yield "image" if part.name == "image" else f"image[{index}]", part
    for index, reference in enumerate(typed.get("images", ())):
        yield _resolve_reference(f"images[{index}]", reference, sources)


def iterate_masks(typed: Mapping[str, Any], sources: Sources) -> Iterator[tuple[str, Part]]:
    mask = typed.get("mask")
    if isinstance(mask, Mapping):
        yield _resolve_reference("mask", mask, sources)
    elif mask:
        yield "mask", mask[0]


def _resolve_reference(param: str, reference: Mapping[str, str], sources: Sources) -> tuple[str, Part]:
    """Find the image that a JSON body refers to. Nothing is downloaded: an unknown URL counts as a failed download."""
    if "file_id" in reference:
        file = sources.files.get(reference["file_id"])
        if file is None:
            raise Problem("file-not-found", param=f"{param}.file_id", file_id=reference["file_id"])
        return f"{param}.file_id", Part(f"{param}.file_id", file.name, None, file.data, file.digest)
    param, url = f"{param}.image_url", reference["image_url"]
    if url.startswith("data:"):
        return param, _decode_data_url(param, url)
    data = sources.find(url)
    if data is None:
        raise Problem("download-failed", param="url", status_code=404, url=url[:200])
    return param, Part(param, "", None, data, xxhash.xxh3_128_hexdigest(data))


def _decode_data_url(param: str, url: str) -> Part:
    match = DATA_URL.fullmatch(url)
    try:
        data = base64.b64decode(match[2] if match else "!", validate=True)
    except ValueError:
        raise Problem("json-image-data", param=param, reason="the data URL holds no base64") from None
    return Part(param, "", match[1] if match else None, data, xxhash.xxh3_128_hexdigest(data))


def _check_bytes(
    param: str, part: Part, maximum: int, capability: Capability, accept: Collection[str], guess: str
) -> None:
    if len(part.data) >= maximum and guess not in accept:
        family = capability.row["images"]["problems"]["bytes"]
        raise Problem(family, param=param, maximum=maximum, length=len(part.data))


def _check_image(
    image: InputImage, index: int, param: str, rules: Mapping[str, Any], accept: Collection[str], is_json: bool
) -> None:
    error = find_error(image, rules, accept)
    if error:
        key, reason = error
        raise Problem(
            "json-image-data" if is_json else rules["problems"][key],
            index=index + 1,
            index0=index,
            filename=image.part.filename,
            reason=reason,
            mode=image.facts.mode,
            formats=repr(rules["modes"]),
            param=param,
            again=FIXES[image.facts.opens],
        )
    width, height = image.facts.size
    if "square" in rules["problems"] and width != height:
        raise Problem(rules["problems"]["square"], width=width, height=height)


def find_error(image: InputImage, rules: Mapping[str, Any], accept: Collection[str]) -> tuple[str, str] | None:
    """Why a model rejects an image: a key of `images.problems` in the capability table, and the reason in words."""
    facts = image.facts
    if facts.reason:
        return "broken", facts.reason
    if facts.format not in rules["formats"]:
        return "format", f"it is a {facts.format} file"
    if facts.mode not in rules["modes"] and "images.modes" not in accept:
        return "mode", f"its mode is {facts.mode}, which the API was never seen to accept"
    declared = (image.part.content_type or facts.real_type).split(";")[0].strip().lower()
    for trait in sorted(facts.traits | ({"mismatched"} if declared != facts.real_type else set())):
        if trait in rules["traits"] and f"images.{trait}" not in accept:
            return "trait", TRAITS[trait].format(declared=declared, real=facts.real_type)
    return None


def _decode_mask(part: Part, first: InputImage, capability: Capability, accept: Collection[str]) -> InputImage:
    rules = capability.row["mask"]
    _check_bytes("mask", part, rules["bytes"], capability, accept, guess="mask.bytes")
    mask = InputImage(part, inspect_image(part))
    if mask.facts.upright is None or mask.facts.upright != first.facts.upright:
        raise Problem("mask-size")
    if mask.facts.mode in GREY and "grey" in rules:
        raise Problem(rules["grey"])
    if not mask.facts.transparent:
        raise Problem("mask-alpha")
    if mask.facts.format != "PNG" and "mask-format" not in accept:
        raise Problem("mask-format", format=mask.facts.format)
    return mask


def _check_markup(part: Part, first: InputImage) -> None:
    facts = inspect_image(part)
    if facts.upright is None or facts.upright != first.facts.upright:
        raise Problem("markup-size")
    if not has_transparency(part):
        raise Problem("markup-alpha")
