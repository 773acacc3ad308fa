"""Thumbnails of uploads, and the area that a mask marks for editing."""

from io import BytesIO

from PIL import ExifTags, Image, ImageChops, ImageDraw, ImageOps

Size = tuple[int, int]

MASKED, LIGHT, DARK = (255, 0, 110), 255, 214
SIDEWAYS = {5, 6, 7, 8}  # EXIF orientations that swap width and height


def upright_size(data: bytes) -> Size:
    """An upload's size with its EXIF orientation applied; reads only the header."""
    image = Image.open(BytesIO(data))
    return image.size[::-1] if _orientation(image) in SIDEWAYS else image.size


def fit(size: Size, width: int, height: int) -> Size:
    scale = min(width / size[0], height / size[1])
    return max(1, int(size[0] * scale)), max(1, int(size[1] * scale))


def make_thumbnail(data: bytes, size: Size) -> Image.Image:
    image: Image.Image = Image.open(BytesIO(data))
    turn = _orientation(image)
    lying = size[::-1] if turn in SIDEWAYS else size
    image.draft("RGB", (lying[0] * 2, lying[1] * 2))
    small = _to_8_bit(image).resize(lying, Image.Resampling.BILINEAR, reducing_gap=1.1)
    small.getexif()[ExifTags.Base.Orientation] = turn
    small = ImageOps.exif_transpose(small)
    if small.mode == "RGB":
        return small
    ground = _checkerboard(size)
    ground.paste(small, mask=small.getchannel("A"))
    return ground


def editable_area(mask: bytes) -> Image.Image:
    """The area to edit as a grey image: 255 where the mask is transparent, else 0."""
    image = ImageOps.exif_transpose(Image.open(BytesIO(mask)))
    return image.convert("RGBA").getchannel("A").point([255] + [0] * 255)


def tint_area(thumbnail: Image.Image, area: Image.Image) -> None:
    width, height = thumbnail.size
    area = area.resize(thumbnail.size, Image.Resampling.BOX)
    pen = max(1, min(width, height) // 150)
    veil = Image.new("RGB", thumbnail.size, MASKED)
    draw = ImageDraw.Draw(veil)
    for left in range(-height, width, pen * 8):
        draw.line((left, height, left + height, 0), fill="white", width=pen * 2)
    thumbnail.paste(veil, mask=area.point([value * 6 // 10 for value in range(256)]))
    thumbnail.paste(MASKED, mask=_outline(area, pen))


def _outline(area: Image.Image, pen: int) -> Image.Image:
    framed = ImageOps.expand(area, pen)
    core = framed
    for step in ((pen, 0), (-pen, 0), (0, pen), (0, -pen)):
        core = ImageChops.darker(core, ImageChops.offset(framed, *step))
    return ImageOps.crop(ImageChops.subtract(framed, core), pen)


def _orientation(image: Image.Image) -> int:
    if image.format == "PNG" and "exif" not in image.info:
        return 1  # Pillow would decode the pixels to look for EXIF data after them, where it rarely is
    turn: int = image.getexif().get(ExifTags.Base.Orientation, 1)
    return turn


def _to_8_bit(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits per pixel: Pillow would clip values instead of scaling them
        image = image.convert("I").point(lambda value: value / 256).convert("L")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _checkerboard(size: Size) -> Image.Image:
    side = max(3, max(size) // 24)
    columns, rows = size[0] // side + 1, size[1] // side + 1
    squares = bytes(DARK if (x + y) % 2 else LIGHT for y in range(rows) for x in range(columns))
    board = Image.frombytes("L", (columns, rows), squares).resize(
        (columns * side, rows * side), Image.Resampling.NEAREST
    )
    return board.crop((0, 0, *size)).convert("RGB")
