r"""Thresholds with a promise: split conformal prediction (Vovk, Gammerman & Shafer 2005; Vovk 2012).

Of n clean scores that were used for nothing else, the k-th smallest is the threshold. If clean inputs to come are drawn
as these were, then, whatever the scores are, the false-positive rate that this threshold really has is, over draws of
the n, no larger than a number from the distribution Beta(n + 1 - k, k).

* *marginal*: its mean is at most `rate` for k >= (n + 1)(1 - rate). Averaged over calibrations, no more than `rate` of
  clean inputs are flagged; a single calibration may be worse.
* *conditional* on the calibration: the chance that it exceeds `rate` is at most 1 - `level` (Vovk 2012,
  https://arxiv.org/abs/1209.2673). It costs power and samples.

Nothing is promised about inputs that were not drawn so, adversarial ones above all.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from sparring.errors import DataError, UsageError

__all__ = ["needed", "p_values", "threshold"]


def threshold(calibration: Tensor, rate: float, level: float | None = None) -> float:
    """The score above which an input is flagged.

    Args:
        calibration: Scores of clean inputs, `(n,)`.
        rate: Most clean inputs that may be flagged, in (0, 1).
        level: None for the marginal promise, or how sure the conditional one is, such as 0.95.

    Raises:
        DataError: There are too few scores; the message says how many are needed.
        UsageError: The rate or the level makes no sense.

    >>> threshold(torch.arange(100.0), 0.05)
    95.0
    >>> threshold(torch.arange(100.0), 0.05, level=0.95)
    98.0
    """
    _check(rate, level)
    count = len(calibration)
    place = _marginal(count, rate) if level is None else _conditional(count, rate, level)
    if place > count:
        raise DataError(
            f"a false-positive rate of {rate:g} needs at least {needed(rate, level)} clean samples for calibration, "
            f"but there are {count}; give more reference samples, or a higher rate"
        )
    return float(calibration.sort().values[place - 1])


def needed(rate: float, level: float | None = None) -> int:
    """The least number of calibration scores for a rate.

    >>> needed(0.01), needed(0.05), needed(0.05, level=0.95), needed(0.01, level=0.95)
    (99, 19, 59, 299)
    """
    _check(rate, level)
    if level is None:
        return math.ceil(round(1 / rate, 9)) - 1
    return math.ceil(round(math.log1p(-level) / math.log1p(-rate), 9))


def p_values(calibration: Tensor, scores: Tensor) -> Tensor:
    """For each score `(N,)` the share of clean ones, it included, that are at least as high.

    >>> p_values(torch.arange(9.0), torch.tensor([8.5, 4.0]))
    tensor([0.1000, 0.6000])
    """
    ordered = calibration.sort().values
    below = torch.searchsorted(ordered, scores.to(ordered.dtype))
    return (1 + len(ordered) - below) / (1 + len(ordered))


def _marginal(count: int, rate: float) -> int:
    return max(1, math.ceil(round((count + 1) * (1 - rate), 9)))


def _conditional(count: int, rate: float, level: float) -> int:
    """The least k for which Beta(count + 1 - k, k) exceeds the rate with a chance of at most 1 - level."""
    from scipy.special import betainc  # scipy takes its time, and few callers come here

    places = (k for k in range(1, count + 1) if betainc(count + 1 - k, k, rate) >= level)
    return next(places, count + 1)


def _check(rate: float, level: float | None) -> None:
    if not 0 < rate < 1:
        raise UsageError(
            f"a false-positive rate is between 0 and 1, for example 0.05, but {rate:g} was asked for"
        )
    if level is not None and not 0 < level < 1:
        raise UsageError(f"a level is between 0 and 1, for example 0.95, but {level:g} was asked for")
