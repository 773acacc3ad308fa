"""Areas of a receipt and the arrangement of thumbnails in one."""

from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

from mockserver.images.thumbnail import Size, fit


class Area(NamedTuple):
    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    def inset(self, by: int) -> "Area":
        return Area(self.left + by, self.top + by, self.right - by, self.bottom - by)


@dataclass(frozen=True, slots=True)
class Grid:
    """Thumbnails in rows: columns, the size available for each, the first position and the distance to the next."""

    columns: int
    cell: Size
    first: Size
    step: Size

    def position(self, place: int) -> Size:
        row, column = divmod(place, self.columns)
        return self.first[0] + column * self.step[0], self.first[1] + row * self.step[1]


def arrange(sizes: list[Size], area: Area, widest: int, label: int, gap: int) -> Grid:

    def cell(columns: int) -> Size:
        rows = ceil(len(sizes) / columns)
        height = (area.height + gap) // rows - gap - label
        return (area.width + gap) // columns - gap, max(1, height)

    def shown_pixels(columns: int) -> int:
        width, height = cell(columns)
        fitted = [fit(size, width, height) for size in sizes]
        return sum(x * y for x, y in fitted) if width >= widest else 0

    columns = max(range(1, len(sizes) + 1), key=shown_pixels)
    fitted = [fit(size, *cell(columns)) for size in sizes]
    rows, wide, tall = (
        ceil(len(sizes) / columns),
        max(widest, *(x for x, _ in fitted)),
        max(y for _, y in fitted),
    )
    step = wide + gap, tall + label + gap
    left = area.left + (area.width - columns * step[0] + gap) // 2
    top = area.top + (area.height - rows * step[1] + gap) // 2
    return Grid(columns, cell(columns), (left + wide // 2, top + tall), step)
