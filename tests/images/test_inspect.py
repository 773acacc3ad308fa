"""How uploaded files are inspected."""

import base64
import resource
import struct
import zlib
from typing import Any

import pytest
from PIL import Image

from mockserver.core.cache import Cache
from mockserver.core.request import Part
from mockserver.images import inspect
from mockserver.images.inspect import ImageInfo, detect_type, find_inspected, inspect_bytes, inspect_image
from tests.support.images import encode_image, png

SMALL = Image.new("RGB", (5, 7), "red")


@pytest.mark.parametrize(
    ("format", "kind"),
    [
        ("PNG", "image/png"),
        ("JPEG", "image/jpeg"),
        ("WEBP", "image/webp"),
        ("GIF", "image/gif"),
        ("BMP", "image/bmp"),
        ("TIFF", "image/tiff"),
        ("PDF", "application/pdf"),
        ("AVIF", "image/avif"),
    ],
)
def test_detect_type(format: str, kind: str) -> None:
    data = encode_image(SMALL, format)
    assert detect_type(data) == kind
    found = inspect_bytes(data)
    accepted = format in ("PNG", "JPEG", "WEBP")
    assert (found.width, found.height, found.mode) == ((5, 7, "RGB") if accepted else (None, None, None))
    assert found.reason == ("" if accepted else f"it is {kind}")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "an empty file"),
        (base64.b64encode(png()), "base64 text"),
        (b"data:image/png;base64," + base64.b64encode(png()), "a data URL"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
        (b"\x00\x00\x00\x18ftypheic", "image/heic"),
        (b"just some words", "application/octet-stream"),
        (b"{}", "application/octet-stream"),
    ],
)
def test_not_an_image(data: bytes, kind: str) -> None:
    assert inspect_bytes(data).reason == f"it is {kind}"


def test_corrupt_files() -> None:
    data = encode_image(Image.effect_noise((64, 64), 90), "JPEG")
    assert inspect_bytes(data).mode == "L"
    assert inspect_bytes(data[: len(data) // 2]).reason.startswith("it is broken: ")


@pytest.mark.parametrize(
    ("mode", "transparent"), [("RGB", False), ("RGBA", True), ("L", False), ("LA", True), ("P", False)]
)
def test_transparency(mode: str, transparent: bool) -> None:
    assert inspect_bytes(png(4, 4, mode)).transparent is transparent


def test_transparent_palette() -> None:
    assert inspect_bytes(encode_image(Image.new("P", (4, 4)), "PNG", transparency=0)).transparent


def test_too_many_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    """The header alone is enough to reject: nothing is decoded."""
    monkeypatch.setattr(inspect, "PIXELS", 34)
    assert inspect_bytes(encode_image(SMALL, "PNG")).reason == "it has 5x7 pixels, more than this server decodes"


def test_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(inspect, "inspect_bytes", lambda data: calls.append(data) or inspect_bytes(data))
    monkeypatch.setattr(inspect, "FACTS", Cache[ImageInfo](2, lambda _: 1))
    parts = [Part("image", "a.png", None, png(8, size), f"digest {size}") for size in (1, 2, 3)]
    assert find_inspected(parts[0]) is None
    for part in [parts[0], parts[0], parts[1], parts[2], parts[0]]:
        assert inspect_image(part) == find_inspected(part) == inspect_bytes(part.data)
    assert calls == [png(8, 1), png(8, 2), png(8, 3), png(8, 1)]


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(width: int, height: int, *chunks: bytes) -> bytes:
    """A PNG whose header promises far more pixels than its bytes contain."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + head
        + b"".join(chunks)
        + chunk(b"IDAT", zlib.compress(bytes(100_000)))
        + chunk(b"IEND", b"")
    )


INFLATES = zlib.compress(bytes(200_000_000), 9)
BOMBS = {
    "png": bomb(60_000, 60_000),
    "png with a text": bomb(8, 8, chunk(b"zTXt", b"a\0\0" + INFLATES)),
    "png with a long text": bomb(8, 8, chunk(b"iTXt", b"a\0\1\0\0\0" + INFLATES)),
    "png with a profile": bomb(8, 8, chunk(b"iCCP", b"a\0\0" + INFLATES)),
    "png with pixels": bomb(30_000, 2_900, chunk(b"IDAT", INFLATES[:1000])),
    "jpeg": encode_image(SMALL, "JPEG").replace(struct.pack(">HH", 7, 5), struct.pack(">HH", 65_500, 65_500), 1),
    "webp": encode_image(SMALL, "WEBP", lossless=True)[:21] + b"\xff\xff\xff\x0f" + bytes(64),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_decompression_bomb(kind: str) -> None:
    """A few hundred kilobytes that would decode to gigabytes are rejected, and never decoded."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = inspect_bytes(BOMBS[kind])
    assert found.reason or kind == "png with a profile"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000  # kB; the bombs hold up to 14 GB
