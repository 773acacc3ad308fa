"""Calls that are always tried: each limit, unusual text, file name and image, one at a time."""

from collections.abc import Iterator, Mapping
from typing import Any

from mockserver.harness.fuzz.case import Case, File
from mockserver.harness.fuzz.client_profile import LONG_DEADLINE, PLAIN, STREAM, ClientProfile

PROMPTS = (
    " x ",
    "a\nb",
    "a\r\nb\rc",
    "日本 🦊 e\u0301",
    "\u202e\ufeff\u2028",
    "\x00\x7f\t",
    '"; name="n',
    "--x--\r\n--",
    "%22 &=+?",
    "null",
    "x" * 32000,
    "🦊" * 8000,
)
NAMES = (
    "a b.png",
    'q"uote.png',
    "日本🦊.png",
    "e\u0301.png",
    "semi;colon=.png",
    "back\\slash.png",
    "line\r\nend.png",
    "%22.png",
    "'.png",
    "x" * 200 + ".png",
)
WEBP: Mapping[str, Any] = {"webp": {"size": "16x16"}}
JPEG: Mapping[str, Any] = {"jpeg": {"size": "16x16"}}
IMAGES: tuple[Mapping[str, Any], ...] = (
    {"png": {"size": "1x1"}},
    {"png": {"size": "3000x1"}},
    {"png": {"size": "16x16", "bytes": 2_000_003}},
)
# One byte less than the API's limit.
LARGEST_IMAGE: Mapping[str, Any] = {"png": {"size": "16x16", "bytes": 52_428_799}}


def generate_calls(profile: ClientProfile) -> Iterator[Case]:
    yield from (PLAIN, STREAM)
    for name, schema in profile.parameters.items():
        for value in generate_values(schema):
            needs_stream = name == "partial_images" and value > 0
            yield Case(options={name: value}, stream=needs_stream, label=name)
    yield Case(options={"output_format": "webp", "output_compression": 7}, label="output_compression")
    for prompt in PROMPTS:
        yield Case(prompt, label="prompt")
    mask = File("mask.png")
    other = {"png": {"size": "17x16", "alpha_hole": True}}
    yield Case(mask=mask, label="mask")
    yield Case(images=(File("z.png"), File("a.png", other)), label="two images")
    yield Case(mask=mask, images=(File("z.png"), File("a.png", other)), label="mask")
    yield Case(images=(File("b.png"), File("a.jpg", JPEG), File("c.webp", WEBP)), label="types")
    yield Case(
        images=tuple(File(f"{16 - n}.png", {"png": {"size": f"{9 + n}x9"}}) for n in range(16)), label="16 images"
    )
    for name in NAMES:
        yield Case(images=(File(name),), mask=File(name), label="file name")
    # A data URL of the largest image exceeds the limit of a JSON body.
    for recipe in (*IMAGES, LARGEST_IMAGE) if profile.sends_forms else IMAGES:
        yield Case(images=(File("a.png", recipe),), label="image size", deadline=LONG_DEADLINE)


def generate_values(schema: Mapping[str, Any]) -> Iterator[Any]:
    """Values of a JSON Schema: every value of an enumeration, the limits of numbers, some texts."""
    if "enum" in schema:
        yield from (value for value in schema["enum"] if value is not None)
    elif "integer" in str(schema.get("type")):
        low = schema.get("minimum", 0)
        yield from dict.fromkeys((low, low + 1, schema.get("maximum", 10 * low + 100)))
    elif "boolean" in str(schema.get("type")):
        yield from (True, False)
    elif "string" in str(schema.get("type")):
        yield from ("", "0", "user 日本 🦊\n")
