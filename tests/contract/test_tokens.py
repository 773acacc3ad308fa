"""The usage of a call: every observed number, and that no text breaks the count."""

import gzip
import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.contract import tokens
from mockserver.contract.asof import as_of
from mockserver.contract.capabilities import table
from mockserver.core import data_files

SQUARE, TALL, WIDE = (1024, 1024), (1024, 1536), (1536, 1024)
ONES = ["gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5", "chatgpt-image-latest"]
PRICED = [name for name, row in table().items() if row.row["usage"]]


def rules(model: str) -> Any:
    return table()[model].row["tokens"]


def usage(model: str, prompt: str = "x", *images: tuple[int, int], day: str = "any", **more: Any) -> dict[str, Any]:
    parameters = {"quality": "medium", "n": 1} | more.pop("parameters", {})
    settings = {"endpoint": "images/edits", "size": SQUARE} | more
    return tokens.compute_usage(
        table()[model], as_of(day), prompt=prompt, images=images, parameters=parameters, **settings
    )


# ---- output images -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ONES)
@pytest.mark.parametrize(
    ("quality", "counts"), [("low", (272, 408, 400)), ("medium", (1056, 1584, 1568)), ("high", (4160, 6240, 6208))]
)
def test_output_table(model: str, quality: str, counts: tuple[int, ...]) -> None:
    found = tuple(tokens.count_output_tokens(rules(model), quality, size, 0) for size in (SQUARE, TALL, WIDE))
    assert found == counts


# success.md section 2: low (both), 2.5 medium, 2 medium and 2.5 high, 2.5 xhigh, 2 high and 2.5 max.
AXIS = [
    ((1024, 1024), (196, 439, 1756, 3122, 7024)),
    ((1536, 1024), (158, 343, 1372, 2459, 5488)),
    ((1024, 1536), (158, 343, 1372, 2459, 5488)),
    ((1536, 864), (120, 280, 1078, 1917, 4312)),
    ((2048, 2048), (397, 892, 3568, 6343, 14272)),
    ((2560, 1440), (205, 478, 1843, 3276, 7370)),
    ((3840, 2160), (371, 865, 3336, 5930, 13342)),
]


@pytest.mark.parametrize(("size", "counts"), AXIS)
def test_output_axis(size: tuple[int, int], counts: tuple[int, ...]) -> None:
    two = [tokens.count_output_tokens(rules("gpt-image-2"), quality, size, 0) for quality in ("low", "medium", "high")]
    assert two == [counts[0], counts[2], counts[4]]
    for model in ("gpt-image-2.5-sunburst", "gpt-image-2.5-flare"):
        qualities = ("low", "medium", "high", "xhigh", "max")
        assert tuple(tokens.count_output_tokens(rules(model), quality, size, 0) for quality in qualities) == counts


@pytest.mark.parametrize(
    ("model", "quality", "partials", "count"),
    [
        ("gpt-image-1", "medium", 2, 1256),
        ("gpt-image-1", "high", 2, 4360),
        ("gpt-image-1", "high", 3, 4460),
        ("gpt-image-2", "low", 0, 196),
        ("gpt-image-2", "low", 1, 273),
        ("gpt-image-2.5-sunburst", "low", 2, 196 + 153),
    ],
)
def test_partials(model: str, quality: str, partials: int, count: int) -> None:
    assert tokens.count_output_tokens(rules(model), quality, SQUARE, partials) == count
    block = usage(model, partials=partials, parameters={"quality": quality}, day="2026-03-01")
    assert block["output_tokens"] == count


# ---- input images ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "tiles", "count"),
    [
        ((128, 128), 1, 194),
        ((800, 800), 1, 194),
        ((1, 1), 1, 194),
        ((1024, 1024), 1, 194),
        ((1024, 1025), 1, 194),
        ((1024, 1536), 1, 194),
        ((1024, 2047), 1, 194),
        ((1024, 2048), 2, 323),
        ((2048, 1024), 2, 323),
        ((512, 4096), 4, 581),
        ((1, 10_000), 4, 581),
    ],
)
def test_tiles(size: tuple[int, int], tiles: int, count: int) -> None:
    assert tokens.count_input_units(size, rules("gpt-image-1")["input"]) == tiles
    assert usage("gpt-image-1", "x", size)["input_tokens_details"]["image_tokens"] == count


@pytest.mark.parametrize(
    ("size", "count"),
    [
        ((128, 128), 64),
        ((256, 256), 256),
        ((341, 512), 704),
        ((1280, 720), 920),
        ((1024, 1024), 1024),
        ((1536, 1024), 1536),
        ((1024, 1536), 1536),
        ((2048, 2048), 1521),
        ((3840, 2160), 1508),
        ((1179, 2556), 1482),
    ],
)
def test_patches(size: tuple[int, int], count: int) -> None:
    for model in ("gpt-image-2", "gpt-image-2.5-flare"):
        assert tokens.count_input_units(size, rules(model)["input"]) == count
    assert usage("gpt-image-2", "x", size)["input_tokens_details"]["image_tokens"] == count


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.integers(1, 60_000), st.integers(1, 60_000), st.sampled_from(["gpt-image-1", "gpt-image-2"]))
def test_any_image(width: int, height: int, model: str) -> None:
    """Within the budget, at least one, and the same for the rotated image."""
    rule = rules(model)["input"]
    units = tokens.count_input_units((width, height), rule)
    assert 1 <= units <= rule.get("budget", 16)
    assert units == tokens.count_input_units((height, width), rule)


def test_fidelity() -> None:
    """The documented surcharge; no block with it was ever observed."""
    plain = usage("gpt-image-1", "x", (64, 64), (64, 32))
    high = usage("gpt-image-1", "x", (64, 64), (64, 32), parameters={"input_fidelity": "high"})
    low = usage("gpt-image-1", "x", (64, 64), (64, 32), parameters={"input_fidelity": "low"})
    assert high["input_tokens"] - plain["input_tokens"] == 4160 + 6240
    assert low == plain


# ---- texts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("a siamese cat", 4),
        ("a red circle", 3),
        ("turn the logo to green", 5),
        ("日本語", 2),
        ("<|endoftext|>", 7),
        ("\x00", 1),
        ("e\u0301", 2),
        # Each of these is split by another alternative of the pattern.
        ("iPhone's CamelCase I'LL we've HTTPServer it'll", 11),
        ("12345 in 2026, 3.14159", 12),
        ("wait...  what?!\r\n\r\n/* c */ //\n", 11),
        ("a   b \n\n  c   ", 7),
        ("Żółć naïve ÉCOLE's ΔΕΛΤΑ", 14),
        ("नमस्ते दुनिया", 5),
        ("שָׁלוֹם", 7),
        ("👩\u200d👩\u200d👧\u200d👦 🏳️\u200d🌈", 18),
        ("\t\tif x:\n\t\t\treturn\n", 7),
    ],
)
def test_text(text: str, count: int) -> None:
    assert tokens.count_text_tokens(text) == count


@pytest.mark.parametrize("text", ["a", " ", "🦊", "\u0301", "ab", "0", "日", "\n", "!?"])
def test_long_text(text: str) -> None:
    """The time to count 32,000 equal characters does not grow quadratically."""
    assert 1 <= tokens.count_text_tokens(text * 32_000) <= 96_000


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.text(st.characters(categories=None) | st.sampled_from("\ud800\udfff\ud83d\ude00 a"), max_size=60))
def test_any_text(text: str) -> None:
    """Including lone surrogates, which JSON allows."""
    assert 0 <= tokens.count_text_tokens(text) <= 4 * len(text)


def test_table() -> None:
    """The packaged table is OpenAI's own file: with ranks added, its digest is the published one."""
    about = data_files.contract("tokens/o200k_base.yaml")
    packed = data_files.folder("contracts").joinpath("tokens", "o200k_base.gz").read_bytes()
    lines = gzip.decompress(packed).splitlines()
    table = b"".join(b"%s %d\n" % (line, rank) for rank, line in enumerate(lines))
    assert (len(lines), hashlib.sha256(table).hexdigest()) == (about["tokens"], about["sha256"])


def test_surrogates() -> None:
    """A surrogate pair counts as its character; a lone surrogate as the replacement character."""
    assert tokens.count_text_tokens("\ud83d\ude00") == tokens.count_text_tokens("\U0001f600")
    assert tokens.count_text_tokens("\ud800") == tokens.count_text_tokens("\ufffd")


# ---- complete blocks, as recorded --------------------------------------------------------------------------------

LOGO, ONE = "turn the logo to green", (128, 128)
# Model, date, prompt, images, parameters, then input (image, text), output (image, text).
RECORDED: list[tuple[str, str, str, list[tuple[int, int]], dict[str, Any], tuple[int, int], tuple[int, int]]] = [
    ("gpt-image-1", "2025-09-11", LOGO, [ONE], {}, (194, 27), (1056, 0)),
    ("gpt-image-1", "2026-06-08", LOGO, [ONE], {"quality": "low"}, (194, 27), (272, 0)),
    ("gpt-image-1", "2026-06-08", LOGO, [ONE, ONE], {}, (388, 43), (1056, 0)),
    ("gpt-image-1", "2025-12-23", "make the background blue", [ONE], {}, (194, 26), (1056, 0)),
    (
        "gpt-image-1",
        "2025-04-25",
        "Transform this into Studio Ghibli style",
        [ONE, ONE],
        {"quality": "high"},
        (388, 46),
        (4160, 0),
    ),
    (
        "gpt-image-1",
        "2025-11-07",
        "Add a vaporwave sunset to the background",
        [(800, 800)],
        {"quality": "high"},
        (194, 30),
        (4160, 0),
    ),
    ("gpt-image-1.5", "2026-08-10", LOGO, [ONE, ONE], {}, (388, 43), (1056, 272)),
    ("gpt-image-1.5", "2026-08-12", LOGO, [ONE], {"quality": "low"}, (194, 27), (272, 143)),
    ("gpt-image-2", "2026-08-10", LOGO, [ONE], {"quality": "low"}, (64, 12), (120, 0)),
]


@pytest.mark.parametrize(("model", "day", "prompt", "images", "parameters", "asked", "got"), RECORDED)
def test_recorded(
    model: str,
    day: str,
    prompt: str,
    images: list[tuple[int, int]],
    parameters: dict[str, Any],
    asked: tuple[int, int],
    got: tuple[int, int],
) -> None:
    size = (1536, 864) if model == "gpt-image-2" else SQUARE
    block = usage(model, prompt, *images, day=day, parameters=parameters, size=size)
    details = block.pop("output_tokens_details", None)
    assert block == {
        "input_tokens": sum(asked),
        "input_tokens_details": {"image_tokens": asked[0], "text_tokens": asked[1]},
        "output_tokens": sum(got),
        "total_tokens": sum(asked) + sum(got),
    }
    expected = {"image_tokens": got[0], "text_tokens": got[1]}
    assert details == (None if model == "gpt-image-1" and day < "2026-05-06" else expected)


@pytest.mark.parametrize(
    ("model", "prompt", "quality", "asked", "got"),
    [
        ("gpt-image-1", "a siamese cat", "medium", 10, 1056),
        ("gpt-image-1", "a siamese cat", "high", 10, 4160),
        ("gpt-image-2", "a red circle", "low", 9, 196),
    ],
)
def test_recorded_generations(model: str, prompt: str, quality: str, asked: int, got: int) -> None:
    block = usage(model, prompt, endpoint="images/generations", parameters={"quality": quality})
    assert (block["input_tokens"], block["output_tokens"]) == (asked, got)
    assert block["input_tokens_details"] == {"image_tokens": 0, "text_tokens": asked}


def test_recorded_n() -> None:
    """Everything is multiplied: ruby_llm, 2026-09-09, except the text that the model chose (669 then)."""
    one, two = (
        usage("gpt-image-1.5", "a siamese cat", endpoint="images/generations", size=TALL, parameters={"n": n})
        for n in (1, 2)
    )
    assert (two["input_tokens"], two["output_tokens_details"]["image_tokens"]) == (20, 3168)
    for key in ("input_tokens", "output_tokens", "total_tokens"):
        assert two[key] == 2 * one[key]
    for key in ("input_tokens_details", "output_tokens_details"):
        assert two[key] == {name: 2 * count for name, count in one[key].items()}


@pytest.mark.parametrize(
    ("model", "day", "details"),
    [
        ("gpt-image-1", "2026-05-05", False),
        ("gpt-image-1", "2026-05-06", True),
        ("gpt-image-1-mini", "2026-05-05", False),
        ("gpt-image-1.5", "2025-12-16", True),
        ("gpt-image-2", "2026-04-21", True),
        ("gpt-image-1", "any", True),
    ],
)
def test_output_details(model: str, day: str, details: bool) -> None:
    block = usage(model, day=day)
    expected = ["input_tokens", "input_tokens_details", "output_tokens", "output_tokens_details", "total_tokens"]
    assert list(block) == [key for key in expected if details or key != "output_tokens_details"]


@pytest.mark.parametrize("model", PRICED)
@pytest.mark.parametrize("n", [1, 10])
def test_sums(model: str, n: int) -> None:
    """For every model and quality, the parts add up to the totals, and the keys are in alphabetical order."""
    for quality in table()[model].parameter_schema("quality")["enum"]:
        if quality != "auto":
            block = usage(model, "x", ONE, (2000, 300), size=TALL, parameters={"quality": quality, "n": n})
            for side in ("input", "output"):
                assert sum(block[f"{side}_tokens_details"].values()) == block[f"{side}_tokens"]
                assert list(block[f"{side}_tokens_details"]) == ["image_tokens", "text_tokens"]
            assert block["total_tokens"] == block["input_tokens"] + block["output_tokens"]
            assert list(block) == sorted(block)


# ---- prices ------------------------------------------------------------------------------------------------------

BLOCK = {
    "input_tokens_details": {"image_tokens": 2_000_000, "text_tokens": 1_000_000},
    "output_tokens": 4_000_000,
    "output_tokens_details": {"image_tokens": 3_000_000, "text_tokens": 1_000_000},
}


@pytest.mark.parametrize(
    ("model", "dollars"),
    [
        ("gpt-image-1", 5 + 20 + 120),
        ("gpt-image-1-mini", 2 + 5 + 24),
        ("gpt-image-1.5", 5 + 16 + 96 + 10),
        ("gpt-image-2", 5 + 16 + 90),
        ("gpt-image-2.5-flare-2026-09-08", 5 + 16 + 90),
        ("dall-e-2", None),
        ("dall-e-3", None),
    ],
)
def test_price(model: str, dollars: float | None) -> None:
    assert tokens.compute_price(table()[model], BLOCK) == dollars


def test_price_of_a_recording() -> None:
    """With and without the details of the output, which earlier dates lack."""
    block = usage("gpt-image-1", LOGO, ONE, day="2025-09-11")
    assert "output_tokens_details" not in block
    assert (
        tokens.compute_price(table()["gpt-image-1"], block)
        == round((27 * 5 + 194 * 10 + 1056 * 40) / 1e6, 6)
        == 0.044315
    )
    assert tokens.compute_price(table()["gpt-image-1"], usage("gpt-image-1", LOGO, ONE)) == 0.044315


def test_tables_are_loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if the first texts are counted concurrently."""
    loaded: list[int] = []
    unpack = tokens.gzip.decompress

    def decompress(packed: bytes) -> bytes:
        loaded.append(len(packed))
        return unpack(packed)

    monkeypatch.setattr(tokens.gzip, "decompress", decompress)
    tokens._encoding.cache_clear()
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(tokens.count_text_tokens, ["a house"] * 4)) == [2] * 4
    assert len(loaded) == 1
