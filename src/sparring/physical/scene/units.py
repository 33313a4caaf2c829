"""Numbers with their units: `"120 mm"`, `"-20..20 deg"`; a number without a unit is refused."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from sparring.errors import UsageError

__all__ = ["UNITS", "Range", "parse_range", "parse_value"]

UNITS: dict[str, tuple[str, float]] = {
    "mm": ("length", 1.0),
    "cm": ("length", 10.0),
    "m": ("length", 1000.0),
    "in": ("length", 25.4),
    "deg": ("angle", 1.0),
    "rad": ("angle", 180 / math.pi),
    "%": ("share", 0.01),
    "lx": ("illuminance", 1.0),
    "K": ("temperature", 1.0),
    "px": ("pixels", 1.0),
    "dpi": ("resolution", 1 / 25.4),
    "lpi": ("screen", 1 / 25.4),
    "EV": ("exposure", 1.0),
    "quality": ("quality", 1.0),
}
"""What each unit measures, and how many of our own units it is: mm, degrees, shares of one, per mm."""

_NUMBER = r"[+-]?\d+(?:\.\d+)?"
_TEXT = re.compile(rf"\s*({_NUMBER})\s*(?:\.\.\s*({_NUMBER})\s*)?([A-Za-z%]+)?\s*")


@dataclass(frozen=True)
class Range:
    """From `low` to `high`, both possible, in our own units."""

    low: float
    high: float

    @property
    def width(self) -> float:
        return self.high - self.low


def parse_range(text: object, kind: str, what: str) -> Range:
    """Read `"300..600 mm"`, or `"15 %"` for a single value, of the `kind` that `what` is measured in.

    Raises:
        UsageError: It is no range, has no unit or one of another kind, or ends below where it begins.

    >>> parse_range("30..60 cm", "length", "distance")
    Range(low=300.0, high=600.0)
    """
    units = [unit for unit, (measures, _) in UNITS.items() if measures == kind]
    example = f"{units[0]}" if len(units) == 1 else f"{', '.join(units[:-1])} or {units[-1]}"
    match = _TEXT.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise UsageError(f'{what} is written as "1..2 {units[0]}" or "1 {units[0]}", but is {text!r}')
    low, high, unit = match[1], match[2] or match[1], match[3]
    if unit is None:
        raise UsageError(f"{what} has no unit in {text!r}; write {example} behind the numbers")
    if unit not in units:
        raise UsageError(f"{what} is a {kind} in {example}, but {text!r} is in {unit}")
    factor = UNITS[unit][1]
    found = Range(float(low) * factor, float(high) * factor)
    if found.width < 0:
        raise UsageError(f"{what} ends below where it begins in {text!r}; exchange the two numbers")
    return found


def parse_value(text: str, kind: str, what: str) -> float:
    """Read one value with its unit.

    Raises:
        UsageError: As in `parse_range`, or it is a range.

    >>> parse_value("12 cm", "length", "the side of the object")
    120.0
    """
    found = parse_range(text, kind, what)
    if found.width:
        raise UsageError(f"{what} is one value, but {text!r} is a range")
    return found.low
