"""Writes a picture once more, in another format or size. Knows nothing of who asked for which."""

import io

from PIL import Image


def convert_image(data: bytes, format: str | None = None, size: str | None = None) -> bytes:
    """The picture as `png`, `jpeg` or `webp`, scaled to WIDTHxHEIGHT. With neither it is JPEG, or PNG if it was JPEG.

    Raises OSError for bytes that hold no picture.
    """
    with Image.open(io.BytesIO(data)) as picture:
        format = format or ((picture.format or "") if size else "png" if picture.format == "JPEG" else "jpeg")
        width, height = map(int, size.split("x")) if size else picture.size
        out = io.BytesIO()
        picture.convert("RGB").resize((width, height)).save(out, format.upper())
    return out.getvalue()
