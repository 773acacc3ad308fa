"""Inspects uploaded images: the actual type, size and mode. Results are cached by the file's digest."""

import io
import re
from collections.abc import Iterable
from dataclasses import dataclass

from PIL import Image

from mockserver.core.cache import Cache
from mockserver.core.request import Part

REMEMBERED = 4_096
# An image with more pixels is not decoded. The value is our choice: the API's own limit is not published.
PIXELS = 89_478_485
TRANSPARENT = ("RGBA", "LA", "PA", "La", "RGBa")
# The EXIF tag; from 5 on, width and height are swapped.
ORIENTATION = 0x0112
# Types that Pillow can open but that are not decoded here.
OPENABLE = ("image/gif", "image/bmp", "image/tiff", "image/avif")
# The last bytes of a complete file.
ENDS = {"PNG": b"IEND\xaeB`\x82", "JPEG": b"\xff\xd9"}
SIGNATURES = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"BM"), "image/bmp"),
    (re.compile(rb"II\*\x00|MM\x00\*"), "image/tiff"),
    (re.compile(rb"....ftyp(?:heic|heix|mif1|msf1|hevc)", re.DOTALL), "image/heic"),
    (re.compile(rb"....ftypavi[fs]", re.DOTALL), "image/avif"),
    (re.compile(rb"%PDF-"), "application/pdf"),
    (re.compile(rb"\s*<(?:\?xml|svg|!--)", re.IGNORECASE), "image/svg+xml"),
    (re.compile(rb"data:[\w/+.-]*;base64,"), "a data URL"),
    (re.compile(rb"(?:[A-Za-z0-9+/_-]{4}){8}[A-Za-z0-9+/_=\s-]*\Z"), "base64 text"),
)


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What a file contains. `real_type` is determined by its bytes, never by the declared type.

    If the file cannot be decoded, `reason` says why, and `width`, `height` and `mode` are None. `format` is Pillow's
    name for it, `transparent` means that it has an alpha channel, and `upright` is its width and height with the EXIF
    orientation applied. `traits` are `animated` and `extended_webp`, if they apply. `opens` means that Pillow can open
    the file, even if it is not decoded here.
    """

    real_type: str
    format: str | None = None
    width: int | None = None
    height: int | None = None
    mode: str | None = None
    transparent: bool = False
    upright: tuple[int, int] | None = None
    traits: frozenset[str] = frozenset()
    reason: str = ""
    opens: bool = True

    @property
    def size(self) -> tuple[int, int]:
        assert self.width is not None
        assert self.height is not None
        return self.width, self.height


FACTS = Cache[ImageInfo](REMEMBERED, lambda _: 1)


def inspect_image(part: Part) -> ImageInfo:
    return FACTS.get_or_build(part.digest, lambda: inspect_bytes(part.data))


def find_inspected(part: Part) -> ImageInfo | None:
    return FACTS.find(part.digest)


def detect_type(data: bytes) -> str:
    if not data:
        return "an empty file"
    head = data[:4096]
    return next((kind for signature, kind in SIGNATURES if signature.match(head)), "application/octet-stream")


def has_transparency(part: Part) -> bool:
    """True if any pixel of a decodable image is not fully opaque."""
    with Image.open(io.BytesIO(part.data)) as image:
        lowest = image.convert("RGBA").getchannel("A").getextrema()[0]
        return lowest != 255


def inspect_bytes(data: bytes, formats: Iterable[str] = ("PNG", "JPEG", "WEBP")) -> ImageInfo:
    """Decode a file. Never raises: `reason` says why a file cannot be decoded."""
    kind = detect_type(data)
    try:
        with Image.open(io.BytesIO(data), formats=tuple(formats)) as image:
            width, height = image.size
            if width * height > PIXELS:
                return ImageInfo(kind, reason=f"it has {width}x{height} pixels, more than this server decodes")
            image.load()
            if data.rfind(ENDS.get(str(image.format), b"")) < 0:
                return ImageInfo(kind, reason="it is broken: its last bytes are missing")
            transparent = image.mode in TRANSPARENT or "transparency" in image.info
            is_sideways = image.getexif().get(ORIENTATION, 1) >= 5
            upright = (height, width) if is_sideways else (width, height)
            traits = {"animated": getattr(image, "n_frames", 1) > 1, "extended_webp": data[12:16] == b"VP8X"}
            present = frozenset(name for name, applies in traits.items() if applies)
            return ImageInfo(kind, image.format, width, height, image.mode, transparent, upright, present)
    except Exception as error:  # Pillow's decoders raise a dozen exception types for corrupt files
        is_supported = kind.startswith("image/") and kind.removeprefix("image/") in ("png", "jpeg", "webp")
        return ImageInfo(
            kind, reason=f"it is broken: {error}" if is_supported else f"it is {kind}", opens=kind in OPENABLE
        )
