"""One photo of a sheet, and how it was taken."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Shot"]


@dataclass(frozen=True)
class Shot:
    """One photo of one sheet.

    Attributes:
        photo: Name of the file.
        sheet: Its number, from 1.
        pixels_per_mm: In the middle of the sheet.
        tilt: Degrees by which the sheet is turned away from the camera.
        distance: Millimetres; None where the file does not say the focal length.
        light: How bright white paper is, from 0 to 1.
        simulated: Whether Sparring rendered it.
        notes: What was done to read it.
    """

    photo: str
    sheet: int
    pixels_per_mm: float
    tilt: float
    distance: float | None
    light: float
    simulated: bool
    notes: tuple[str, ...]
