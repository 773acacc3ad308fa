import functools
import io

from PIL import Image, ImageDraw


@functools.cache
def png() -> bytes:
    """A sample image to try edits with: a 256x256 RGBA PNG of a house in the evening."""
    image = Image.new("RGBA", (256, 256), "#f4c98b")
    draw = ImageDraw.Draw(image)
    draw.ellipse((168, 40, 216, 88), fill="#f2784b")
    draw.rectangle((0, 176, 255, 255), fill="#5b7a5e")
    draw.polygon([(60, 120), (128, 64), (196, 120)], fill="#7c3f3a")
    draw.rectangle((76, 120, 180, 200), fill="#efe6d8")
    draw.rectangle((116, 152, 142, 200), fill="#54606e")
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
