"""Smallest changes: robust accuracy over eps as coordinates of a plot, and what the numbers say in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sparring.reports.curves import Tick, staircase
from sparring.reports.gallery import distance
from sparring.storage import Run

__all__ = ["DistancePlot", "distance_plot", "distance_words", "median_words"]


_UNITS = {
    "linf": "largest entry of the change (L∞)",
    "l2": "Euclidean length of the change (L2)",
    "l1": "sum of the absolute changes (L1)",
    "l0": "how much is changed (L0)",
}


@dataclass(frozen=True)
class DistancePlot:
    """The curve of one run, in a square of 100 by 100 with the origin at the top left.

    Attributes:
        path: SVG path data of the curve.
        band: Of the area that the curve of all data is in; empty where the samples were not drawn.
        start: Clean accuracy, in percent from the top.
        unit: What eps counts.
        across: Marks of eps.
        up: Marks of accuracy.
    """

    path: str
    band: str
    start: float
    unit: str
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]


def distance_plot(run: Run) -> DistancePlot | None:
    """Robust accuracy over eps; None where the run has a budget, or nothing broke."""
    found = run.result.get("distances")
    if found is None or len(found["eps"]) < 2:
        return None
    most = found["eps"][-1]
    across = [round(100 * eps / most, 2) for eps in found["eps"]]
    shares = [count / max(run.samples, 1) for count in found["robust"]]
    up = tuple(Tick(100.0 - share, f"{share}%") for share in (0, 25, 50, 75, 100))
    return DistancePlot(
        path=staircase(_points(across, shares)),
        band=_band(across, shares, found["band"]),
        start=_down(shares[0]),
        unit=_UNITS.get(run.result["threat"]["norm"], "eps"),
        across=_across(most),
        up=up,
    )


def distance_words(run: Run) -> str:
    """Median, area, and what rounding leaves, in a paragraph; empty where the run has a budget."""
    found: dict[str, Any] | None = run.result.get("distances")
    if found is None:
        return ""
    broken = run.result["clean_correct"] - found["never"]
    parts = [
        f"The median smallest change of a correct sample is {median_words(run)}.",
        f"The area under the curve, up to {distance(run, found['eps'][-1])}, is {found['area']:.4g}: the mean smallest "
        "change, a sample that is wrong from the start counting as zero.",
        _band_words(found),
        f"{found['never']:,} correct samples were broken by nothing." if found["never"] else "",
    ]
    if found["survive_8bit"] is not None:
        parts.append(
            f"Rounded to whole grey levels, {found['survive_8bit']:,} of {broken:,} smallest changes still work."
        )
    return " ".join(filter(None, parts))


def median_words(run: Run) -> str:
    """The median smallest change with its norm."""
    median = run.result["distances"]["median"]
    return "unknown, because half of them were never broken" if median is None else distance(run, median)


def _band_words(found: dict[str, Any]) -> str:
    if found["band"] is None:
        return "There is no band around the curve: the samples were not drawn at random."
    return (
        f"In {found['level']:.0%} of all draws the curve of all data is within {100 * found['band']:.1f} points of "
        "this one, at every eps at once (Kolmogorov-Smirnov)."
    )


def _points(across: Sequence[float], shares: Sequence[float]) -> list[tuple[float, float]]:
    return [(place, _down(share)) for place, share in zip(across, shares, strict=True)]


def _band(across: Sequence[float], shares: Sequence[float], width: float | None) -> str:
    """There along the upper edge, back along the lower one."""
    if width is None:
        return ""
    upper = _corners(_points(across, [min(share + width, 1) for share in shares]))
    lower = _corners(_points(across, [max(share - width, 0) for share in shares]))
    corners = [*upper, *reversed(lower)]
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in corners) + "Z"


def _corners(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Every corner of a staircase: across first, then down."""
    found = [points[0]]
    for x, y in points[1:]:
        if y != found[-1][1]:
            found += [(x, found[-1][1]), (x, y)]
    return [*found, (100.0, points[-1][1])]


def _down(share: float) -> float:
    return round(100 - 100 * share, 1)


def _across(most: float) -> tuple[Tick, ...]:
    """From four to nine round numbers from 0 on."""
    unit = 10 ** math.floor(math.log10(most))
    step = next(unit * part for part in (0.1, 0.2, 0.25, 0.5, 1, 2) if most / (unit * part) <= 9)
    return tuple(
        Tick(round(100 * step * each / most, 1), f"{step * each:.3g}") for each in range(int(most / step) + 1)
    )
