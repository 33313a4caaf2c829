"""Robust accuracy over the passes spent per sample, as coordinates of a plot."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sparring.storage import Run

__all__ = ["Line", "Plot", "Tick", "plot", "staircase"]


@dataclass(frozen=True)
class Tick:
    """A mark on an axis; `place` in percent of the plot, from the left or from the top."""

    place: float
    text: str


@dataclass(frozen=True)
class Line:
    """One run's staircase.

    Attributes:
        name: Of the model; untrusted text.
        path: SVG path data in a square of 100 by 100 with the origin at the top left.
        start: Clean accuracy, in percent from the top.
        end: Robust accuracy, in percent from the top.
    """

    name: str
    path: str
    start: float
    end: float


@dataclass(frozen=True)
class Plot:
    """Some lines over one pair of axes: passes on a logarithmic scale, accuracy from 0 to 100%."""

    lines: tuple[Line, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]


def plot(runs: Sequence[Run]) -> Plot | None:
    """The curves of `runs` over common axes; None where a run has no curve or no samples."""
    if not all(run.samples and run.result["curve"].get("passes") for run in runs):
        return None
    most = max(10, *(max(run.result["curve"]["passes"]) for run in runs))
    up = tuple(Tick(100.0 - share, f"{share}%") for share in (0, 25, 50, 75, 100))
    return Plot(tuple(_line(run, most) for run in runs), _across(most), up)


def _line(run: Run, most: int) -> Line:
    curve, total = run.result["curve"], run.samples
    # one pass buys the first look, which breaks nothing: every curve begins there, at clean accuracy
    counts = [run.result["clean_correct"], *curve["robust"]]
    across = [_place(spent, most) for spent in (1, *curve["passes"])]
    down = [round(100 - 100 * count / total, 1) for count in counts]
    points = list(zip(across, down, strict=True))
    return Line(
        name=run.result["model"]["name"],
        path=staircase([*points, (100.0, points[-1][1])]),
        start=points[0][1],
        end=points[-1][1],
    )


def staircase(points: Sequence[tuple[float, float]]) -> str:
    """Across, then down, from point to point; steps too small to be seen are left out."""
    (left, top), path = points[0], [f"M{points[0][0]:g} {points[0][1]:g}"]
    for x, y in points[1:]:
        if x != left:
            path.append(f"H{x:g}")
        if y != top:
            path.append(f"V{y:g}")
        left, top = x, y
    return "".join(path)


def _across(most: int) -> tuple[Tick, ...]:
    decades = [10**power for power in range(int(math.log10(most)) + 1)]
    if len(decades) < 3:
        between = [step * decade for decade in decades for step in (1, 2, 5)]
        decades = [spent for spent in between if spent <= most]
    return tuple(Tick(_place(spent, most), f"{spent:,}") for spent in decades)


def _place(spent: int, most: int) -> float:
    return round(100 * math.log10(max(spent, 1)) / math.log10(most), 1)
