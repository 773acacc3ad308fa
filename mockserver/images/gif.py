"""Motion: one picture as an animated GIF whose frames differ. Owns palettes and frames; must not know what is shown."""

from io import BytesIO

from PIL import Image, ImageDraw

COLOURS = 253  # the picture's own; three more stand behind them
BLACK, WHITE, CLEAR = 253, 254, 255
HALF = 128  # alpha below it is see-through: a GIF knows nothing between


def encode_gif(picture: Image.Image, count: int, milliseconds: int) -> bytes:
    """A GIF that repeats for ever: `count` frames of so many milliseconds each, a bar growing from one to the next."""
    still = _quantize(picture)
    frames = [_draw_progress(still, index, count) for index in range(count)]
    file = BytesIO()
    clear = {"transparency": CLEAR, "disposal": 2} if picture.mode == "RGBA" else {}
    frames[0].save(
        file, "GIF", save_all=True, append_images=frames[1:], duration=milliseconds, loop=0, optimize=False, **clear
    )
    return file.getvalue()


def _quantize(picture: Image.Image) -> Image.Image:
    still = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    palette = (still.getpalette() or [])[: COLOURS * 3]
    still.putpalette([*palette, *[0] * (COLOURS * 3 - len(palette)), 0, 0, 0, 255, 255, 255, 0, 0, 0])
    if picture.mode == "RGBA":
        still.paste(CLEAR, mask=picture.getchannel("A").point([255] * HALF + [0] * HALF))
    return still


def _draw_progress(still: Image.Image, index: int, count: int) -> Image.Image:
    frame = still.copy()
    draw, top = ImageDraw.Draw(frame), frame.height - max(2, frame.height // 40)
    draw.rectangle((0, top, frame.width, frame.height), fill=BLACK)
    draw.rectangle((0, top, frame.width * (index + 1) // count - 1, frame.height), fill=WHITE)
    return frame
