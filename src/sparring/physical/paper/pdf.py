"""Sheets as PDF in true millimetres, and PDF as pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sparring.errors import DataError
from sparring.physical.extras import pdfium, reportlab_canvas
from sparring.physical.paper.fiducials import MODULES, modules_of
from sparring.physical.paper.sheet import EDGE, MARKER, QUIET, Box, Sheet
from sparring.physical.paper.tiling import BORDER, Tile

__all__ = ["rasterised", "write_pdf", "write_tiles"]

POINT = 25.4 / 72
"""Millimetres per point, the unit of PDF."""

MARK = 3.0
"""Length of a crop mark, in mm."""


def write_pdf(path: Path, sheet: Sheet, pictures: Sequence[Image.Image], title: str) -> None:
    """One page: pictures, fiducials, colour chart, scale bar, crop marks, and the sheet's id in words.

    Args:
        path: The file.
        sheet: What stands where.
        pictures: By number, as the sheet's cells name them; stretched to their cells without smoothing.
        title: A line for people, above the pictures.
    """
    target = BytesIO()
    canvas = _canvas(target, sheet, sheet.width, sheet.height)
    page = _Page(canvas, sheet.height)
    _draw(page, sheet, pictures, title)
    page.finish()
    canvas.save()
    _write(path, target)


def write_tiles(
    path: Path, sheet: Sheet, pictures: Sequence[Image.Image], title: str, tiles: Sequence[Tile]
) -> None:
    """The same sheet in pieces, a page for each, with crop marks; to be cut at these and joined edge to edge.

    Args:
        path: The file.
        sheet: What stands where.
        pictures: As for `write_pdf`.
        title: Likewise.
        tiles: From `tiles_of`.
    """
    target, size = BytesIO(), tiles[0]
    canvas = _canvas(target, sheet, size.width, size.height)
    for tile in tiles:
        place = Box(BORDER, BORDER, tile.piece.width, tile.piece.height)
        page, whole = _Page(canvas, tile.height), _Page(canvas, sheet.height)
        with page.clipped(place):
            top = (tile.height - BORDER) - (sheet.height - tile.piece.top)
            canvas.translate((BORDER - tile.piece.left) / POINT, top / POINT)
            _draw(whole, sheet, pictures, title)
        page.crop_marks(place)
        page.label(f"Sparring sheet {sheet.id}, {tile.name}: cut at the marks and join", place)
        page.finish()
    canvas.save()
    _write(path, target)


def rasterised(path: Path, dpi: float = 300, page: int = 0) -> NDArray[np.uint8]:
    """One page, the first, as pixels `(H, W, 3)`, white paper behind it, by PDFium."""
    document = pdfium().PdfDocument(str(path))
    try:
        return np.array(document[page].render(scale=dpi / 72).to_pil().convert("RGB"))
    finally:
        document.close()


def _canvas(target: BytesIO, sheet: Sheet, width: float, height: float) -> Any:
    canvas = reportlab_canvas().Canvas(target, pagesize=(width / POINT, height / POINT), invariant=1)
    canvas.setTitle(f"Sparring sheet {sheet.id}")
    return canvas


def _draw(page: _Page, sheet: Sheet, pictures: Sequence[Image.Image], title: str) -> None:
    """Everything on a sheet."""
    for cell in sheet.cells:
        page.image(pictures[cell.picture], cell.box)
        page.crop_marks(cell.box)
    for marker, box in zip(sheet.id.markers, sheet.markers, strict=True):
        page.modules(modules_of(marker), box)
    for box, colour in sheet.swatches:
        page.rectangle(box, colour)
    page.words(sheet, title)
    page.scale_bar(sheet.bar)


def _write(path: Path, target: BytesIO) -> None:
    try:
        path.write_bytes(target.getvalue())
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}") from error


class _Page:
    """ReportLab's canvas, with millimetres from the top left."""

    def __init__(self, canvas: Any, height: float) -> None:
        self.canvas, self.height = canvas, height

    @contextmanager
    def clipped(self, box: Box) -> Iterator[None]:
        """Nothing is drawn outside the box, and what is moved inside is moved back."""
        self.canvas.saveState()
        path = self.canvas.beginPath()
        path.rect(*self.place(box))
        self.canvas.clipPath(path, stroke=0)
        yield
        self.canvas.restoreState()

    def label(self, words: str, box: Box) -> None:
        """Small words below a box."""
        left, bottom, _, _ = self.place(box)
        self.canvas.setFillColorRGB(0, 0, 0)
        self.canvas.setFont("Helvetica", 6.5)
        self.canvas.drawString(left + 12, bottom - 14, words)

    def place(self, box: Box) -> tuple[float, float, float, float]:
        """Left, bottom, width and height in points."""
        bottom = self.height - box.top - box.height
        return box.left / POINT, bottom / POINT, box.width / POINT, box.height / POINT

    def rectangle(self, box: Box, colour: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> None:
        self.canvas.setFillColorRGB(*colour)
        self.canvas.rect(*self.place(box), stroke=0, fill=1)

    def image(self, picture: Image.Image, box: Box) -> None:
        self.canvas.drawInlineImage(picture, *self.place(box))

    def modules(self, black: NDArray[np.bool_], box: Box) -> None:
        """Runs of black modules as one rectangle each, so that no seams show; columns beside each other touch."""
        size = box.width / MODULES
        for row, column in np.argwhere(black):
            width = size * (1.02 if column + 1 < MODULES and black[row, column + 1] else 1)
            height = size * (1.02 if row + 1 < MODULES and black[row + 1, column] else 1)
            self.rectangle(Box(box.left + size * column, box.top + size * row, width, height))

    def crop_marks(self, box: Box) -> None:
        """Two thin lines outside every corner, where to cut."""
        right, below, thin = box.left + box.width, box.top + box.height, 0.2
        for across, outwards in ((box.left, -1), (right, 1)):
            for down, away in ((box.top, -1), (below, 1)):
                begin = across + outwards - (MARK if outwards < 0 else 0)
                self.rectangle(Box(begin, down - thin / 2, MARK, thin))
                start = down + away - (MARK if away < 0 else 0)
                self.rectangle(Box(across - thin / 2, start, thin, MARK))

    def words(self, sheet: Sheet, title: str) -> None:
        self.canvas.setFillColorRGB(0, 0, 0)
        left, top = (EDGE + MARKER + QUIET) / POINT, self.height / POINT
        self.canvas.setFont("Helvetica-Bold", 11)
        self.canvas.drawString(left, top - (EDGE + 5) / POINT, f"Sparring sheet {sheet.id}")
        self.canvas.setFont("Helvetica", 8)
        self.canvas.drawString(left, top - (EDGE + 11) / POINT, title)
        advice = "Print at 100 %: the bar below must be 50 mm long. Keep all four corners in the photo."
        self.canvas.setFont("Helvetica", 6.5)
        self.canvas.drawString(left, top - (EDGE + 17) / POINT, advice)

    def scale_bar(self, box: Box) -> None:
        below, thin = box.top + box.height, 0.3
        self.rectangle(Box(box.left, below - thin, box.width, thin))
        for millimetres in range(0, int(box.width) + 1, 10):
            self.rectangle(Box(box.left + millimetres - thin / 2, box.top, thin, box.height))
        self.canvas.setFont("Helvetica", 6.5)
        left, bottom, width, _ = self.place(box)
        self.canvas.drawString(left + width + 4, bottom, "50 mm")

    def finish(self) -> None:
        self.canvas.showPage()
