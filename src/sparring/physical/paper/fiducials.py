"""Square markers in the corners of a sheet: drawn as modules, found in photos (ArUco, Garrido-Jurado et al. 2014,
https://doi.org/10.1016/j.patcog.2014.01.005, as OpenCV has it).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparring.errors import DataError
from sparring.physical.extras import opencv
from sparring.physical.paper.sheet_id import CORNERS, SheetId

__all__ = ["MODULES", "find_fiducials", "modules_of"]

MODULES = 7
"""Modules per side of a marker, its black border included."""

SHARP = 40.0
"""Variance of the Laplacian below which a photo without markers is called blurred; sharp prints have hundreds."""

SMALLEST = 0.5
"""Side of the farthest fiducial of a sheet at least, in sides of the nearest."""

WIDEST = 1600
"""Pixels to which a photo is reduced for the first look; corners are refined in the whole one."""

Pixels = NDArray[np.uint8]
Points = NDArray[np.float64]


def modules_of(marker: int) -> NDArray[np.bool_]:
    """Which of the modules of a marker are black, `(7, 7)`."""
    image = opencv().aruco.generateImageMarker(_dictionary(), marker, MODULES)
    return np.asarray(image) == 0


def find_fiducials(grey: Pixels, name: str) -> tuple[SheetId, Points]:
    """The id of the one sheet in a photo, and where the corners of its fiducials are: `(4, 4, 2)`, across and down.

    Both are in the sheet's own order, from the top left clockwise, however the photo was turned.

    Args:
        grey: `(H, W)`.
        name: Of the photo, for messages.

    Raises:
        DataError: There are no fiducials, not all four, or those of several sheets.
    """
    found = _found(grey)
    if not found:
        raise DataError(_nothing(grey, name))
    corners: dict[int, list[tuple[int, Points]]] = {corner: [] for corner in range(len(CORNERS))}
    for marker, points in found:
        corners[marker % len(CORNERS)].append((marker, points))
    missing = [CORNERS[corner] for corner, here in corners.items() if not here]
    if missing:
        raise DataError(
            f"{name} shows {len(found)} of the 4 fiducials, not those at the {' and '.join(missing)}: it is cropped, "
            "covered or blurred there; the whole sheet must be in the photo"
        )
    fours = [four for four in product(*corners.values()) if len(found) == len(CORNERS) or _alike(four)]
    if len(fours) != 1:
        raise DataError(
            f"{name} shows {len(found)} fiducials, so more than one sheet; photograph one at a time"
        )
    (chosen,) = fours
    first, second, third, fourth = (marker for marker, _ in chosen)
    return SheetId.of((first, second, third, fourth)), np.stack([points for _, points in chosen])


def _found(grey: Pixels) -> list[tuple[int, Points]]:
    """Markers anywhere, with refined corners, from the marker's own top left clockwise."""
    first = _seen(grey, min(1.0, WIDEST / max(grey.shape)))
    return first if len(first) >= len(CORNERS) or max(grey.shape) <= WIDEST else _seen(grey, 1.0)


def _alike(markers: Sequence[tuple[int, Points]]) -> bool:
    """Whether they are of about one size; what looks like a marker in a picture seldom has that of the fiducials."""
    sides = [_side(points) for _, points in markers]
    return min(sides) >= SMALLEST * max(sides)


def _side(points: Points) -> float:
    """The mean side of a marker, in pixels."""
    return float(np.linalg.norm(points - np.roll(points, 1, 0), axis=1).mean())


def _seen(grey: Pixels, shrunk: float) -> list[tuple[int, Points]]:
    """Markers of the photo made smaller by `shrunk`."""
    cv2 = opencv()
    settings = cv2.aruco.DetectorParameters()
    settings.adaptiveThreshWinSizeMax = 43
    settings.adaptiveThreshWinSizeStep = 10
    detector = cv2.aruco.ArucoDetector(_dictionary(), settings)
    small = cv2.resize(grey, None, fx=shrunk, fy=shrunk, interpolation=cv2.INTER_AREA) if shrunk < 1 else grey
    corners, markers, _ = detector.detectMarkers(small)
    if markers is None:
        return []
    places = [(each.reshape(4, 2).astype(np.float64) + 0.5) / shrunk - 0.5 for each in corners]
    return [
        (int(marker), _refined(grey, points)) for marker, points in zip(markers.ravel(), places, strict=True)
    ]


def _refined(grey: Pixels, points: Points) -> Points:
    """Corners moved to where the edges in the whole photo meet, searched within half a module."""
    cv2 = opencv()
    reach = int(np.clip(_side(points) / MODULES / 2, 2, 12))
    ending = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 40, 0.005)
    start = points.astype(np.float32).reshape(-1, 1, 2)
    return np.asarray(
        cv2.cornerSubPix(grey, start.copy(), (reach, reach), (-1, -1), ending), np.float64
    ).reshape(4, 2)


def _nothing(grey: Pixels, name: str) -> str:
    sharpness = float(opencv().Laplacian(grey, opencv().CV_64F).var())
    if sharpness < SHARP:
        return f"{name} is blurred, or shows nothing: no fiducials can be read; photograph the sheet again, sharper"
    return (
        f"{name} shows no fiducials, the square markers in the corners of a sheet; print one with: "
        "sparring physical sheet"
    )


def _dictionary() -> Any:
    aruco = opencv().aruco
    return aruco.getPredefinedDictionary(aruco.DICT_5X5_1000)
