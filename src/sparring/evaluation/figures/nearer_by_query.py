"""How close an attacker comes with how many queries: the median smallest change, for runs that read answers only."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sparring.evaluation.ledger import MARKS
from sparring.evaluation.outcome import Outcome
from sparring.evaluation.plan import Plan

__all__ = ["MedianAfter", "median_interval", "medians_after"]


@dataclass(frozen=True)
class MedianAfter:
    """Of the samples that are correct as they are, what so many queries of each have found.

    Args:
        queries: First look and search; what verification asks comes on top.
        found: Samples with a change that breaks them, of any size.
        median: The smallest change known by then, at the median; None while half of the samples or more have none.
        low, high: Bounds of the median for all data, one or both None where they are infinite or the samples were not
            drawn.
    """

    queries: int
    found: int
    median: float | None
    low: float | None
    high: float | None


def medians_after(plan: Plan, outcome: Outcome, level: float) -> list[MedianAfter] | None:
    """A line per round number of queries, and one for the most that a sample took; None if gradients were climbed."""
    ledger, correct = outcome.ledger, outcome.ledger.correct
    climbed = any(bool(attempt.backwards.any()) for attempt in outcome.attempts)
    if plan.model.randomised or climbed or not bool(correct.any()):
        return None
    most = int(ledger.forwards[correct].max())
    known = torch.cat([ledger.history, ledger.distance[:, None]], 1)
    known = known.masked_fill(~outcome.broken[:, None], torch.inf)[correct].double().cpu()
    marks = [*(mark for mark in MARKS if mark < most), most]
    columns = [*known.unbind(1)[: len(marks) - 1], known[:, -1]]
    return [
        _line(mark, away, None if plan.samples.ordered else level)
        for mark, away in zip(marks, columns, strict=True)
    ]


def median_interval(values: Tensor, level: float) -> tuple[float, float]:
    """Two of `values` `(K,)` that hold the median of all data between them, or infinities where there are too few.

    Counts how many of K draws fall below the median (David & Nagaraja 2003, section 7.1): covers at least `level`.

    >>> median_interval(torch.arange(20.0), 0.95)
    (5.0, 14.0)
    """
    from scipy.stats import binom  # scipy takes its time, and few callers come here

    count = len(values)
    outside = int(binom.ppf((1 - level) / 2, count, 0.5))
    if not outside:
        return -torch.inf, torch.inf
    ordered = values.sort().values
    return float(ordered[outside - 1]), float(ordered[count - outside])


def _line(queries: int, away: Tensor, level: float | None) -> MedianAfter:
    low, high = (-torch.inf, torch.inf) if level is None else median_interval(away, level)
    found = int(away.isfinite().sum())
    middle = away.sort().values[(len(away) - 1) // 2 : len(away) // 2 + 1].mean()
    return MedianAfter(queries, found, *(_finite(each) for each in (float(middle), low, high)))


def _finite(value: float) -> float | None:
    return value if abs(value) < torch.inf else None
