"""Renders SVG images in the same styles as render."""

import base64
import re
import textwrap
from hashlib import sha256, shake_128
from io import BytesIO
from xml.sax.saxutils import escape

from mockserver.images.receipt import Canvas, Subject
from mockserver.images.thumbnail import editable_area, fit, make_thumbnail, tint_area, upright_size

CELLS = 16  # of noise, along each side
LINES = 12  # of the prompt that are drawn; the description has all of it
# Characters that XML does not allow.
ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def draw(style: str, canvas: Canvas, subject: Subject) -> bytes:
    size = f'width="{canvas.width}" height="{canvas.height}" viewBox="0 0 {canvas.width} {canvas.height}"'
    title, about = _text(f"{subject.model}, {canvas.width}x{canvas.height}"), _text(subject.prompt)
    body = "\n".join(STYLES[style](canvas, subject))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n<title>{title}</title>\n<desc>{about}</desc>'
    return f"{head}\n{body}\n</svg>\n".encode()


def _text(value: str) -> str:
    return escape(ILLEGAL.sub("\ufffd", value))


def _hue(subject: Subject) -> int:
    return int.from_bytes(shake_128(subject.seed).digest(2), "big") % 360


def _background(canvas: Canvas, colour: str) -> list[str]:
    return [] if canvas.transparent else [f'<rect width="100%" height="100%" fill="{colour}"/>']


def _flat(canvas: Canvas, subject: Subject) -> list[str]:
    hue, radius = _hue(subject), min(canvas.width, canvas.height) // 4
    circle = f'<circle cx="{canvas.width // 2}" cy="{canvas.height // 2}" r="{radius}" fill="hsl({hue},90%,40%)"/>'
    return [*_background(canvas, f"hsl({hue},55%,80%)"), circle]


def _noise(canvas: Canvas, subject: Subject) -> list[str]:
    wide, high = canvas.width / CELLS, canvas.height / CELLS
    stream = shake_128(subject.seed).digest(CELLS * CELLS * 3)
    return [
        f'<rect x="{place % CELLS * wide:g}" y="{place // CELLS * high:g}" width="{wide:g}" height="{high:g}" '
        f'fill="#{stream[place * 3 : place * 3 + 3].hex()}"/>'
        for place in range(CELLS * CELLS)
        if not canvas.transparent or stream[place * 3] % 2
    ]


def _receipt(canvas: Canvas, subject: Subject) -> list[str]:
    unit = max(8, round(min(canvas.width, canvas.height) / 32))
    left, accent = unit * 2, f"hsl({_hue(subject)},55%,31%)"
    digest = sha256(subject.prompt.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    facts = [*subject.details, ("prompt", f"{len(subject.prompt)} characters"), ("prompt sha256", f"{digest}...")]
    lines = textwrap.wrap(subject.prompt, max(8, round((canvas.width - 2 * left) / (unit * 0.58)))) or [
        "(an empty prompt)"
    ]
    lines = lines if len(lines) <= LINES else [*lines[:LINES], "…"]
    written = [(subject.model, accent), *((line, "#1c212b") for line in lines)]
    written += [(f"{key}: {value}", "#646c7a") for key, value in facts]
    texts = [
        f'<text x="{left}" y="{unit * (2 + row * 1.4):g}" fill="{colour}">{_text(text)}</text>'
        for row, (text, colour) in enumerate(written, 1)
    ]
    top = round(unit * (4 + len(written) * 1.4))
    inner = f'width="{canvas.width - 2 * unit}" height="{canvas.height - 2 * unit}"'
    card = f'<rect x="{unit}" y="{unit}" {inner} fill="#fff"/>'
    group = f'<g font-family="sans-serif" font-size="{unit}">'
    return [
        *_background(canvas, f"hsl({_hue(subject)},55%,88%)"),
        card,
        group,
        *texts,
        "</g>",
        *_images(subject, left, top, unit * 5),
    ]


def _images(subject: Subject, left: int, top: int, side: int) -> list[str]:
    drawn = []
    for place, data in enumerate(subject.images):
        thumbnail = make_thumbnail(data, fit(upright_size(data), side, side))
        if subject.mask is not None and place == 0:
            tint_area(thumbnail, editable_area(subject.mask))
        file = BytesIO()
        thumbnail.save(file, "PNG")
        source = base64.b64encode(file.getvalue()).decode()
        at = f'x="{left + place % 4 * (side + side // 5)}" y="{top + place // 4 * (side + side // 5)}"'
        size = f'width="{thumbnail.width}" height="{thumbnail.height}"'
        drawn.append(f'<image {at} {size} href="data:image/png;base64,{source}"/>')
    return drawn


STYLES = {"receipt": _receipt, "flat": _flat, "noise": _noise}
