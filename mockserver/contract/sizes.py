"""Sizes of output images: checks against a model's rule, and what `auto` becomes."""

import math
import re
from collections.abc import Collection, Mapping
from typing import Any

from mockserver.contract.catalogue import Problem

Size = tuple[int, int]

SIZE = re.compile(r"([1-9][0-9]{0,5})x([1-9][0-9]{0,5})", re.ASCII)


def check(value: str, rule: Mapping[str, int], accept: Collection[str], grid: Size = (1, 1)) -> None:
    """Reject a WIDTHxHEIGHT that violates a model's rule, unless `accept` names the family.

    Images on one sheet, in a `grid` of columns and rows, are measured by the sheet. Source: current-api.md section 1,
    errors.md size2-*. Only one thing is known of the order of the families: size-divisible precedes size-min.
    """
    match = SIZE.fullmatch(value)
    if not match:
        raise Problem("size-format", param="size", value=value)
    width, height = int(match[1]) * grid[0], int(match[2]) * grid[1]
    sheet = "" if grid == (1, 1) else f", with its frames on a sheet of {width}x{height},"
    checks = {
        "size-divisible": width % rule["multiple"] or height % rule["multiple"],
        "size-edge": max(width, height) > rule["edge"],
        "size-min": width * height < rule["minimum"],
        "size-max": width * height > rule["maximum"],
        "size-ratio": max(width, height) > rule["ratio"] * min(width, height),
    }
    for family, is_violated in checks.items():
        if is_violated and family not in accept:
            raise Problem(family, param="size", value=value, sheet=sheet)


def resolve_auto(rule: Mapping[str, Any], of: Size) -> str:
    width, height = of
    if "area" in rule:
        side = math.sqrt(rule["area"] * width / height)
        return f"{round(side)}x{round(rule['area'] / side)}"

    def distance(size: str) -> float:
        w, _, h = size.partition("x")
        return abs(math.log(int(w) / int(h)) - math.log(width / height))

    nearest: list[str] = rule["nearest"]
    return min(nearest, key=distance)


def sheet_grid(frames: Mapping[str, Any], count: int) -> Size:
    """The columns and rows of the sheet for `count` frames (current-api.md section 1, inferred)."""
    row = next(row for row in frames["grids"] if count <= row["frames"])
    return row["columns"], row["rows"]


def shrink_size(size: str, rule: Mapping[str, int], grid: Size) -> str:
    """The largest size of about that ratio whose sheet satisfies the rule. That `auto` means this is a guess."""
    width, height = (int(side) for side in size.split("x"))
    columns, rows = grid
    scale = min(
        1,
        math.sqrt(rule["maximum"] / (width * columns * height * rows)),
        rule["edge"] / max(width * columns, height * rows),
    )
    step = rule["multiple"]
    return "x".join(str(max(step, math.floor(side * scale / step) * step)) for side in (width, height))
