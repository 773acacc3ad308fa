"""Draws any text in the font built into Pillow: folding, measuring, wrapping and drawing.

The font has few characters. Others are replaced by similar ones, or drawn as a box with the code point in hex.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice

from PIL import ImageDraw, ImageFont

Colour = tuple[int, int, int]

LONGEST = 6000  # characters considered; no canvas has space for more
BEYOND = "\xa9\xab\xb0\xb1\xb4\xb7\xbb\u2018\u2019\u201c\u201d\u2026\u2039\u203a\u2044\u2122\ufb01\ufb02"
DRAWABLE = frozenset(chain(map(chr, range(32, 127)), BEYOND))  # every character of the font
DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
ALIKE = str.maketrans(
    {
        **dict.fromkeys(DASHES, "-"),
        "\u2022": "\xb7",
        "\xd7": "x",
        "\t": " ",
        "ł": "l",
        "Ł": "L",
        "ø": "o",
        "Ø": "O",
    }
    | {"đ": "d", "Đ": "D", "ı": "i", "ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE"}
)
TOKEN = re.compile("\n| |[" + re.escape("".join(sorted(DRAWABLE - {" "}))) + "]+|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Face:
    """The font in one size, with the widths of its characters."""

    size: int
    font: ImageFont.FreeTypeFont
    digits: ImageFont.FreeTypeFont
    widths: dict[str, float]

    @property
    def leading(self) -> int:
        return round(self.size * 1.32)

    def advance(self, char: str) -> float:
        return self.widths[char] if char in DRAWABLE else self.widths["box"] * (2 if char <= "\uffff" else 3)

    def measure(self, text: str) -> float:
        return sum(map(self.advance, text))


@lru_cache(maxsize=64)
def load_face(size: int) -> Face:
    font, digits = _font(size), _font(max(6, round(size * 0.44)))
    widths = {char: font.getlength(char) for char in DRAWABLE}
    widths |= {" ": size * 0.25, "box": digits.getlength("0") + size * 0.14}  # the font's own space is too narrow
    return Face(size, font, digits, widths)


def fold_text(text: str) -> str:
    text = text if len(text) <= LONGEST else text[:LONGEST] + "…"
    text = text.replace("\r\n", "\n").translate(ALIKE)
    return "".join(map(_fold_char, unicodedata.normalize("NFC", text)))


def wrap_text(text: str, face: Face, width: float) -> Iterator[str]:
    line, used = "", 0.0
    for piece in _pieces(text, face, width):
        extent = 0.0 if piece == "\n" else face.measure(piece)
        if piece == "\n" or (line and used + extent > width):
            yield line.rstrip(" ")
            line, used = "", 0.0
        if piece != "\n" and (line or piece != " "):
            line, used = line + piece, used + extent
    yield line.rstrip(" ")


def fit_lines(text: str, face: Face, width: float, height: float) -> tuple[list[str], bool]:
    """The lines that fit (at least one, with an ellipsis), and whether all text fits without breaking a word."""
    most = max(1, int(height / face.leading))
    lines = list(islice(wrap_text(text, face, width), most + 1))
    if len(lines) <= most:
        return lines, all(face.measure(token) <= width for token in TOKEN.findall(text))
    return [*lines[: most - 1], _ellipsise(lines[most - 1], face, width)], False


def clip_line(text: str, face: Face, width: float) -> str:
    text = fold_text(text[:300]).replace("\n", " ")
    return text if face.measure(text) <= width else _ellipsise(text, face, width)


def draw_text(draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str, face: Face, ink: Colour) -> None:
    left, base = at[0], round(at[1] + face.size * 0.95)
    for piece in TOKEN.findall(text):
        if piece[0] in DRAWABLE:
            draw.text((left, base), piece, font=face.font, fill=ink, anchor="ls")
        else:
            _box(draw, left, base, piece, face, ink)
        left += face.measure(piece)


def _box(draw: ImageDraw.ImageDraw, left: float, base: float, char: str, face: Face, ink: Colour) -> None:
    columns = 2 if char <= "\uffff" else 3
    step, tall = face.widths["box"], face.size * 0.5
    right, top = left + step * columns - face.size * 0.1, base - face.size * 0.84
    draw.rectangle((left, top, right, top + tall * 2), outline=ink, width=max(1, face.size // 24))
    column = (right - left) / columns
    for place, digit in enumerate(f"{ord(char):0{columns * 2}X}"):
        x, y = left + column * (place % columns + 0.5), top + tall * (place // columns + 0.5)
        draw.text((x, y), digit, font=face.digits, fill=ink, anchor="mm")


def _pieces(text: str, face: Face, width: float) -> Iterator[str]:
    for token in TOKEN.findall(text):
        yield from token if face.measure(token) > width else (token,)


def _ellipsise(text: str, face: Face, width: float) -> str:
    room, kept = width - face.advance("…"), 0
    for char in text:
        room -= face.advance(char)
        if room < 0:
            break
        kept += 1
    return text[:kept].rstrip(" ") + "…"


def _fold_char(char: str) -> str:
    if char in DRAWABLE or char == "\n":
        return char
    plain = "".join(part for part in unicodedata.normalize("NFKD", char) if not unicodedata.combining(part))
    return plain if plain and DRAWABLE.issuperset(plain) else char


def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size=size)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font
