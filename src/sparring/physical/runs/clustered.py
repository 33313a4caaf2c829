"""Intervals for shares whose trials belong together: photos of one sheet, pictures of one object."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sparring.errors import UsageError
from sparring.evaluation.statistics import Interval, exact_interval

__all__ = ["clustered_interval"]

REPEATS = 2000


def clustered_interval(
    successes: Sequence[bool], *clusters: Sequence[object], level: float = 0.95, seed: int = 0
) -> Interval:
    """The share of successes, by resampling whole clusters in each direction at once (pigeonhole bootstrap, Owen 2007,
    https://doi.org/10.1214/07-AOAS122).

    A direction whose clusters each lie within one cluster of another, as photos that show one object each, adds
    nothing and is left out. Where all trials agree there is nothing to resample, and the interval is the exact one for
    as many trials as there are clusters in the direction that has fewest. With few clusters it is rough: it says what
    other objects and other photos of this kind would give, not more.

    Args:
        successes: One per trial.
        clusters: For each direction, which cluster each trial is in, such as its sheet, and its object.
        level: Of the interval.
        seed: Of the resampling.

    Raises:
        UsageError: There are no trials, or a cluster is not named for each.

    >>> interval = clustered_interval([True] * 10 + [False] * 10, list(range(20)))
    >>> interval.low < 0.35 and interval.high > 0.65
    True
    """
    values = np.asarray(successes, float)
    if not len(values) or not clusters or any(len(each) != len(values) for each in clusters):
        raise UsageError("an interval over clusters needs at least one trial, and a cluster named for each")
    places = _crossing([np.unique(np.asarray(each, str), return_inverse=True)[1] for each in clusters])
    if values.min() == values.max():
        fewest = min(int(where.max()) + 1 for where in places)
        return exact_interval(fewest * values[0], fewest, level)
    draws = np.random.default_rng(seed)
    weights = np.ones((REPEATS, len(values)))
    for where in places:
        count = int(where.max()) + 1
        weights *= draws.multinomial(count, np.full(count, 1 / count), REPEATS)[:, where]
    total = weights.sum(1)
    shares = (weights @ values)[total > 0] / total[total > 0]
    low, high = np.quantile(shares, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), level)


def _crossing(places: list[NDArray[np.int64]]) -> list[NDArray[np.int64]]:
    """The directions without those that only divide the clusters of another one."""
    kept = list(places)
    for where in sorted(places, key=lambda each: -each.max()):
        others = [other for other in kept if other is not where]
        if any(len({*zip(where, other, strict=True)}) == where.max() + 1 for other in others):
            kept = others
    return kept
