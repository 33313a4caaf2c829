"""A sheet that is larger than the printer's paper, cut into pieces that are printed one per page and joined."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sparring.errors import UsageError
from sparring.physical.paper.sheet import Box, Sheet, page_size

__all__ = ["BORDER", "Tile", "tiles_of"]

BORDER = 12.0
"""Around every piece on its page, in mm: for the crop marks, and because no printer prints to the edge."""


@dataclass(frozen=True)
class Tile:
    """One piece.

    Attributes:
        piece: What it shows of the sheet.
        name: Its row and column, for people.
        width: Of the page that it is printed on.
        height: Likewise.
    """

    piece: Box
    name: str
    width: float
    height: float


def tiles_of(sheet: Sheet, page: str) -> tuple[Tile, ...]:
    """Pieces of equal size, row by row, each on a page of its own.

    Args:
        sheet: What is cut.
        page: A name from `PAGES`.

    Raises:
        UsageError: The page is unknown, or the sheet fits on it as it is.
    """
    width, height = page_size(page)
    if sheet.width <= width and sheet.height <= height:
        raise UsageError(
            f"a sheet of {sheet.width:g} x {sheet.height:g} mm fits on {page} as it is; give a larger --page, or no "
            "--tiles"
        )
    across, down = (
        math.ceil(sheet.width / (width - 2 * BORDER)),
        math.ceil(sheet.height / (height - 2 * BORDER)),
    )
    wide, high = sheet.width / across, sheet.height / down
    return tuple(
        Tile(
            Box(wide * column, high * row, wide, high),
            f"row {row + 1} of {down}, column {column + 1} of {across}",
            width,
            height,
        )
        for row in range(down)
        for column in range(across)
    )
