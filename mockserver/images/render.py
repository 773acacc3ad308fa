"""Paint: the pixels and the bytes of every picture that the mock answers with. Owns styles, partial pictures
and encoding; must not know HTTP or the models' rules."""

from colorsys import hls_to_rgb
from hashlib import shake_128
from io import BytesIO

from PIL import Image, ImageStat

from mockserver.images import receipt
from mockserver.images.gif import encode_gif
from mockserver.images.receipt import Canvas, Subject
from mockserver.images.text import Colour

__all__ = ["STYLES", "Canvas", "Subject", "blur", "encode", "render_image"]

SMALLEST = 160  # a receipt on less would be illegible
HUES, TONES = 0.5698, 0.7549  # steps that spread few numbers wide: ten pictures differ in the poorest jpeg
MIDDLE = 127
CLEAR = (0, 0, 0, 0)
TWO_BITS = [value // 64 * 85 for value in range(256)]
FOUR_BITS = [value // 16 * 17 for value in range(256)]
ONE_BIT = [value // 128 * 255 for value in range(256)]


def render_image(style: str, canvas: Canvas, subject: Subject) -> Image.Image:
    """The picture, exactly as large as the canvas; RGBA where that is transparent, else RGB."""
    return STYLES[style](canvas, subject)


def blur(picture: Image.Image, index: int, of: int) -> Image.Image:
    """The index-th (from 0) of `of` partial pictures: blurred and fogged, the later the less."""
    left = (of - index) / of
    factor = max(2.0, max(picture.size) / 16) ** ((of - index) / (of + 1))
    coarse = max(1, round(picture.width / factor)), max(1, round(picture.height / factor))
    soft = picture.resize(coarse, Image.Resampling.BOX).resize(picture.size, Image.Resampling.BILINEAR)
    return Image.blend(soft, _fog(soft), 0.4 * left)


def encode(picture: Image.Image, canvas: Canvas) -> bytes:
    """The bytes in the canvas's format."""
    file, quality = BytesIO(), min(100, max(0, canvas.compression))
    match canvas.format:
        case "png":
            picture.save(file, "PNG", compress_level=1)
        case "webp":
            picture.save(file, "WEBP", quality=quality, method=0)
        case "gif":
            return encode_gif(picture, canvas.frames, canvas.milliseconds)
        case _:
            picture.convert("RGB").save(file, "JPEG", quality=max(1, quality))
    return file.getvalue()


def _receipt(canvas: Canvas, subject: Subject) -> Image.Image:
    if min(canvas.width, canvas.height) < SMALLEST:
        return _flat(canvas, subject)
    picture = _blank(canvas, _colour(subject, 0.88))
    receipt.draw(picture, _colour(subject, 0.31), canvas, subject)
    return picture


def _flat(canvas: Canvas, subject: Subject) -> Image.Image:
    colour = _colour(subject, 0.2 + 0.6 * (subject.number * TONES % 1.0), 0.9)
    picture = _blank(canvas, colour)
    if canvas.transparent:
        side = max(1, min(canvas.width, canvas.height) // 4)
        left, top = (canvas.width - side) // 2, (canvas.height - side) // 2
        picture.paste(colour, (left, top, left + side, top + side))
    return picture


def _noise(canvas: Canvas, subject: Subject) -> Image.Image:
    """So many bits a channel that a megapixel of PNG weighs about 1.5 MB, like a real answer."""
    mode, table = ("RGBA", TWO_BITS * 3 + ONE_BIT) if canvas.transparent else ("RGB", FOUR_BITS * 3)
    root = subject.number.to_bytes(8, "big") + subject.seed
    stream = shake_128(root).digest(canvas.width * canvas.height * len(mode))
    return Image.frombytes(mode, (canvas.width, canvas.height), stream).point(table)


STYLES = {"receipt": _receipt, "flat": _flat, "noise": _noise}


def _blank(canvas: Canvas, colour: Colour) -> Image.Image:
    size = canvas.width, canvas.height
    return Image.new("RGBA", size, CLEAR) if canvas.transparent else Image.new("RGB", size, colour)


def _colour(subject: Subject, lightness: float, saturation: float = 0.55) -> Colour:
    hue = int.from_bytes(shake_128(subject.seed).digest(2), "big") / 65536 + subject.number * HUES
    red, green, blue = hls_to_rgb(hue % 1.0, lightness, saturation)
    return round(red * 255), round(green * 255), round(blue * 255)


def _fog(picture: Image.Image) -> Image.Image:
    """One tone far from the picture's own, so that even a picture of one colour clears up; alpha stays."""
    tone = 0 if ImageStat.Stat(picture.convert("L")).mean[0] > MIDDLE else 255
    fog = Image.new("RGB", picture.size, (tone, tone, tone))
    if picture.mode == "RGBA":
        fog.putalpha(picture.getchannel("A"))
    return fog
