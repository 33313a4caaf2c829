"""The name of a sheet, which its four fiducials carry between them."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from sparring.errors import UsageError

__all__ = ["CORNERS", "DIGITS", "SheetId", "run_number"]

DIGITS = 250
"""Digits per corner: the dictionary has 1,000 markers, and each also says which corner it is in."""

CORNERS = ("top left", "top right", "bottom right", "bottom left")


@dataclass(frozen=True)
class SheetId:
    """Which run a sheet belongs to, and which of its sheets it is.

    Attributes:
        run: From 0 to 250³ - 1.
        number: From 0 to 249.
    """

    run: int
    number: int

    def __post_init__(self) -> None:
        if not 0 <= self.number < DIGITS:
            raise UsageError(f"a run can have {DIGITS} sheets; print fewer pictures, or make them smaller")

    def __str__(self) -> str:
        return f"{self.run:08d}-{self.number + 1}"

    @property
    def markers(self) -> tuple[int, int, int, int]:
        """The fiducials, from the top left clockwise."""
        run, number = self.run, self.number
        digits = (run % DIGITS, run // DIGITS % DIGITS, run // DIGITS**2, number)
        first, second, third, fourth = (len(CORNERS) * digit + corner for corner, digit in enumerate(digits))
        return first, second, third, fourth

    @classmethod
    def of(cls, markers: tuple[int, int, int, int]) -> SheetId:
        """The id that four fiducials carry, from the top left clockwise."""
        first, second, third, number = (marker // len(CORNERS) for marker in markers)
        return cls(first + DIGITS * second + DIGITS**2 * third, number)


def run_number(text: str) -> int:
    """A number for a run, from what it is made of.

    >>> SheetId.of(SheetId(run_number("a run"), 7).markers) == SheetId(run_number("a run"), 7)
    True
    """
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big") % DIGITS**3
