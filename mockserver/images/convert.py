import io

from PIL import Image


def convert_image(data: bytes, format: str | None = None, size: str | None = None) -> bytes:
    """Convert an image to `png`, `jpeg` or `webp`, or scale it to WIDTHxHEIGHT, or both.

    By default converts to JPEG, or from JPEG to PNG. Raises OSError for bytes that are not an image.
    """
    with Image.open(io.BytesIO(data)) as image:
        format = format or ((image.format or "") if size else "png" if image.format == "JPEG" else "jpeg")
        width, height = map(int, size.split("x")) if size else image.size
        out = io.BytesIO()
        image.convert("RGB").resize((width, height)).save(out, format.upper())
    return out.getvalue()
