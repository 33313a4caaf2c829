"""Whether a paired difference of shares is above a limit: an exact test, ordered by Tango's score.

Of `pairs` samples that two models were both tried on, `gained` are robust only now and `lost` were robust only
before; the difference is `(gained - lost) / pairs`. McNemar's test asks whether it is zero, which a large sample
always refutes and a small one never. Here the null hypothesis has the limit in it.

Tango (1998, Statistics in Medicine 17:891-908, https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<891::AID-SIM780>3.0.CO;2-B)
gives the score statistic; Hsueh, Liu & Chen (2001, Biometrics 57:478-483,
https://doi.org/10.1111/j.0006-341X.2001.00478.x) the exact test that maximises its tail over the share of pairs
that differ, which is unknown. The normal approximation of the score errs in up to 6.7% of cases where 5% were promised
(`bench/gates.py`), so only its order is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparring.evaluation.statistics import Interval

__all__ = ["Flips", "chance_if_at_least", "chance_if_at_most", "difference_interval", "score"]

GRID = 64
"""At so many shares of differing pairs the tail is computed first, then at as many around the best."""
FAR = 9.0
"""Standard deviations of a binomial count beyond which there is nothing to add up."""


@dataclass(frozen=True)
class Flips:
    """Pairs of a sample before and now, and how many of them flipped each way."""

    pairs: int
    gained: int
    lost: int

    @property
    def difference(self) -> float:
        """Robust accuracy now minus before, over these pairs."""
        return (self.gained - self.lost) / self.pairs


def score(gained: Any, lost: Any, pairs: int, difference: float) -> NDArray[np.float64]:
    r"""Tango's score statistic for `difference` $= \lambda$; standard normal if that is the truth, and high above it.

    $z = (g - l - n\lambda) / \sqrt{n (2q + \lambda(1 - \lambda))}$, where $q$, the likeliest share of lost pairs
    under $\lambda$, is the larger root of $2n q^2 + ((2n - g + l)\lambda - g - l) q - l\lambda(1 - \lambda) = 0$.
    """
    gained, lost = np.asarray(gained, dtype=np.float64), np.asarray(lost, dtype=np.float64)
    linear = (2 * pairs - gained + lost) * difference - gained - lost
    inside = linear**2 + 8 * pairs * lost * difference * (1 - difference)
    share = (np.sqrt(np.maximum(inside, 0)) - linear) / (4 * pairs)
    variance = pairs * (2 * share + difference * (1 - difference))
    above = gained - lost - pairs * difference
    return np.where(variance > 0, above / np.sqrt(np.where(variance > 0, variance, 1)), 0.0)


def chance_if_at_most(flips: Flips, difference: float) -> float:
    """The p-value of "the true difference is above `difference`": the chance of flips this good if it is not."""
    seen = float(score(flips.gained, flips.lost, flips.pairs, difference))
    least = _least_gained(flips.pairs, difference, lambda value: value >= seen - 1e-9)
    return _highest(lambda differing: _tail(least, flips.pairs, difference, differing), difference)


def chance_if_at_least(flips: Flips, difference: float) -> float:
    """The p-value of "the true difference is below `difference`": the chance of flips this bad if it is not."""
    return chance_if_at_most(Flips(flips.pairs, flips.lost, flips.gained), -difference)


def difference_interval(flips: Flips, level: float) -> Interval:
    """Both one-sided bounds of the true difference, each at `level`: where the two tests begin to refute.

    Their p-values climb in small steps up and down, so a bound may be a fraction of a pair off; verdicts ask the tests.
    """
    error, seen = 1 - level, flips.difference
    low = _crossing(lambda value: chance_if_at_most(flips, value) > error, -1.0, seen)
    high = _crossing(lambda value: chance_if_at_least(flips, value) > error, 1.0, seen)
    return Interval(low, high, level)


def _crossing(kept: Callable[[float], bool], outside: float, inside: float) -> float:
    """Where a hypothesis begins to be kept, between one that is not and one that is; to a hundredth of a point."""
    if kept(outside * (1 - 1e-9)):
        return outside
    while abs(outside - inside) > 1e-4:
        middle = (outside + inside) / 2
        outside, inside = (outside, middle) if kept(middle) else (middle, inside)
    return outside


def _least_gained(
    pairs: int, difference: float, extreme: Callable[[NDArray[np.float64]], NDArray[np.bool_]]
) -> NDArray[np.int64]:
    """For 0 to `pairs` pairs that differ, the least gained among them that is extreme, or one more than all.

    The score rises with the gained among those that differ, so halving finds it.
    """
    differ = np.arange(pairs + 1)
    low, high = np.zeros_like(differ), differ + 1
    while (low < high).any():
        middle = (low + high) // 2
        hit = (middle > differ) | extreme(score(middle, differ - middle, pairs, difference))
        low, high = np.where(hit, low, np.minimum(middle + 1, high)), np.where(hit, middle, high)
    return high


def _tail(least: NDArray[np.int64], pairs: int, difference: float, differing: float) -> float:
    """The chance of gaining at least `least` where a share `differing` of all pairs differs."""
    from scipy.special import betainc, gammaln, xlog1py, xlogy

    middle, spread = pairs * differing, FAR * (pairs * differing * (1 - differing)) ** 0.5 + 20
    count = np.arange(max(0, int(middle - spread)), min(pairs, int(middle + spread)) + 1)
    ways = gammaln(pairs + 1) - gammaln(count + 1) - gammaln(pairs - count + 1)
    weight = np.exp(ways + xlogy(count, differing) + xlog1py(pairs - count, -differing))
    needed, gaining = least[count], (differing + difference) / (2 * differing) if differing else 0.0
    among = betainc(np.maximum(needed, 1), np.maximum(count - needed + 1, 1e-9), min(max(gaining, 0.0), 1.0))
    among = np.where(needed <= 0, 1.0, np.where(needed > count, 0.0, among))
    return float(weight @ among)


def _highest(tail: Callable[[float], float], difference: float) -> float:
    """The maximum of `tail` over shares of differing pairs that allow `difference`, on an even grid of their arcs."""
    first, last = np.arcsin(abs(difference) ** 0.5), np.pi / 2
    for _ in range(2):
        arcs = np.linspace(first, last, GRID)
        tails = [tail(float(np.sin(arc) ** 2)) for arc in arcs]
        best = int(np.argmax(tails))
        first, last = arcs[max(best - 1, 0)], arcs[min(best + 1, GRID - 1)]
    return min(1.0, max(tails))
