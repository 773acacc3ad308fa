"""Encodes one image as an animated GIF whose frames differ by a progress bar."""

from io import BytesIO

from PIL import Image, ImageDraw

COLOURS = 253  # of the image itself; three more follow in the palette
BLACK, WHITE, CLEAR = 253, 254, 255
HALF = 128  # alpha below is transparent: a GIF has no partial transparency


def encode_gif(image: Image.Image, count: int, milliseconds: int) -> bytes:
    still = _quantize(image)
    frames = [_draw_progress(still, index, count) for index in range(count)]
    file = BytesIO()
    clear = {"transparency": CLEAR, "disposal": 2} if image.mode == "RGBA" else {}
    frames[0].save(
        file, "GIF", save_all=True, append_images=frames[1:], duration=milliseconds, loop=0, optimize=False, **clear
    )
    return file.getvalue()


def _quantize(image: Image.Image) -> Image.Image:
    still = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    palette = (still.getpalette() or [])[: COLOURS * 3]
    still.putpalette([*palette, *[0] * (COLOURS * 3 - len(palette)), 0, 0, 0, 255, 255, 255, 0, 0, 0])
    if image.mode == "RGBA":
        still.paste(CLEAR, mask=image.getchannel("A").point([255] * HALF + [0] * HALF))
    return still


def _draw_progress(still: Image.Image, index: int, count: int) -> Image.Image:
    frame = still.copy()
    draw, top = ImageDraw.Draw(frame), frame.height - max(2, frame.height // 40)
    draw.rectangle((0, top, frame.width, frame.height), fill=BLACK)
    draw.rectangle((0, top, frame.width * (index + 1) // count - 1, frame.height), fill=WHITE)
    return frame
