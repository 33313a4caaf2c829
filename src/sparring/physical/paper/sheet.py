"""What stands where on a page, in millimetres from its top left corner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sparring.errors import UsageError, nearest
from sparring.physical.paper.sheet_id import SheetId

__all__ = ["CHART", "MARKER", "PAGES", "Box", "Cell", "Sheet", "chart_sheet", "lay_out", "page_size"]

PAGES = {
    "a5": (148.0, 210.0), "a4": (210.0, 297.0), "a3": (297.0, 420.0), "a2": (420.0, 594.0), "a1": (594.0, 841.0),
    "letter": (215.9, 279.4),
}  # fmt: skip
"""Width and height of pages that are known by name."""

EDGE = 8.0
"""Bare paper that every printer leaves."""

MARKER = 21.0
"""Side of a fiducial: seven modules of 3 mm."""

QUIET = 4.0
"""Bare paper around a fiducial."""

GAP = 8.0
"""Between pictures, with room for crop marks."""

BAR = 50.0
"""Length of the scale bar."""

Colour = tuple[float, float, float]

CHART: tuple[Colour, ...] = (
    *((step / 10, step / 10, step / 10) for step in range(11)),
    (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.0, 1.0, 1.0), (1.0, 0.0, 1.0), (1.0, 1.0, 0.0),
)  # fmt: skip
"""Eleven greys from black to white, then the six corners of the gamut."""


@dataclass(frozen=True)
class Box:
    """A rectangle on the page."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True)
class Cell:
    """A picture on the page: which one, and where."""

    picture: int
    box: Box


@dataclass(frozen=True)
class Sheet:
    """One page.

    Attributes:
        id: Ties it to its run; the fiducials carry it.
        width: Of the page.
        height: Of the page.
        cells: The pictures.
        swatches: Fields of the colour chart, with their colours.
    """

    id: SheetId
    width: float
    height: float
    cells: tuple[Cell, ...]
    swatches: tuple[tuple[Box, Colour], ...]

    @property
    def markers(self) -> tuple[Box, Box, Box, Box]:
        """The fiducials, from the top left clockwise."""
        left, right = EDGE, self.width - EDGE - MARKER
        top, below = EDGE, self.height - EDGE - MARKER
        return (
            Box(left, top, MARKER, MARKER),
            Box(right, top, MARKER, MARKER),
            Box(right, below, MARKER, MARKER),
            Box(left, below, MARKER, MARKER),
        )

    @property
    def bar(self) -> Box:
        """The scale bar: its length is true, its height is that of the ticks."""
        return Box((self.width - BAR) / 2, self.height - EDGE - 3, BAR, 3)


def lay_out(pictures: int, side: float, run: int, page: str = "a4") -> tuple[Sheet, ...]:
    """Pages with as many square pictures as fit on each.

    Args:
        pictures: How many there are.
        side: Of each, in mm.
        run: The number of the run.
        page: A name from `PAGES`.

    Raises:
        UsageError: The page is unknown, a picture does not fit on it, or there are too many pages.
    """
    width, height = page_size(page)
    room = _room(width, height)
    across, down = (int((length + GAP) // (side + GAP)) for length in (room.width, room.height))
    if not (across and down):
        raise UsageError(
            f"a picture of {side:g} mm does not fit on {page}, which has room for {min(room.width, room.height):g} mm; "
            "take a larger page or a smaller picture"
        )
    each = across * down
    groups = [range(first, min(first + each, pictures)) for first in range(0, pictures, each)]
    return tuple(
        Sheet(
            SheetId(run, number),
            width,
            height,
            _cells(group, side, across, down, room),
            _strip(width, height),
        )
        for number, group in enumerate(groups)
    )


def chart_sheet(run: int, page: str = "a4") -> Sheet:
    """A page with the strip and a field for each of 216 colours, six steps of red, green and blue."""
    width, height = page_size(page)
    room, steps = _room(width, height), [step / 5 for step in range(6)]
    colours = [(red, green, blue) for red in steps for green in steps for blue in steps]
    across, size = 12, min(room.width / 12, room.height / 18)
    boxes = [
        Box(room.left + size * (index % across), room.top + size * (index // across), size, size)
        for index in range(len(colours))
    ]
    return Sheet(
        SheetId(run, 0), width, height, (), _strip(width, height) + tuple(zip(boxes, colours, strict=True))
    )


def page_size(name: str) -> tuple[float, float]:
    """Width and height of a page in mm.

    Raises:
        UsageError: There is none of that name.
    """
    if name.lower() not in PAGES:
        raise UsageError(f'there is no page "{name}"; {nearest(name.lower(), PAGES)}')
    return PAGES[name.lower()]


def _room(width: float, height: float) -> Box:
    """Where pictures may be: between the rows with the fiducials."""
    taken = EDGE + MARKER + QUIET
    return Box(EDGE + 4, taken, width - 2 * (EDGE + 4), height - 2 * taken)


def _cells(group: Sequence[int], side: float, across: int, down: int, room: Box) -> tuple[Cell, ...]:
    """Pictures in rows, in the middle of the room."""
    left = room.left + (room.width - across * side - (across - 1) * GAP) / 2
    top = room.top + (room.height - down * side - (down - 1) * GAP) / 2
    step = side + GAP
    return tuple(
        Cell(picture, Box(left + step * (place % across), top + step * (place // across), side, side))
        for place, picture in enumerate(group)
    )


def _strip(width: float, height: float) -> tuple[tuple[Box, Colour], ...]:
    """The colour chart between the two lower fiducials."""
    begin, room = EDGE + MARKER + QUIET, width - 2 * (EDGE + MARKER + QUIET)
    size = room / len(CHART)
    return tuple(
        (Box(begin + size * place, height - EDGE - MARKER, size, 9), colour)
        for place, colour in enumerate(CHART)
    )
