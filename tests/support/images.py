"""Real pictures for the tests, made on the spot."""

import functools
import io
from typing import Any

from PIL import Image


@functools.cache
def png(width: int = 64, height: int = 64, mode: str = "RGBA", colour: Any = None) -> bytes:
    """A PNG of one colour."""
    return saved(Image.new(mode, (width, height), colour if colour is not None else 0), "PNG")


@functools.cache
def masked(width: int = 64, height: int = 64) -> bytes:
    """A mask: opaque, with a transparent square in the middle."""
    picture = Image.new("RGBA", (width, height), (0, 0, 0, 255))
    picture.paste((0, 0, 0, 0), (width // 4, height // 4, width * 3 // 4, height * 3 // 4))
    return saved(picture, "PNG")


def saved(picture: Image.Image, format: str, **options: Any) -> bytes:
    """A picture's bytes in a format of Pillow's."""
    out = io.BytesIO()
    picture.save(out, format, **options)
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    """A picture, decoded to its last pixel."""
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture
