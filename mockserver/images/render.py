"""Renders the images of responses: styles, partial images and encoding."""

from colorsys import hls_to_rgb
from hashlib import shake_128
from io import BytesIO

from PIL import Image, ImageStat

from mockserver.images import receipt
from mockserver.images.gif import encode_gif
from mockserver.images.receipt import Canvas, Subject
from mockserver.images.text import Colour

__all__ = ["STYLES", "Canvas", "Subject", "blur", "encode", "render_image"]

SMALLEST = 160  # a receipt would be illegible on fewer pixels
HUES, TONES = (
    0.5698,
    0.7549,
)  # steps that spread small numbers widely: ten images differ even at the lowest JPEG quality
MIDDLE = 127
CLEAR = (0, 0, 0, 0)
TWO_BITS = [value // 64 * 85 for value in range(256)]
FOUR_BITS = [value // 16 * 17 for value in range(256)]
ONE_BIT = [value // 128 * 255 for value in range(256)]


def render_image(style: str, canvas: Canvas, subject: Subject) -> Image.Image:
    """An image of exactly the canvas's size; RGBA if the canvas is transparent, else RGB."""
    return STYLES[style](canvas, subject)


def blur(image: Image.Image, index: int, of: int) -> Image.Image:
    """Partial image `index` (from 0) of `of`: blurred and faded, later ones less."""
    left = (of - index) / of
    factor = max(2.0, max(image.size) / 16) ** ((of - index) / (of + 1))
    coarse = max(1, round(image.width / factor)), max(1, round(image.height / factor))
    soft = image.resize(coarse, Image.Resampling.BOX).resize(image.size, Image.Resampling.BILINEAR)
    return Image.blend(soft, _fog(soft), 0.4 * left)


def encode(image: Image.Image, canvas: Canvas) -> bytes:
    file, quality = BytesIO(), min(100, max(0, canvas.compression))
    match canvas.format:
        case "png":
            image.save(file, "PNG", compress_level=1)
        case "webp":
            image.save(file, "WEBP", quality=quality, method=0)
        case "gif":
            return encode_gif(image, canvas.frames, canvas.milliseconds)
        case _:
            image.convert("RGB").save(file, "JPEG", quality=max(1, quality))
    return file.getvalue()


def _receipt(canvas: Canvas, subject: Subject) -> Image.Image:
    if min(canvas.width, canvas.height) < SMALLEST:
        return _flat(canvas, subject)
    image = _blank(canvas, _colour(subject, 0.88))
    receipt.draw(image, _colour(subject, 0.31), canvas, subject)
    return image


def _flat(canvas: Canvas, subject: Subject) -> Image.Image:
    colour = _colour(subject, 0.2 + 0.6 * (subject.number * TONES % 1.0), 0.9)
    image = _blank(canvas, colour)
    if canvas.transparent:
        side = max(1, min(canvas.width, canvas.height) // 4)
        left, top = (canvas.width - side) // 2, (canvas.height - side) // 2
        image.paste(colour, (left, top, left + side, top + side))
    return image


def _noise(canvas: Canvas, subject: Subject) -> Image.Image:
    """Noise with few enough bits per channel that a megapixel of PNG has about 1.5 MB, like a real image."""
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


def _fog(image: Image.Image) -> Image.Image:
    """Find a grey far from the image's own tone, so that even partial images of a single color differ; keeps alpha."""
    tone = 0 if ImageStat.Stat(image.convert("L")).mean[0] > MIDDLE else 255
    fog = Image.new("RGB", image.size, (tone, tone, tone))
    if image.mode == "RGBA":
        fog.putalpha(image.getchannel("A"))
    return fog
