"""The pictures of a request: where they stand in it, and whether a model takes them."""

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

# Fields of a JSON body that may speak of pictures which lie elsewhere.
REFERRING = frozenset(("images", "mask"))
GREY = ("1", "L", "I;16")
TRAITS = {
    "animated": "it is animated, which nobody has seen the API take",
    "extended_webp": "it is an extended WebP (VP8X), which was reported to be refused",
    "mismatched": "it is declared as {declared} and is {real}",
}
# What to do with a picture, by whether it can be opened.
AGAIN = {
    True: "Save it again as an RGB or RGBA PNG: Image.open(f).convert('RGBA').save('fixed.png').",
    False: "Export the picture anew as an RGB or RGBA PNG, or get the file once more.",
}
DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w=.-]+)*;base64,(.*)", re.DOTALL | re.ASCII)


def gather(
    typed: Mapping[str, Any],
    capability: Capability,
    accept: Collection[str],
    sources: Sources,
    modes: Collection[str] | None = None,
) -> tuple[tuple[InputImage, ...], InputImage | None]:
    """The pictures to edit and the mask, decoded. Raises the Problem that the API has with one of them.

    `accept` names guesses that are not to be enforced; `modes` are those of the endpoint, where it has its own.
    """
    allowed = capability.row["images"]
    named, laid = dict(inputs(typed, sources)), dict(masks(typed, sources))
    for name, part in named.items():
        if len(part.data) >= allowed["bytes"] and allowed["problems"]["bytes"] not in accept:
            raise Problem(allowed["problems"]["bytes"], param=name, maximum=allowed["bytes"], length=len(part.data))
    rules = dict(allowed)
    if not laid:
        rules["modes"] = modes or allowed.get("unmasked_modes", allowed["modes"])
    images = tuple(InputImage(part, inspect_image(part)) for part in named.values())
    for index, (name, picture) in enumerate(zip(named, images, strict=True)):
        wrong = fault(picture, rules, accept)
        if wrong:
            family = "json-image-data" if "images" in typed else allowed["problems"][wrong[0]]
            facts = {"reason": wrong[1], "mode": picture.facts.mode, "formats": repr(rules["modes"]), "param": name}
            facts["again"] = AGAIN[picture.facts.opens]
            raise Problem(family, index=index + 1, index0=index, filename=picture.part.filename, **facts)
        width, height = picture.facts.size
        if "square" in allowed["problems"] and width != height:
            raise Problem(allowed["problems"]["square"], width=width, height=height)
    for part in typed.get("markup", ()):
        _markup(part, images[0])
    return images, next((_mask(part, images[0], capability, accept) for part in laid.values()), None)


def inputs(typed: Mapping[str, Any], sources: Sources) -> Iterator[tuple[str, Part]]:
    """The pictures to edit, each with the name that the API's texts give it."""
    for index, part in enumerate(typed.get("image", ())):
        yield "image" if part.name == "image" else f"image[{index}]", part
    for index, reference in enumerate(typed.get("images", ())):
        yield _fetched(f"images[{index}]", reference, sources)


def masks(typed: Mapping[str, Any], sources: Sources) -> Iterator[tuple[str, Part]]:
    """The mask, if there is one."""
    mask = typed.get("mask")
    if isinstance(mask, Mapping):
        yield _fetched("mask", mask, sources)
    elif mask:
        yield "mask", mask[0]


def _fetched(param: str, reference: Mapping[str, str], sources: Sources) -> tuple[str, Part]:
    """What a reference of a JSON body leads to. Nothing is fetched: an address elsewhere is a download that failed."""
    if "file_id" in reference:
        file = sources.files.get(reference["file_id"])
        if file is None:
            raise Problem("file-not-found", param=f"{param}.file_id", file_id=reference["file_id"])
        return f"{param}.file_id", Part(f"{param}.file_id", file.name, None, file.data, file.digest)
    name, url = f"{param}.image_url", reference["image_url"]
    if not url.startswith("data:"):
        found = sources.find(url)
        if found is None:
            raise Problem("download-failed", param="url", status_code=404, url=url[:200])
        return name, Part(name, "", None, found, xxhash.xxh3_128_hexdigest(found))
    match = DATA_URL.fullmatch(url)
    try:
        data = base64.b64decode(match[2] if match else "!", validate=True)
    except ValueError:
        raise Problem("json-image-data", param=name, reason="the data URL holds no base64") from None
    return name, Part(name, "", match[1] if match else None, data, xxhash.xxh3_128_hexdigest(data))


def fault(picture: InputImage, rules: Mapping[str, Any], accept: Collection[str]) -> tuple[str, str] | None:
    """What is wrong with a picture and how, in words; None when it is one to take.

    The first is a key of the capability table's `images.problems`: `broken`, `format`, `mode` or `trait`.
    """
    facts = picture.facts
    if facts.reason:
        return "broken", facts.reason
    if facts.format not in rules["formats"]:
        return "format", f"it is a {facts.format} file"
    if facts.mode not in rules["modes"] and "images.modes" not in accept:
        return "mode", f"its mode is {facts.mode}, which nobody has seen the API take"
    declared = (picture.part.content_type or facts.real_type).split(";")[0].strip().lower()
    for trait in sorted(facts.traits | ({"mismatched"} if declared != facts.real_type else set())):
        if trait in rules["traits"] and f"images.{trait}" not in accept:
            return "trait", TRAITS[trait].format(declared=declared, real=facts.real_type)
    return None


def _mask(part: Part, first: InputImage, capability: Capability, accept: Collection[str]) -> InputImage:
    rules = capability.row["mask"]
    if len(part.data) >= rules["bytes"] and "mask.bytes" not in accept:
        family = capability.row["images"]["problems"]["bytes"]
        raise Problem(family, param="mask", maximum=rules["bytes"], length=len(part.data))
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


def _markup(part: Part, first: InputImage) -> None:
    facts = inspect_image(part)
    if facts.upright is None or facts.upright != first.facts.upright:
        raise Problem("markup-size")
    if not has_transparency(part):
        raise Problem("markup-alpha")
