"""What a printer does to tones and colours, from one photo or scan of a colour chart."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sparring.errors import DataError
from sparring.physical.paper.found_sheet import FoundSheet, find_sheet, sheet_in
from sparring.physical.paper.pdf import write_pdf
from sparring.physical.paper.photos import Photo
from sparring.physical.paper.sheet import EDGE, MARKER, QUIET, Box, Sheet, chart_sheet
from sparring.storage import replacing

__all__ = ["Calibration", "calibrate_printer", "write_chart"]

CHART_RUN = 9_876_543
"""The number that fiducials of chart pages carry, whatever run they are for."""

CLIPPED = 250
"""Grey level from which paper is overexposed: the photo says nothing about bright tones then."""

LUMA = np.array([0.2126, 0.7152, 0.0722])

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """A printer, as a photo shows it; light is relative to bare paper, which is 1.

    Attributes:
        tones: `(11, 2)`: sRGB values that were asked for, and the light that came back.
        black: Light that the darkest print gives back.
        dot_gain: How much more than half is inked at half tone.
        saturation: How much of the colours' saturation came back.
        palette: `(216, 3)` sRGB colours that the printer gave on this paper, in the order of the chart.
    """

    tones: Values
    black: float
    dot_gain: float
    saturation: float
    palette: Values

    def toned(self, values: Values) -> Values:
        """The light that comes back where grey `values` in sRGB are printed, by the fitted printer."""
        cover = 1 - _light(values)
        gained = np.clip(cover + 4 * self.dot_gain * cover * (1 - cover), 0, 1)
        return 1 - gained + self.black * gained


def write_chart(path: Path, page: str = "a4") -> None:
    """Write the chart as PDF: the strip of every sheet, and 216 colours.

    Raises:
        UsageError: The page is unknown.
        DataError: The file cannot be written.
    """
    with replacing(path) as temporary:
        write_pdf(
            temporary, chart_sheet(CHART_RUN, page), [], "Colour chart for: sparring physical calibrate PHOTO"
        )


def calibrate_printer(photo: Photo, page: str = "a4") -> Calibration:
    """Measure tone curve, gamut and palette in one photo or scan of the chart.

    The light on the page is taken from bare paper around the fields, as a smooth surface, and divided out. A camera
    that invents a tone curve of its own for the picture is taken for part of the printer; a scanner without
    corrections is best.

    Args:
        photo: Of the whole page.
        page: The page that was printed.

    Raises:
        DataError: It shows no chart, or its paper is overexposed.
    """
    sheet = chart_sheet(CHART_RUN, page)
    if sheet_in(photo).run != CHART_RUN:
        raise DataError(
            f"{photo.name} shows a sheet of a run and no chart; print one with: sparring physical chart"
        )
    found = find_sheet(photo, (sheet,))
    light = _relative(found, sheet)
    asked = np.array([colour for _, colour in sheet.swatches])
    greys = (asked == asked[:, :1]).all(1)
    tones = np.stack([asked[greys, 0], light[greys].mean(1)], 1)
    black, gain = _ink(tones)
    coloured = light[len(asked) - 216 :]
    saturation = _saturation(asked, light, black)
    return Calibration(tones[:11], black, gain, saturation, _srgb(coloured.clip(0, 1)))


def _relative(found: FoundSheet, sheet: Sheet) -> Values:
    """Linear light of every field, bare paper in its place being 1: `(fields, 3)`."""
    paper = [(box, _light(found.colour(box) / 255)) for box in _bare(sheet)]
    if max(float(found.colour(box).max()) for box in _bare(sheet)) >= CLIPPED:
        raise DataError(f"the paper in {found.photo.name} is overexposed; photograph the chart again, darker")
    places = np.array([_terms(box, sheet) for box, _ in paper])
    surface, *_ = np.linalg.lstsq(places, np.array([light for _, light in paper]), rcond=None)
    fields = [box for box, _ in sheet.swatches]
    shade = np.array([_terms(box, sheet) for box in fields]) @ surface
    return np.array([_light(found.colour(box) / 255) for box in fields]) / shade


def _bare(sheet: Sheet) -> list[Box]:
    """Places with nothing on them: along the edges of the page, and beneath the words."""
    inset, size = 2.0, 5.0
    downs = np.linspace(EDGE + MARKER + 2 * QUIET, sheet.height - EDGE - MARKER - 2 * QUIET, 8)
    sides = [Box(left, down, size, size) for left in (inset, sheet.width - inset - size) for down in downs]
    acrosses = np.linspace(EDGE + MARKER + 2 * QUIET, sheet.width - EDGE - MARKER - 2 * QUIET - size, 5)
    rows = (EDGE + MARKER - size, sheet.height - EDGE - MARKER + 10)
    return sides + [Box(left, top, size, size) for left in acrosses for top in rows]


def _terms(box: Box, sheet: Sheet) -> list[float]:
    """A surface of the second degree over the page."""
    across = (box.left + box.width / 2) / sheet.width - 0.5
    down = (box.top + box.height / 2) / sheet.height - 0.5
    return [1, across, down, across * across, across * down, down * down]


def _ink(tones: Values) -> tuple[float, float]:
    """Black and dot gain by least squares: light = 1 - (1 - black) (c + 4 gain c (1 - c)), with the cover c."""
    cover = 1 - _light(tones[:, 0])
    terms = np.stack([cover, 4 * cover * (1 - cover)], 1)
    (depth, bulge), *_ = np.linalg.lstsq(terms, 1 - tones[:, 1], rcond=None)
    return float(np.clip(1 - depth, 0, 1)), float(bulge / depth)


def _saturation(asked: Values, light: Values, black: float) -> float:
    """The slope of the colours' distance from grey, in light above black, as it came back over as it was asked for.

    Dot gain bends colours too, so that this is a figure for a whole printer and not exactly the channel's.
    """
    wanted, came = (each - (each @ LUMA)[:, None] for each in (_light(asked), light / (1 - black)))
    return float(np.clip((wanted * came).sum() / (wanted**2).sum(), 0.1, 1))


def _light(values: Values) -> Values:
    return np.where(values <= 0.04045, values / 12.92, ((np.maximum(values, 0.04) + 0.055) / 1.055) ** 2.4)


def _srgb(light: Values) -> Values:
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * np.maximum(light, 0.003) ** (1 / 2.4) - 0.055)
