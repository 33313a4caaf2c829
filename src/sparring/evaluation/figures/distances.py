"""What the smallest changes of all samples say together: robust accuracy at every eps at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sparring.evaluation.figures.nearer_by_query import MedianAfter, medians_after
from sparring.evaluation.outcome import Outcome
from sparring.evaluation.plan import Plan

__all__ = ["Distances", "band_width", "distances_of"]

LEVEL = 0.95


@dataclass(frozen=True)
class Distances:
    """`distances` in `result.json`.

    Args:
        eps: From 0 on, every size at which a sample falls.
        robust: How many samples withstand changes of that size.
        median: The smallest change, at the median of the samples that are correct as they are; None if half of them
            or more were never broken.
        area: Under the curve of robust accuracy over eps, up to the last of `eps`: the mean smallest change.
        never: Correct samples that no change broke.
        band: How far the curve of all data may be from this one, up or down, everywhere at once; None where the
            samples were not drawn.
        level: In how many of all draws it is no farther.
        after: How close so many queries come, at the median; None if gradients were climbed.
        survive_8bit: Broken samples that are still broken when the smallest change is rounded to grey levels; None
            where the data are not 8-bit.
    """

    eps: list[float]
    robust: list[int]
    median: float | None
    area: float
    never: int
    band: float | None
    level: float
    after: list[MedianAfter] | None
    survive_8bit: int | None


def distances_of(plan: Plan, outcome: Outcome) -> Distances:
    """The curve of an audit that looked for smallest changes."""
    holds, correct = outcome.verified.holds, int(outcome.ledger.correct.sum())
    found = outcome.verified.distance[holds].double().cpu().sort().values
    sizes, falls = found.unique_consecutive(return_counts=True)
    robust = [correct, *(correct - falls.cumsum(0)).tolist()]
    never = correct - len(found)
    last = float(found[-1]) if len(found) else 0.0
    return Distances(
        eps=[0.0, *sizes.tolist()],
        robust=robust,
        median=_median(found, never),
        area=(float(found.sum()) + never * last) / len(plan.samples),
        never=never,
        band=None if plan.samples.ordered else band_width(len(plan.samples), LEVEL),
        level=LEVEL,
        after=medians_after(plan, outcome, LEVEL),
        survive_8bit=None if outcome.on_grid is None else int((outcome.on_grid & outcome.broken).sum()),
    )


def band_width(samples: int, level: float) -> float:
    """How far a drawn distribution function may be from the true one, everywhere at once (Kolmogorov 1933).

    >>> round(band_width(1000, 0.95), 3)
    0.043
    """
    from scipy.stats import kstwo  # scipy takes its time, and few callers come here

    return float(kstwo.isf(1 - level, samples))


def _median(found: torch.Tensor, never: int) -> float | None:
    """The middle of `found` `(K,)`, sorted, and of `never` infinite ones behind them; the mean of two middles."""
    count = len(found) + never
    low, high = (count - 1) // 2, count // 2
    return float(found[low] + found[high]) / 2 if count and high < len(found) else None
