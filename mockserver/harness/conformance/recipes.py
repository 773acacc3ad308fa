"""Builds files from recipes: the images, texts and broken bytes that the conformance cases send."""

import base64
import io
import struct
import zlib
from collections.abc import Mapping
from typing import Any

from PIL import Image

FORMATS = {"png": "PNG", "jpeg": "JPEG", "webp": "WEBP", "gif": "GIF", "bmp": "BMP"}
MEDIA_TYPES = {kind: f"image/{kind}" for kind in FORMATS} | {"text": "text/plain", "base64_of": "text/plain"}
ORIENTATION = 0x0112
IEND_LENGTH = 12  # the chunk IEND, the last of every PNG
OPAQUE = (200, 120, 40, 255)


def make(recipe: Mapping[str, Any]) -> bytes:
    kind = find_kind(recipe)
    if kind in FORMATS:
        return _render(kind, recipe[kind])
    value = recipe[kind]
    match kind:
        case "text":
            return str(value).encode()
        case "base64_of":
            return base64.b64encode(make(value))
        case "bytes_hex":
            return bytes.fromhex(value)
        case _:
            return make(value["of"])[: value["keep"]]


def find_kind(recipe: Mapping[str, Any]) -> str:
    return next(name for name in (*FORMATS, "text", "base64_of", "bytes_hex", "cut") if name in recipe)


def media_type(recipe: Mapping[str, Any]) -> str:
    return MEDIA_TYPES.get(find_kind(recipe), "application/octet-stream")


def build_data_url(recipe: Mapping[str, Any]) -> str:
    return f"data:{media_type(recipe)};base64,{base64.b64encode(make(recipe)).decode('ascii')}"


def parse_size(text: str) -> tuple[int, int]:
    width, height = text.split("x")
    return int(width), int(height)


def _render(kind: str, spec: Mapping[str, Any]) -> bytes:
    frames = [_render_frame(kind, spec, number) for number in range(spec.get("frames", 1))]
    options: dict[str, Any] = {"save_all": True, "append_images": frames[1:]} if len(frames) > 1 else {}
    if "exif_orientation" in spec:
        exif = Image.Exif()
        exif[ORIENTATION] = spec["exif_orientation"]
        options["exif"] = exif
    out = io.BytesIO()
    frames[0].save(out, FORMATS[kind], **options)
    return _pad(kind, out.getvalue(), spec.get("bytes", 0))


def _render_frame(kind: str, spec: Mapping[str, Any], number: int) -> Image.Image:
    mode = spec.get("mode", "RGBA" if kind == "png" else "RGB")
    image = Image.new("RGBA", parse_size(spec["size"]), (OPAQUE[0] - 50 * number, *OPAQUE[1:]))
    if spec.get("alpha_hole"):
        width, height = image.size
        image.paste((0, 0, 0, 0), (width // 4, height // 4, width - width // 4, height - height // 4))
    if mode == "I;16":
        return image.convert("I").convert("I;16")
    return image if mode == "RGBA" else image.convert(mode)


def _pad(kind: str, data: bytes, size: int) -> bytes:
    missing = size - len(data)
    if missing <= 0:
        return data
    if kind != "png":
        return data + bytes(missing)
    chunk = b"paDd" + bytes(max(0, missing - 12))  # ancillary, private, safe to copy: decoders ignore it
    framed = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return data[:-IEND_LENGTH] + framed + data[-IEND_LENGTH:]
