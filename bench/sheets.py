"""Sheets measured: are fiducials found where they truly are, and are lengths in the PDF true?

    .venv/bin/python bench/sheets.py fiducials --n 100 --scenario phone-indoors
    .venv/bin/python bench/sheets.py sizes

Captures are rendered: a PDF by poppler at 300 dpi, warped and lit by OpenCV, saved as JPEG. Nothing here is physical.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sparring.evaluation.statistics import exact_interval
from sparring.physical import load_scenario
from sparring.physical.extras import opencv
from sparring.physical.paper.found_sheet import find_sheet
from sparring.physical.paper.pdf import rasterised, write_pdf
from sparring.physical.paper.photos import open_photo
from sparring.physical.paper.sheet import Box, Sheet, lay_out
from sparring.physical.runs.rendering import render

__all__ = ["by_poppler"]


def main() -> None:
    """One measurement, and its figures."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("what", choices=("fiducials", "sizes"))
    options.add_argument("--scenario", default="scanner")
    options.add_argument("--n", type=int, default=100, help="captures of `fiducials`; 100")
    chosen = options.parse_args()
    opencv().setNumThreads(1)
    if chosen.what == "fiducials":
        fiducials(chosen.scenario, chosen.n)
    else:
        sizes()


def fiducials(name: str, count: int) -> None:
    """Sheets found in rendered captures, and how far the pictures' corners are from where they truly are."""
    sheet = lay_out(4, 84, 1)[0]
    page, apart, lost = page_of(sheet), [], 0
    draw = load_scenario(name).draw([f"capture {row}" for row in range(count)], seed=7)
    for row in range(count):
        found = _apart(page, sheet, {key: float(each[row]) for key, each in draw.items()}, row)
        lost += found is None
        apart += [] if found is None else [found]
    within = sum(each <= 1 for each in apart)
    interval = exact_interval(within, count)
    print(
        f"{name}: {within} of {count} within 1 pixel ({100 * interval.low:.0f}-{100 * interval.high:.0f}%), "
        f"{lost} not found; median {np.median(apart):.2f}, 95% {np.quantile(apart, 0.95):.2f} pixels"
    )


def _apart(page: NDArray[np.uint8], sheet: Sheet, values: dict[str, float], seed: int) -> float | None:
    """The largest error of a picture's corner, in pixels of the photo."""
    capture = render(page, (sheet.width, sheet.height), values, seed, 25.4 / 300)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "capture.jpg"
        path.write_bytes(capture.jpeg)
        try:
            found = find_sheet(open_photo(path), (sheet,))
        except Exception as error:  # counted, and said
            print(f"  {error}")
            return None
    places = np.array([corner for cell in sheet.cells for corner in corners(cell.box)])
    return float(np.linalg.norm(found.to_photo(places) - capture.to_photo(places), axis=1).max())


def sizes() -> None:
    """Edges of fiducials and pictures in the PDF, at 300 dpi, by two rasterisers."""
    sheet = lay_out(4, 84, 1)[0]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "sheet.pdf"
        write_pdf(path, sheet, [Image.new("RGB", (90, 90), "black")] * 4, "sizes")
        for name, pixels in (("poppler", by_poppler(path, 300)), ("PDFium", rasterised(path, 300))):
            errors = [
                error
                for box in (*sheet.markers, *(cell.box for cell in sheet.cells))
                for error in _errors(pixels, box)
            ]
            print(f"{name}: {len(errors)} edges, largest error {max(errors):.3f} mm")


def _errors(pixels: NDArray[np.uint8], box: Box) -> list[float]:
    """How far the left, right, upper and lower edges of a black box are from where they should be, in mm."""
    millimetres = 25.4 / 300
    found = []
    for axis, start, length, across in (
        (1, box.left, box.width, box.top + 1),
        (0, box.top, box.height, box.left + 1),
    ):
        line = pixels.min(2).take(round(across / millimetres), axis=1 - axis) < 128
        first, last = (round(each / millimetres) for each in (start - 0.8, start + length + 0.8))
        inside = np.flatnonzero(line[first:last]) + first
        found += [abs(inside[0] * millimetres - start), abs((inside[-1] + 1) * millimetres - start - length)]
    return found


def page_of(sheet: Sheet) -> NDArray[np.uint8]:
    """A sheet with plain pictures, by poppler at 300 dpi."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "sheet.pdf"
        write_pdf(path, sheet, [Image.new("RGB", (90, 90), "grey")] * 4, "fiducials")
        return by_poppler(path, 300)


def by_poppler(path: Path, dpi: float) -> NDArray[np.uint8]:
    """A PDF as pixels by pdftoppm, or by PDFium where there is none."""
    if shutil.which("pdftoppm") is None:
        return rasterised(path, dpi)
    with TemporaryDirectory() as folder:
        subprocess.run(["pdftoppm", "-r", f"{dpi:.0f}", "-singlefile", path, f"{folder}/page"], check=True)
        return np.array(Image.open(f"{folder}/page.ppm").convert("RGB"))


def corners(box: Box) -> list[tuple[float, float]]:
    """Of a box, from the top left clockwise."""
    right, below = box.left + box.width, box.top + box.height
    return [(box.left, box.top), (right, box.top), (right, below), (box.left, below)]


if __name__ == "__main__":
    main()
