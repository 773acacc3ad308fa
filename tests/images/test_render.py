"""Rendered images: the right size and format, deterministic, and showing what was understood."""

from dataclasses import replace
from io import BytesIO

import pytest
from PIL import ExifTags, Image, ImageChops, ImageStat

from mockserver.images.render import STYLES, Canvas, Subject, blur, encode, render_image

RED, BLUE = (255, 0, 0), (0, 0, 255)
SQUARE = Canvas(1024, 1024, "png")
WIDE = Canvas(1536, 1024, "png")
DETAILS = (("quality", "high"), ("input_fidelity", "low"))
PLAIN = Subject("A cat", "gpt-image-1", DETAILS, (), None, 1, 1, b"seed")
SIZES = [
    *((256, 256), (512, 512), (1024, 1024), (1536, 1024), (1024, 1536), (1792, 1024), (1024, 1792)),
    *((1440, 480), (480, 1440), (2304, 768), (768, 2304), (3840, 2160), (2160, 3840)),
]


def upload(image: Image.Image, form: str = "PNG", orientation: int = 1) -> bytes:
    file, exif = BytesIO(), Image.Exif()
    if orientation > 1:
        exif[ExifTags.Base.Orientation] = orientation
    image.save(file, form, exif=exif)
    return file.getvalue()


def block(colour: tuple[int, ...] | str | int, size: tuple[int, int] = (64, 64), mode: str = "RGB") -> bytes:
    return upload(Image.new(mode, size, colour))


def halves(size: tuple[int, int]) -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", size, BLUE)
    image.paste(RED, (0, 0, size[0] // 2, size[1]))
    return image


def opened(size: tuple[int, int], area: tuple[int, int, int, int]) -> bytes:
    """A mask that is transparent in the area."""
    image = Image.new("RGBA", size, (0, 0, 0, 255))
    image.paste((0, 0, 0, 0), area)
    return upload(image)


def changed(one: Image.Image, other: Image.Image, at_least: int = 1) -> tuple[int, int, int, int] | None:
    """The box around all pixels that differ."""
    red, green, blue = ImageChops.difference(one.convert("RGB"), other.convert("RGB")).split()
    most = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    return most.point([255 * (value >= at_least) for value in range(256)]).getbbox()


def where(picture: Image.Image, colour: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """The box around all pixels of nearly this colour."""
    red, green, blue = ImageChops.difference(picture, Image.new("RGB", picture.size, colour)).split()
    most = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    box = most.point([255 * (value < 40) for value in range(256)]).getbbox()
    assert box is not None
    return box


def distance(one: Image.Image, other: Image.Image) -> float:
    return sum(ImageStat.Stat(ImageChops.difference(one, other)).mean)


def colours(picture: Image.Image) -> dict[object, int]:
    return {colour: count for count, colour in picture.getcolors(picture.width * picture.height) or []}


def prompt_of(picture: Image.Image) -> bytes:
    """The part of a square receipt without images where the prompt is, and no detail of it."""
    return picture.crop((0, 0, picture.width, picture.height * 6 // 10)).tobytes()


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("form", ["png", "jpeg", "webp"])
@pytest.mark.parametrize("transparent", [False, True])
@pytest.mark.parametrize("size", [(256, 256), (1024, 1536), (1440, 480), (16, 300), (9, 7)])
def test_size_format_and_mode_are_those_of_the_canvas(style, form, transparent, size):
    canvas = Canvas(*size, form, transparent=transparent)
    picture = render_image(style, canvas, PLAIN)
    assert (picture.size, picture.mode) == (size, "RGBA" if transparent else "RGB")
    with Image.open(BytesIO(encode(picture, canvas))) as sent:
        sent.load()
        assert (sent.size, sent.format) == (size, form.upper())
        if form != "jpeg":
            assert sent.mode == picture.mode


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("transparent", [False, True])
def test_single_pixel(style, transparent):
    canvas = Canvas(1, 1, "png", transparent=transparent)
    picture = render_image(style, canvas, PLAIN)
    assert picture.size == blur(picture, 0, 1).size == (1, 1)
    assert encode(picture, canvas)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("form", ["png", "webp"])
def test_transparent_image_has_clear_and_opaque_pixels(style, form):
    canvas = Canvas(512, 512, form, transparent=True)
    with Image.open(BytesIO(encode(render_image(style, canvas, PLAIN), canvas))) as sent:
        assert sent.getchannel("A").getextrema() == (0, 255)


def test_the_corner_of_a_transparent_receipt_is_clear_and_its_card_is_opaque():
    picture = render_image("receipt", replace(SQUARE, transparent=True), PLAIN)
    alpha = picture.getchannel("A")
    assert alpha.crop((0, 0, 1024, 10)).getextrema() == (0, 0)
    assert alpha.crop((40, 40, 980, 980)).getextrema() == (255, 255)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("form", ["png", "jpeg", "webp"])
def test_the_same_arguments_give_the_same_bytes(style, form):
    canvas = Canvas(512, 256, form)
    images, mask = (upload(halves((64, 32))),), opened((64, 32), (0, 0, 8, 8))
    subjects = [replace(PLAIN, images=images, mask=mask) for _ in range(2)]
    first, second = (encode(render_image(style, canvas, subject), canvas) for subject in subjects)
    assert first == second


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("form", ["png", "jpeg", "webp"])
@pytest.mark.parametrize("compression", [0, 100])
def test_ten_images_differ(style, form, compression):
    canvas = Canvas(256, 256, form, compression)
    for seed in (b"", b"a", b"b", b"c"):
        subjects = [replace(PLAIN, number=number, of=10, seed=seed) for number in range(1, 11)]
        assert len({encode(render_image(style, canvas, subject), canvas) for subject in subjects}) == 10


@pytest.mark.parametrize("style", STYLES)
def test_the_seed_decides_the_colours(style):
    assert render_image(style, SQUARE, PLAIN) != render_image(style, SQUARE, replace(PLAIN, seed=b"another"))


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "A dog"},
        {"prompt": ""},
        {"model": "gpt-image-1-mini"},
        {"model": "a-name-too-long-for-the-line-" * 5},
        {"details": (("quality", "low"), ("input_fidelity", "low"))},
        {"details": ()},
        {"images": (block("red"),)},
        {"mask": block((0, 0, 0, 0), mode="RGBA")},
        {"number": 2},
        {"of": 2},
    ],
)
@pytest.mark.parametrize("size", [(256, 256), (1024, 1024)])
def test_a_receipt_shows_everything_that_was_understood(change, size):
    canvas = Canvas(*size, "png")
    assert changed(render_image("receipt", canvas, PLAIN), render_image("receipt", canvas, replace(PLAIN, **change)))


def test_a_receipt_names_its_format():
    assert changed(
        render_image("receipt", SQUARE, PLAIN), render_image("receipt", replace(SQUARE, format="webp"), PLAIN)
    )


def test_a_name_too_long_for_its_line_is_cut_but_shown():
    one, other = (render_image("receipt", SQUARE, replace(PLAIN, model=start + "x" * 500)) for start in "ab")
    assert changed(one, other)
    assert len(colours(one.crop((1017, 0, 1024, 1024)))) == 1  # nothing runs over the margin


def test_prompts_that_differ_beyond_what_can_be_shown_give_different_receipts():
    one, other = (render_image("receipt", SQUARE, replace(PLAIN, prompt="word " * 6400 + end)) for end in "ab")
    assert changed(one, other)
    assert prompt_of(one) == prompt_of(other)


def test_images_are_shown_in_order():
    red, blue = block(RED), block(BLUE)
    there = render_image("receipt", SQUARE, replace(PLAIN, images=(red, blue)))
    back = render_image("receipt", SQUARE, replace(PLAIN, images=(blue, red)))
    assert where(there, RED)[2] <= where(there, BLUE)[0]
    assert where(back, BLUE)[2] <= where(back, RED)[0]


@pytest.mark.parametrize(
    ("form", "orientation", "first_side"),
    [("PNG", 1, "left"), ("JPEG", 1, "left"), ("JPEG", 3, "right"), ("JPEG", 6, "top"), ("PNG", 8, "bottom")],
)
def test_images_are_shown_upright(form, orientation, first_side):
    image = upload(halves((400, 200)), form, orientation)
    picture = render_image("receipt", SQUARE, replace(PLAIN, images=(image,)))
    red, blue = where(picture, RED), where(picture, BLUE)
    ahead = {
        "left": red[2] <= blue[0] + 4,
        "right": blue[2] <= red[0] + 4,
        "top": red[3] <= blue[1] + 4,
        "bottom": blue[3] <= red[1] + 4,
    }
    assert [side for side, holds in ahead.items() if holds] == [first_side]
    wide, tall = max(red[2], blue[2]) - min(red[0], blue[0]), max(red[3], blue[3]) - min(red[1], blue[1])
    assert wide / tall == pytest.approx(2.0 if orientation < 5 else 0.5, rel=0.03)


@pytest.mark.parametrize(
    ("mode", "colour", "shown"),
    [("I;16", 0x8000, 128), ("L", 128, 128), ("1", 1, 255), ("RGBA", (128, 128, 128, 255), 128)],
)
def test_images_of_every_mode_keep_their_tone(mode, colour, shown):
    picture = render_image("receipt", WIDE, replace(PLAIN, images=(block(colour, mode=mode),)))
    assert colours(picture.crop((300, 400, 600, 700))) == {(shown, shown, shown): 90000}


def test_transparency_of_an_image_shows_as_checkerboard():
    clear = block((255, 0, 0, 0), mode="RGBA")
    picture = render_image("receipt", WIDE, replace(PLAIN, images=(clear,)))
    assert len(colours(picture.crop((300, 400, 600, 700)))) == 2
    assert RED not in colours(picture)


@pytest.mark.parametrize("size", [(256, 256), (1536, 1024), (3840, 2160)])
def test_the_masks_open_area_is_marked_on_the_first_image_and_nowhere_else(size):
    canvas, images = Canvas(*size, "png"), (block(RED, (90, 90)), block(BLUE, (90, 90)))
    closed, left = opened((90, 90), (0, 0, 0, 0)), opened((90, 90), (0, 0, 45, 90))
    without = render_image("receipt", canvas, replace(PLAIN, images=images, mask=closed))
    marked = render_image("receipt", canvas, replace(PLAIN, images=images, mask=left))
    box = where(without, RED)
    half = (box[0], box[1], (box[0] + box[2]) // 2, box[3])
    shown = changed(without.crop(box), marked.crop(box), 8)
    assert shown is not None
    assert shown == pytest.approx((0, 0, half[2] - half[0], half[3] - half[1]), abs=2)
    assert len(colours(marked.crop(half))) > 2  # hatched, not only tinted
    blue = where(without, BLUE)
    assert changed(without.crop(blue), marked.crop(blue)) is None


def test_a_mask_that_is_half_transparent_opens_nothing():
    half = block((0, 0, 0, 128), mode="RGBA")
    subject = replace(PLAIN, images=(block(RED),))
    pictures = [render_image("receipt", WIDE, replace(subject, mask=mask)) for mask in (half, block("black"))]
    assert changed(*pictures) is None


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("shape", [(48, 48), (90, 30), (30, 90)])
def test_sixteen_images_are_all_visible_in_every_size(size, shape):
    wanted = [(0, 255, 15 * step) for step in range(16)]
    images = tuple(block(colour, shape) for colour in wanted)
    subject = replace(PLAIN, prompt="Put them together. " * 40, images=images, details=DETAILS * 4, number=2, of=3)
    picture = render_image("receipt", Canvas(*size, "png"), subject)
    found = colours(picture)
    areas = [found.get(colour, 0) for colour in wanted]
    assert min(areas) == max(areas) >= size[0] * size[1] // 900
    edge = picture.crop((0, 0, size[0], 7))
    assert len(colours(edge)) == 1  # the margin stays free


def test_images_of_extreme_shapes_are_shown():
    images = tuple(block(colour, size) for colour, size in ((RED, (1, 3000)), (BLUE, (3000, 1)), ("lime", (1, 1))))
    found = colours(render_image("receipt", SQUARE, replace(PLAIN, images=images)))
    assert found[RED] > 100
    assert found[BLUE] > 100
    assert found[(0, 255, 0)] > 100


HOSTILE = {
    "long": "The quick brown fox. " * 1600,
    "one word": "x" * 32000,
    "narrow": "i" * 32000,
    "breaks": "\n" * 31999 + "x",
    "line ends": "one\r\ntwo\n\n\nthree\rfour",
    "control": "".join(map(chr, range(32))) + "\x7f\x80\x9f",
    "emoji": "\U0001f600\U0001f469\u200d\U0001f680\ufe0f",
    "cjk": "\u6f22\u5b57" * 16000,
    "surrogates": "\ud800 \udfff",
    "marks": "e" + "\u0301" * 31999,
    "mark first": "\u0301",
    "invisible": "\u200b\u2060\ufeff",
    "right to left": "\u202e\u0645\u0631\u062d\u0628\u0627",
    "blanks before a word": " " * 300 + "x",
}


@pytest.mark.parametrize("prompt", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("size", [(256, 256), (1024, 1024), (3840, 2160)])
def test_a_hostile_prompt_is_shown_within_the_card(prompt, size):
    canvas = Canvas(*size, "png")
    picture = render_image("receipt", canvas, replace(PLAIN, prompt=prompt))
    assert prompt_of(picture) != prompt_of(render_image("receipt", canvas, replace(PLAIN, prompt="")))
    right = picture.crop((size[0] - 7, 0, *size))
    assert len(colours(right)) == 1


@pytest.mark.parametrize("letter", ["\u6f22", "\U0001f600", "\0", "\v", "\r", "\ud800", "\u200b", "\u0301", "\u20ac"])
def test_a_character_that_the_font_lacks_is_shown_by_its_code(letter):
    prompts = [letter, chr(ord(letter) + 1), "x"]
    shown = [prompt_of(render_image("receipt", SQUARE, replace(PLAIN, prompt=prompt))) for prompt in prompts]
    assert len(set(shown)) == 3


@pytest.mark.parametrize(
    ("prompt", "alike"),
    [
        ("caf\xe9 \u2014 na\xefve", "cafe - naive"),
        ("\u0141\xf3d\u017a, Stra\xdfe", "Lodz, Strasse"),
        ("1\xa02\t3", "1 2 3"),
        ("e\u0301", "\xe9"),
        ("one\r\ntwo", "one\ntwo"),
        (" \n\t", ""),
    ],
)
def test_a_character_that_the_font_lacks_is_shown_by_one_that_looks_alike(prompt, alike):
    one, other = (render_image("receipt", SQUARE, replace(PLAIN, prompt=text)) for text in (prompt, alike))
    assert prompt_of(one) == prompt_of(other)


def test_a_word_is_broken_only_if_it_is_wider_than_the_line():
    one, other = (
        render_image("receipt", SQUARE, replace(PLAIN, prompt="incomprehensibilities" + end)) for end in ("", " of it")
    )
    below = 300  # the second line of the largest letters that hold the word
    assert len(colours(one.crop((60, below, 960, 600)))) == 1
    assert len(colours(other.crop((60, 100, 960, below)))) > 1


def test_details_that_do_not_fit_are_counted():
    many = tuple((f"parameter_{place}", "value " * place) for place in range(60))
    shown = [render_image("receipt", SQUARE, replace(PLAIN, details=many[:count])) for count in (59, 60)]
    assert changed(*shown)


def test_megapixel_of_noise_is_as_large_as_a_real_image():
    for transparent in (False, True):
        canvas = replace(SQUARE, transparent=transparent)
        assert 1_000_000 <= len(encode(render_image("noise", canvas, PLAIN), canvas)) <= 2_000_000


@pytest.mark.parametrize("form", ["jpeg", "webp"])
def test_compression_is_the_quality(form):
    picture = render_image("noise", Canvas(256, 256, form), PLAIN)
    weights = [len(encode(picture, Canvas(256, 256, form, quality))) for quality in (0, 30, 60, 100)]
    assert weights == sorted(set(weights))


def test_png_ignores_compression():
    picture = render_image("receipt", SQUARE, PLAIN)
    assert encode(picture, SQUARE) == encode(picture, replace(SQUARE, compression=0))


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("transparent", [False, True])
@pytest.mark.parametrize("size", [(256, 256), (1024, 640), (8, 8)])
@pytest.mark.parametrize("of", [1, 2, 3])
def test_partial_images_get_closer_to_the_final_one(style, transparent, size, of):
    for seed in (b"a", b"b", b"c"):
        final = render_image(style, Canvas(*size, "png", transparent=transparent), replace(PLAIN, seed=seed))
        partials = [blur(final, index, of) for index in range(of)]
        assert {(partial.size, partial.mode) for partial in partials} == {(final.size, final.mode)}
        distances = [distance(partial, final) for partial in partials]
        assert distances == sorted(set(distances), reverse=True)
        assert distances[-1] > 0


def test_what_is_clear_in_a_receipt_is_clear_in_its_partials():
    final = render_image("receipt", replace(SQUARE, transparent=True), PLAIN)
    for index in range(3):
        corner = blur(final, index, 3).getchannel("A").crop((0, 0, 4, 4))
        assert corner.getextrema()[1] < 8  # a blurred card reaches a little into its margin


@pytest.mark.parametrize("tone", ["black", "gray", "white"])
def test_partial_images_of_a_single_colour_differ(tone):
    final = Image.new("RGB", (64, 64), tone)
    distances = [distance(blur(final, index, 3), final) for index in range(3)]
    assert distances == sorted(set(distances), reverse=True)
    assert distances[-1] > 0
