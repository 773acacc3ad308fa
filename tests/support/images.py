"""Images for the tests, generated with Pillow."""

import functools
import io
from typing import Any

from PIL import Image


@functools.cache
def png(width: int = 64, height: int = 64, mode: str = "RGBA", colour: Any = None) -> bytes:
    return encode_image(Image.new(mode, (width, height), colour if colour is not None else 0), "PNG")


@functools.cache
def mask_png(width: int = 64, height: int = 64) -> bytes:
    """A mask: opaque, with a transparent square in the middle."""
    image = Image.new("RGBA", (width, height), (0, 0, 0, 255))
    image.paste((0, 0, 0, 0), (width // 4, height // 4, width * 3 // 4, height * 3 // 4))
    return encode_image(image, "PNG")


def encode_image(image: Image.Image, format: str, **options: Any) -> bytes:
    """Encode an image in one of Pillow's formats."""
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def decode_image(data: bytes) -> Image.Image:
    """Decode an image and load all its pixels."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image
