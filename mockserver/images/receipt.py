"""Draws a receipt: an image that shows what the server understood of a request."""

from dataclasses import dataclass
from hashlib import sha256
from math import ceil, sqrt

from PIL import Image, ImageDraw

from mockserver.images.layout import Area, arrange
from mockserver.images.text import Colour, Face, clip_line, draw_text, fit_lines, fold_text, load_face
from mockserver.images.thumbnail import editable_area, fit, make_thumbnail, tint_area, upright_size

PAPER, PANEL, RULE, INK, FAINT = (
    (255, 255, 255),
    (240, 242, 245),
    (216, 220, 227),
    (28, 33, 43),
    (100, 108, 122),
)
SIZES = (
    5.0,
    3.9,
    3.0,
    2.4,
    1.9,
    1.5,
    1.2,
    1.0,
)  # font sizes of a prompt; the first three only if it may use the whole height
CROWD = 6  # with more images, labels are smaller and the text gets less space


@dataclass(frozen=True, slots=True)
class Canvas:
    """The required image."""

    width: int
    height: int
    format: str  # png | jpeg | webp | gif | svg
    compression: int = 100  # 0..100: the quality of a jpeg or webp
    transparent: bool = False
    frames: int = 1  # of a gif
    milliseconds: int = 0  # for which each frame is shown


@dataclass(frozen=True, slots=True)
class Subject:
    """What the server understood of the request."""

    prompt: str
    model: str
    details: tuple[tuple[str, str], ...]  # a small table
    images: tuple[bytes, ...]  # the uploads, in order, known to decode
    mask: bytes | None
    number: int  # this is image `number` ...
    of: int  # ... of `of`
    seed: bytes  # decides colours and noise


@dataclass(frozen=True, slots=True)
class Sheet:
    """The image that is drawn on, with the drawing context and style."""

    image: Image.Image
    draw: ImageDraw.ImageDraw
    unit: int  # the font size of plain text; distances are multiples of it
    accent: Colour

    @property
    def small(self) -> Face:
        return load_face(max(8, round(self.unit * 0.8)))


def draw(image: Image.Image, accent: Colour, canvas: Canvas, subject: Subject) -> None:
    unit = max(10, round(min(sqrt(image.width * image.height) / 40, min(image.size) / 24)))
    sheet = Sheet(image, ImageDraw.Draw(image), unit, accent)
    card = Area(0, 0, *image.size).inset(round(unit * 0.8))
    sheet.draw.rectangle((card.left, card.top, card.right - 1, card.bottom - 1), fill=PAPER)
    room = _head(sheet, card, canvas, subject).inset(unit)
    area = editable_area(subject.mask) if subject.mask is not None else None
    if not subject.images:
        _prompt(sheet, _details(sheet, room, _facts(subject, area), 0.4), subject.prompt, 1.0)
    elif room.width > room.height * 1.25:
        middle = room.left + room.width * 55 // 100
        _images(sheet, room._replace(right=middle), subject.images, area)
        room = _details(sheet, room._replace(left=middle + unit), _facts(subject, area), 0.5)
        _prompt(sheet, room, subject.prompt, 1.0)
    else:
        share = 0.15 if len(subject.images) > CROWD else 0.3
        room = _details(sheet, room, _facts(subject, area), share)
        room = _prompt(sheet, room, subject.prompt, share)
        _images(sheet, room, subject.images, area)


def _head(sheet: Sheet, card: Area, canvas: Canvas, subject: Subject) -> Area:
    large, plain, line = load_face(round(sheet.unit * 1.5)), load_face(sheet.unit), card.inset(sheet.unit)
    number = f"  ·  picture {subject.number} of {subject.of}" if subject.of > 1 else ""
    size = clip_line(f"{canvas.width}x{canvas.height} {canvas.format}{number}", plain, line.width)
    model = clip_line(subject.model, large, line.width)
    is_one_line = large.measure(model) + plain.measure(size) + sheet.unit * 2 <= line.width
    top = card.top + sheet.unit // 2
    bottom = top + large.leading + (0 if is_one_line else plain.leading) + sheet.unit // 2
    sheet.draw.rectangle((card.left, card.top, card.right - 1, bottom - 1), fill=sheet.accent)
    draw_text(sheet.draw, (line.left, top), model, large, PAPER)
    at = (
        (line.right - plain.measure(size), top + sheet.unit * 0.475)
        if is_one_line
        else (line.left, top + large.leading)
    )
    draw_text(sheet.draw, at, size, plain, PAPER)
    return card._replace(top=bottom)


def _facts(subject: Subject, area: Image.Image | None) -> list[tuple[str, str]]:
    digest = sha256(subject.prompt.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    facts = [
        *subject.details,
        ("prompt", f"{len(subject.prompt)} characters"),
        ("prompt sha256", f"{digest}..."),
    ]
    if area is not None:
        share = area.histogram()[255] / (area.width * area.height)
        facts += [("mask", f"{area.width}x{area.height}"), ("to edit", f"{share:.1%}")]
    return facts


def _details(sheet: Sheet, room: Area, facts: list[tuple[str, str]], share: float) -> Area:
    small, gap = sheet.small, sheet.unit
    facts = [(clip_line(key, small, room.width * 0.45), clip_line(value, small, room.width)) for key, value in facts]
    keys = max(small.measure(key) for key, _ in facts) + gap * 0.7
    widest = keys + max(small.measure(value) for _, value in facts)
    columns = max(1, min(len(facts), int((room.width + gap) / (widest + gap))))
    rows = min(ceil(len(facts) / columns), max(1, int(room.height * share / small.leading)))
    if len(facts) > rows * columns:
        facts = [*facts[: rows * columns - 1], ("…", f"{len(facts) - rows * columns + 1} more")]
    top, step = room.bottom - rows * small.leading, (room.width + gap) / columns
    for place, (key, value) in enumerate(facts):
        x, y = room.left + place % columns * step, top + place // columns * small.leading
        draw_text(sheet.draw, (x, y), key, small, FAINT)
        draw_text(sheet.draw, (x + keys, y), clip_line(value, small, step - gap - keys), small, INK)
    rule = top - sheet.unit // 2
    sheet.draw.line((room.left, rule, room.right - 1, rule), fill=RULE, width=max(1, sheet.unit // 16))
    return room._replace(bottom=rule - sheet.unit // 2)


def _prompt(sheet: Sheet, room: Area, prompt: str, share: float) -> Area:
    text = fold_text(prompt)
    text = text if text.strip(" \n") else "(an empty prompt)"
    for size in SIZES if share == 1.0 else SIZES[3:]:
        letters = load_face(round(sheet.unit * size))
        lines, complete = fit_lines(text, letters, room.width, room.height * share)
        if complete:
            break
    for place, line in enumerate(lines):
        draw_text(sheet.draw, (room.left, room.top + place * letters.leading), line, letters, INK)
    return room._replace(top=room.top + len(lines) * letters.leading + sheet.unit // 2)


def _images(sheet: Sheet, room: Area, images: tuple[bytes, ...], area: Image.Image | None) -> None:
    sheet.draw.rectangle((room.left, room.top, room.right - 1, room.bottom - 1), fill=PANEL)
    letters = sheet.small if len(images) <= CROWD else load_face(max(7, round(sheet.unit * 0.66)))
    sizes = [upright_size(data) for data in images]
    labels = [(f"{number}  ", f"{width}x{height}") for number, (width, height) in enumerate(sizes, 1)]
    gap, widest = sheet.unit // 2, ceil(max(letters.measure("".join(label)) for label in labels))
    grid = arrange(sizes, room.inset(gap), widest, letters.leading, gap)
    for place, (data, size, label) in enumerate(zip(images, sizes, labels, strict=True)):
        thumbnail = make_thumbnail(data, fit(size, *grid.cell))
        if area is not None and place == 0:
            tint_area(thumbnail, area)
        middle, base = grid.position(place)
        sheet.image.paste(thumbnail, (middle - thumbnail.width // 2, base - thumbnail.height))
        left = middle - letters.measure("".join(label)) / 2
        draw_text(sheet.draw, (left, base), label[0], letters, sheet.accent)
        draw_text(sheet.draw, (left + letters.measure(label[0]), base), label[1], letters, FAINT)
