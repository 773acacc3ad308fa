"""Animated images: different frames, in the requested number and duration, with transparency."""

import io

import pytest
from PIL import Image, ImageSequence

from mockserver.images.render import STYLES, Canvas, Subject, encode, render_image

SUBJECT = Subject("A cat", "gpt-image-2.6-flare", (("quality", "low"),), (), None, 1, 1, b"seed")


def canvas(frames: int, milliseconds: int, transparent: bool = False) -> Canvas:
    return Canvas(240, 160, "gif", transparent=transparent, frames=frames, milliseconds=milliseconds)


def drawn(style: str, wanted: Canvas) -> Image.Image:
    return Image.open(io.BytesIO(encode(render_image(style, wanted, SUBJECT), wanted)))


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(("frames", "milliseconds"), [(2, 20), (9, 200), (16, 655350)])
def test_frames(style: str, frames: int, milliseconds: int) -> None:
    found = [
        (frame.convert("RGB").tobytes(), frame.info["duration"])
        for frame in ImageSequence.Iterator(drawn(style, canvas(frames, milliseconds)))
    ]
    assert len({pixels for pixels, _ in found}) == frames
    assert {duration for _, duration in found} == {milliseconds}


def test_loops_forever() -> None:
    assert drawn("flat", canvas(2, 100)).info["loop"] == 0


@pytest.mark.parametrize("transparent", [True, False])
def test_transparency(transparent: bool) -> None:
    for frame in ImageSequence.Iterator(drawn("flat", canvas(3, 100, transparent))):
        picture = frame.convert("RGBA")
        corner, middle = picture.getpixel((0, 0)), picture.getpixel((120, 80))
        assert isinstance(corner, tuple)
        assert isinstance(middle, tuple)
        assert (corner[3], middle[3]) == (0 if transparent else 255, 255)


def test_few_colours() -> None:
    """An image with fewer colours than a palette keeps them."""
    wanted = canvas(2, 100)
    before = render_image("flat", wanted, SUBJECT).getpixel((5, 5))
    assert drawn("flat", wanted).convert("RGB").getpixel((5, 5)) == before
