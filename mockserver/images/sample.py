"""A small picture to try things with. Knows nothing of the server that hands it out."""

import functools
import io

from PIL import Image, ImageDraw


@functools.cache
def png() -> bytes:
    """A 256x256 RGBA PNG: a house in the evening."""
    picture = Image.new("RGBA", (256, 256), "#f4c98b")
    draw = ImageDraw.Draw(picture)
    draw.ellipse((168, 40, 216, 88), fill="#f2784b")
    draw.rectangle((0, 176, 255, 255), fill="#5b7a5e")
    draw.polygon([(60, 120), (128, 64), (196, 120)], fill="#7c3f3a")
    draw.rectangle((76, 120, 180, 200), fill="#efe6d8")
    draw.rectangle((116, 152, 142, 200), fill="#54606e")
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()
