"""The facts of an uploaded picture: what it really is, its size and mode. Says nothing of whether that is allowed.

A picture that was seen before is known by its digest and not decoded again.
"""

import io
import re
from collections.abc import Iterable
from dataclasses import dataclass

from PIL import Image

from mockserver.core.cache import Shelf
from mockserver.core.request import Part

REMEMBERED = 4_096
# Nothing with more pixels is decoded, whatever its header hides. Our choice: the API's own limit is not published.
PIXELS = 89_478_485
TRANSPARENT = ("RGBA", "LA", "PA", "La", "RGBa")
# The EXIF tag of that name; from 5 on, width and height change places.
ORIENTATION = 0x0112
# What Pillow opens though it is not decoded here.
OPENABLE = ("image/gif", "image/bmp", "image/tiff", "image/avif")
# What a whole file of a format holds at its end.
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
    """What a file holds. `real_type` goes by its bytes, never by what the sender said.

    Where the file could not be decoded, `reason` says why and `width`, `height` and `mode` are None.
    `format` is Pillow's name for it, `transparent` says whether it has an alpha channel, and `upright` is its width
    and height once its EXIF orientation is heeded. `traits` are `animated` and `extended_webp`, where they apply.
    `opens` says whether Pillow can open it, be it as something that is not decoded here.
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
        """Width and height in pixels; only for a file that was decoded."""
        assert self.width is not None
        assert self.height is not None
        return self.width, self.height


FACTS = Shelf[ImageInfo](REMEMBERED, lambda _: 1)


def inspect_image(part: Part) -> ImageInfo:
    """The facts of a file, decoded to its last pixel at most once."""
    return FACTS.get(part.digest, lambda: inspect_bytes(part.data))


def find_inspected(part: Part) -> ImageInfo | None:
    """The facts of a file that was looked at before, else None."""
    return FACTS.find(part.digest)


def detect_type(data: bytes) -> str:
    """What the first bytes are, as a media type or in words."""
    if not data:
        return "an empty file"
    head = data[:4096]
    return next((kind for signature, kind in SIGNATURES if signature.match(head)), "application/octet-stream")


def has_transparency(part: Part) -> bool:
    """Is any pixel of a picture, which was decoded before, not wholly opaque?"""
    with Image.open(io.BytesIO(part.data)) as picture:
        lowest = picture.convert("RGBA").getchannel("A").getextrema()[0]
        return lowest != 255


def inspect_bytes(data: bytes, formats: Iterable[str] = ("PNG", "JPEG", "WEBP")) -> ImageInfo:
    """The facts of a file's bytes. Never raises: what cannot be decoded says so in `reason`."""
    kind = detect_type(data)
    try:
        with Image.open(io.BytesIO(data), formats=tuple(formats)) as picture:
            width, height = picture.size
            if width * height > PIXELS:
                return ImageInfo(kind, reason=f"it has {width}x{height} pixels, more than this server decodes")
            picture.load()
            if data.rfind(ENDS.get(str(picture.format), b"")) < 0:
                return ImageInfo(kind, reason="it is broken: its last bytes are missing")
            transparent = picture.mode in TRANSPARENT or "transparency" in picture.info
            turned = picture.getexif().get(ORIENTATION, 1) >= 5
            upright = (height, width) if turned else (width, height)
            traits = {"animated": getattr(picture, "n_frames", 1) > 1, "extended_webp": data[12:16] == b"VP8X"}
            there = frozenset(name for name, present in traits.items() if present)
            return ImageInfo(kind, picture.format, width, height, picture.mode, transparent, upright, there)
    except Exception as error:  # Pillow's decoders raise a dozen kinds for broken bytes
        known = kind.startswith("image/") and kind.removeprefix("image/") in ("png", "jpeg", "webp")
        return ImageInfo(kind, reason=f"it is broken: {error}" if known else f"it is {kind}", opens=kind in OPENABLE)
