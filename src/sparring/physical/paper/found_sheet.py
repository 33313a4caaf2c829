"""A sheet found in a photo: the way from millimetres on paper to pixels, and back flat."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sparring.errors import DataError
from sparring.physical.extras import opencv
from sparring.physical.paper.fiducials import find_fiducials
from sparring.physical.paper.photos import Photo
from sparring.physical.paper.sheet import Box, Sheet
from sparring.physical.paper.sheet_id import SheetId

__all__ = ["FoundSheet", "find_sheet", "sheet_in"]

TORN = 0.005
"""How far corners of fiducials may lie from a flat sheet, of the distance across it, before it is refused."""

USUAL_FIELD = 65.0
"""Degrees that a phone sees across the longer side, where the file says no focal length."""

Points = NDArray[np.float64]


@dataclass(frozen=True)
class FoundSheet:
    """Where a sheet lies in a photo.

    Attributes:
        photo: It was found in.
        sheet: That it is.
        homography: `(3, 3)`, from mm on the sheet to pixels. How a lens bends is not undone: blur moves the corners of
            fiducials more than the bend of a phone does, and fitting it made errors larger.
        residual: Root mean square distance in pixels between where the fiducials are and where they should be.
    """

    photo: Photo
    sheet: Sheet
    homography: Points
    residual: float

    def to_photo(self, places: Points) -> Points:
        """Pixels `(N, 2)` of places `(N, 2)` in mm; the middle of the first pixel is 0, 0."""
        return _projected(places, self.homography)

    def flattened(self, box: Box, size: int) -> NDArray[np.uint8]:
        """What is in a square box of the sheet, `(size, size, 3)`, averaged over the photo's pixels of it."""
        cv2 = opencv()
        times = max(1, math.ceil(self.scale * box.width / size))
        line = (np.arange(size * times) + 0.5) / (size * times)
        across, down = np.meshgrid(box.left + line * box.width, box.top + line * box.height)
        places = self.to_photo(np.stack([across.ravel(), down.ravel()], 1)).astype(np.float32)
        maps = places.reshape(size * times, size * times, 2)
        fine = cv2.remap(self.photo.pixels, maps, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(cv2.resize(fine, (size, size), interpolation=cv2.INTER_AREA), np.uint8)

    def colour(self, box: Box) -> Points:
        """The mean colour `(3,)` of the middle of a box, from 0 to 255."""
        inner = Box(
            box.left + box.width / 4,
            box.top + box.height / 4,
            min(box.width, box.height) / 2,
            min(box.width, box.height) / 2,
        )
        return self.flattened(inner, 8).reshape(-1, 3).mean(0)

    @property
    def scale(self) -> float:
        """Pixels per millimetre in the middle of the sheet."""
        middle = np.array([self.sheet.width / 2, self.sheet.height / 2])
        around = self.to_photo(middle + np.array([[0, 0], [1, 0], [0, 1]]))
        return float(math.sqrt(abs(np.linalg.det(around[1:] - around[0]))))

    @property
    def pose(self) -> tuple[float, float, bool]:
        """Tilt in degrees, distance in mm, and whether the file said the focal length; else it is a usual phone's."""
        height, width = self.photo.pixels.shape[:2]
        usual = max(height, width) / (2 * math.tan(math.radians(USUAL_FIELD / 2)))
        focal = self.photo.focal or usual
        middle = np.array([[1, 0, self.sheet.width / 2], [0, 1, self.sheet.height / 2], [0, 0, 1]])
        camera = np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]])
        plane = np.linalg.inv(camera) @ self.homography @ middle
        plane /= (np.linalg.norm(plane[:, 0]) + np.linalg.norm(plane[:, 1])) / 2
        normal = np.cross(plane[:, 0], plane[:, 1])
        cosine = min(1.0, abs(float(normal[2])) / float(np.linalg.norm(normal)))
        return math.degrees(math.acos(cosine)), abs(float(plane[2, 2])), self.photo.focal is not None


def sheet_in(photo: Photo) -> SheetId:
    """The id of the sheet in a photo.

    Raises:
        DataError: As in `find_fiducials`.
    """
    return find_fiducials(_grey(photo), photo.name)[0]


def find_sheet(photo: Photo, sheets: tuple[Sheet, ...]) -> FoundSheet:
    """Find which of `sheets` a photo shows, and where.

    Raises:
        DataError: No sheet can be read, it is one of another run or one that this run does not have, or it is
            not flat.
    """
    found, corners = find_fiducials(_grey(photo), photo.name)
    runs = {sheet.id.run for sheet in sheets}
    if found.run not in runs:
        known = ", ".join(f"{run:08d}" for run in sorted(runs))
        raise DataError(f"{photo.name} shows a sheet of another run, {found.run:08d}; this run is {known}")
    match = [sheet for sheet in sheets if sheet.id == found]
    if not match:
        raise DataError(
            f"{photo.name} shows sheet {found.number + 1} of this run, which has only {len(sheets)} now; write and "
            "print its sheets again"
        )
    return _placed(photo, match[0], corners.reshape(-1, 2))


def _placed(photo: Photo, sheet: Sheet, corners: Points) -> FoundSheet:
    places = np.array([corner for box in sheet.markers for corner in _corners(box)])
    homography, _ = opencv().findHomography(places, corners)
    residual = float(np.sqrt(((_projected(places, homography) - corners) ** 2).sum(1).mean()))
    spread = float(np.linalg.norm(corners.max(0) - corners.min(0)))
    if residual > TORN * spread:
        raise DataError(
            f"the fiducials in {photo.name} do not lie on one flat sheet ({residual:.1f} pixels off); flatten it and "
            "try again"
        )
    return FoundSheet(photo, sheet, homography, residual)


def _projected(places: Points, homography: Points) -> Points:
    return np.asarray(opencv().perspectiveTransform(places.reshape(-1, 1, 2), homography).reshape(-1, 2))


def _corners(box: Box) -> list[tuple[float, float]]:
    right, below = box.left + box.width, box.top + box.height
    return [(box.left, box.top), (right, box.top), (right, below), (box.left, below)]


def _grey(photo: Photo) -> NDArray[np.uint8]:
    cv2 = opencv()
    return np.asarray(cv2.cvtColor(photo.pixels, cv2.COLOR_RGB2GRAY), np.uint8)
