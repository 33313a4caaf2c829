"""Success in photos over how far, how oblique and how bright they were taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sparring.physical.runs.clustered import clustered_interval
from sparring.physical.runs.tally import Look
from sparring.physical.scene.shot import Shot

__all__ = ["View", "views_of"]


@dataclass(frozen=True)
class View:
    """Successes in the photos of one kind."""

    kind: str
    where: str
    successes: int
    looks: int
    low: float
    high: float


BINS: tuple[tuple[str, Callable[[Shot], float], tuple[float, ...], str], ...] = (
    ("pixels per mm", lambda shot: shot.pixels_per_mm, (1, 2, 4, 8), ""),
    ("turned away", lambda shot: shot.tilt, (10, 20, 30, 45), "°"),
    ("white paper", lambda shot: 100 * shot.light, (25, 50, 75), "%"),
)
"""What photos are sorted by, and where one kind ends and the next begins."""


def views_of(shots: Sequence[Shot], looks: Sequence[Look], arm: str) -> list[View]:
    """The arm's successes by resolution (which is what distance does), angle and light.

    Kinds without photos are left out.

    Args:
        shots: The photos.
        looks: What was seen in them.
        arm: Whose successes are counted.
    """
    found = []
    for kind, measure, edges, unit in BINS:
        for low, high in zip((None, *edges), (*edges, None), strict=True):
            names = {shot.photo for shot in shots if (low or 0) <= measure(shot) < (high or float("inf"))}
            own = [look for look in looks if look.photo in names and look.arm == arm]
            if own:
                found.append(_view(kind, _words(low, high, unit), own))
    return found


def _view(kind: str, where: str, looks: Sequence[Look]) -> View:
    successes = [look.success for look in looks]
    interval = clustered_interval(successes, [look.subject for look in looks], [look.photo for look in looks])
    return View(kind, where, sum(successes), len(looks), interval.low, interval.high)


def _words(low: float | None, high: float | None, unit: str) -> str:
    """A kind in words.

    >>> _words(10, 20, "°"), _words(None, 10, "°"), _words(8, None, "")
    ('10 to 20°', 'below 10°', '8 and more')
    """
    if low is None:
        return f"below {high:g}{unit}"
    return f"{low:g}{unit} and more" if high is None else f"{low:g} to {high:g}{unit}"
