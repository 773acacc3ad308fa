"""The `usage` block of a response and its price, from the constants in contracts/models.yaml.

Four counts make up a block, each multiplied by `n`:

- input text: the prompt in o200k_base tokens, a constant per endpoint, and a constant per input image.
- input images: a base and a constant per tile or patch. `tiles` scales an image into a box, then its shortest side
  down, and drops fractions of a tile; `patches` pads the canvas to a maximal ratio and scales it into a budget.
  `input_fidelity: high` adds a constant that depends on whether the image is square.
- output images: a table by size and quality, or the axis formula, the published calculator's own, for other sizes;
  each partial image that was delivered adds to it.
- output text: a constant per quality, for models that report it.

Formulas: success.md section 2 and the vision guide, each checked there against recordings, which the tests repeat.
Rounding is part of the formulas, so they use exact fractions where a float could fall on the wrong side of a tie.
Unobserved constants are marked as guesses in the model's row. The table of token ranks ships as data,
since tiktoken would download it.
"""

import base64
import functools
import gzip
import math
import threading
from collections.abc import Mapping, Sequence
from fractions import Fraction
from io import BytesIO
from typing import Any

from mockserver.contract.asof import AsOf
from mockserver.contract.capabilities import Capability
from mockserver.core.data_files import contract, folder

Size = tuple[int, int]
# Concurrent first requests must load the table only once.
LOADING = threading.Lock()


@functools.cache
def _encoding() -> Any:
    # On first use: importing tiktoken and building the encoding takes 0.4 s. tiktoken.get_encoding() would download the
    # table.
    import tiktoken

    packed = folder("contracts").joinpath("tokens", "o200k_base.gz").read_bytes()
    return tiktoken.Encoding(
        "o200k_base",
        pat_str="|".join(contract("tokens/o200k_base.yaml")["pattern"]),
        mergeable_ranks={base64.b64decode(line): rank for rank, line in enumerate(BytesIO(gzip.decompress(packed)))},
        special_tokens={},  # text that looks like a special token counts as text
    )


def count_text_tokens(text: str) -> int:
    with LOADING:
        encoding = _encoding()
    return len(encoding.encode_ordinary(text))


def count_input_units(size: Size, rule: Mapping[str, Any]) -> int:
    return METHODS[rule["method"]](size, rule)


def _tiles(size: Size, rule: Mapping[str, Any]) -> int:
    # Fitted into a box, then the shortest side down (never up); fractions of a tile are dropped.
    scale = min(Fraction(1), Fraction(rule["box"], max(size)))
    scale *= min(Fraction(1), Fraction(rule["shortest"]) / (min(size) * scale))
    return math.prod(max(1, math.floor(side * scale / rule["tile_px"])) for side in size)


def _patches(size: Size, rule: Mapping[str, Any]) -> int:
    # The canvas is padded to the ratio cap, small images are magnified, large ones scaled into the budget.
    long = max(size)
    scale = min(rule["upscale"], max(1, rule["long_edge"] / long))
    sides = [max(side, long / rule["ratio"]) * scale / rule["patch"] for side in size]
    if math.prod(map(math.ceil, sides)) > rule["budget"]:
        scale = math.sqrt(rule["budget"] / math.prod(sides))
        scale *= min(math.floor(side * scale) / (side * scale) for side in sides)
        sides = [round(side * scale, 6) for side in sides]
    return math.prod(map(math.ceil, sides))


METHODS = {"tiles": _tiles, "patches": _patches}


def _axis(factor: int, size: Size) -> Fraction:
    # The official calculator's formula, with half a step rounded to even.
    short = round(Fraction(factor * min(size), max(size)))
    return Fraction(factor * short * (2_000_000 + math.prod(size)), 4_000_000)


def count_output_tokens(tokens: Mapping[str, Any], quality: str, size: Size, partials: int) -> int:
    table = tokens["output"].get(f"{size[0]}x{size[1]}")
    image: int = table[quality] if table else math.ceil(_axis(tokens["output"][quality], size))
    each = tokens["partial"].get("each")
    if each is not None:
        return image + int(each) * partials
    axis = Fraction(tokens["partial"]["axis"] * partials * (2_000_000 + math.prod(size)), 4_000_000)
    return image + math.ceil(axis)


def compute_usage(
    capability: Capability,
    as_of: AsOf,
    *,
    endpoint: str,
    prompt: str,
    images: Sequence[Size],
    size: Size,
    parameters: Mapping[str, Any],
    partials: int = 0,
) -> dict[str, Any]:
    """The `usage` block of a response, keys in the recorded order.

    `images` and `size` are widths and heights in pixels; `partials` is the number of delivered partial images.
    """
    tokens, n, quality = capability.row["tokens"], parameters.get("n", 1), parameters["quality"]
    rule, text = tokens["input"], tokens["text"]
    units = [count_input_units(image, rule) for image in images]
    image_in = sum(rule.get("base", 0) + rule.get("tile", 1) * count for count in units)
    if parameters.get("input_fidelity") == "high":
        extra = tokens["fidelity"]
        image_in += sum(extra["square" if width == height else "other"] for width, height in images)
    text_in = count_text_tokens(prompt) + text[endpoint.removeprefix("images/")]
    text_in += sum(text["per_image"] + text.get("per_tile", 0) * count for count in units)
    image_out = count_output_tokens(tokens, quality, size, partials)
    text_out = tokens.get("text_output", {}).get(quality, 0)
    block = {
        "input_tokens": (image_in + text_in) * n,
        "input_tokens_details": {"image_tokens": image_in * n, "text_tokens": text_in * n},
        "output_tokens": (image_out + text_out) * n,
        "output_tokens_details": {"image_tokens": image_out * n, "text_tokens": text_out * n},
        "total_tokens": (image_in + text_in + image_out + text_out) * n,
    }
    if not as_of.holds(tokens.get("output_details_since"), None):
        del block["output_tokens_details"]
    return block


def compute_price(capability: Capability, usage: Mapping[str, Any]) -> float | None:
    """The price of a usage block in US dollars, or None if the model has no known price per token."""
    prices = capability.row.get("prices")
    if not prices:
        return None
    inputs = usage["input_tokens_details"]
    outputs = usage.get("output_tokens_details") or {"image_tokens": usage["output_tokens"], "text_tokens": 0}
    millionths: float = (
        inputs["text_tokens"] * prices["text_in"]
        + inputs["image_tokens"] * prices["image_in"]
        + outputs["image_tokens"] * prices["image_out"]
        + outputs["text_tokens"] * prices.get("text_out", 0)
    )
    return round(millionths / 1_000_000, 6)
