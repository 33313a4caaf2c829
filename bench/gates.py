"""How often gates err and how often they decide, by simulation; and why the drop is tested exactly.

    .venv/bin/python bench/gates.py

A minute, no model. The simulation error is at most half a point, in the table of `fast` 1.6 points.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from functools import cache, partial

import numpy as np
from scipy.special import ndtri

from sparring.evaluation.gates import noninferiority
from sparring.evaluation.gates.claims import Sampling
from sparring.evaluation.gates.noninferiority import Flips, chance_if_at_least, chance_if_at_most, score
from sparring.evaluation.gates.power import chance_of_decision
from sparring.evaluation.gates.shares import Tally, share_claim
from sparring.evaluation.risk import Risk
from sparring.evaluation.search.spot_check import checks_needed

DRAWS, FEW, ERROR = 10_000, 1000, 0.05
DRAWN = Sampling(True, None)


def main() -> None:
    """Print the four tables of docs/gate.md."""
    random = np.random.default_rng(0)
    print("minimum robust accuracy: chance of pass and of fail, by true share; last, computed: of either")
    for minimum in (0.1, 0.45, 0.9):
        for n in (100, 1000):
            cells = [_of_share(random, n, minimum, minimum + shift) for shift in (-0.1, -0.05, 0, 0.05, 0.1)]
            print(f"  min {minimum:.2f}  n {n:5}  " + "  ".join(cells))
    print(
        "suite fast, minimum 45%: chance of pass by the share that standard leaves, if fast misses none or 1% or 5%;"
    )
    print("samples checked, and passes that takes as a share of standard on all survivors")
    for n in (200, 1000, 10_000):
        for missed in (0.0, 0.01, 0.05):
            cells = [_of_fast(random, n, 0.45, share, missed) for share in (0.45, 0.47, 0.5, 0.55, 0.6)]
            print(f"  n {n:6}  missed {missed:.2f}  " + "  ".join(cells))
    print("maximum drop of 2 points: chance of pass and of fail, by true drop; 6% of pairs differ")
    for n in (100, 300, 1000):
        cells = [_of_drop(random, n, 0.02, drop, 0.06) for drop in (0, 0.02, 0.04, 0.06)]
        print(f"  n {n:5}  " + "  ".join(cells))
    print(
        "largest chance of a wrong pass, over all shares of differing pairs: score alone, and exact; then power at no"
    )
    print("drop where 5% of pairs differ")
    for n in (100, 134, 300, 1000):
        for margin in (0.02, 0.05):
            print(f"  n {n:5}  margin {margin:.2f}  {_score_and_exact(n, margin)}")


def _of_share(random: np.random.Generator, n: int, minimum: float, share: float) -> str:
    share = min(max(share, 0.0), 1.0)

    @cache
    def verdict(robust: int) -> str:
        claim = share_claim("min_robust_accuracy", Tally(n, robust, robust), DRAWN, minimum, 1 - ERROR)
        return "fail" if claim.p_fail < ERROR else "pass" if claim.met else "neither"

    counts = Counter(map(verdict, random.binomial(n, share, DRAWS).tolist()))
    either = chance_of_decision(n, share, minimum, 1 - ERROR)
    return f"{share:.2f}: {counts['pass'] / DRAWS:6.1%} {counts['fail'] / DRAWS:6.1%} ({either:.1%})"


def _of_fast(random: np.random.Generator, n: int, minimum: float, share: float, missed: float) -> str:
    """A gate on a cheap suite whose survivors break in a share of `missed` cases if `standard` is tried."""
    passed, checked, part = 0, 0, 0.0
    for standing in random.binomial(n, share / (1 - missed), FEW).tolist():
        checks = _checks(n, standing, minimum)
        broken = int(random.binomial(checks, missed))
        passed += _passes(n, standing, checks, broken, minimum)
        checked += checks
        part += checks / standing
    return f"{share:.2f}: {passed / FEW:6.1%} ({checked / FEW:.0f} checked, {part / FEW:.0%})"


@cache
def _checks(n: int, standing: int, minimum: float) -> int:
    return checks_needed(n, standing, DRAWN, minimum, 1 - ERROR)


@cache
def _passes(n: int, standing: int, checks: int, broken: int, minimum: float) -> bool:
    tally = Tally(n, standing - broken, standing - broken, standing - checks)
    risk = Risk(standing - checks, checks, broken)
    return share_claim("min_robust_accuracy", tally, DRAWN, minimum, 1 - ERROR, risk=risk).met


def _of_drop(random: np.random.Generator, n: int, margin: float, drop: float, differing: float) -> str:
    """The p-values fall and rise with the score, so a few of them tell which draws pass and which fail."""
    shares = [(differing - drop) / 2, (differing + drop) / 2, 1 - differing]
    drawn = sorted(
        (Flips(n, int(g), int(b)) for g, b, _ in random.multinomial(n, shares, DRAWS)),
        key=partial(_score, margin),
    )
    passing = bisect_left(drawn, True, key=lambda flips: chance_if_at_most(flips, -margin) <= ERROR)
    failing = bisect_left(drawn, True, key=lambda flips: chance_if_at_least(flips, -margin) >= ERROR)
    return f"{drop:.2f}: {1 - passing / DRAWS:6.1%} {failing / DRAWS:6.1%}"


def _score(margin: float, flips: Flips) -> float:
    return float(score(flips.gained, flips.lost, flips.pairs, -margin))


def _score_and_exact(n: int, margin: float) -> str:
    """Sizes and powers; the exact test is the score with the lowest critical value whose size is at most the error."""
    low, high = 0.5, 6.0
    while high - low > 1e-4:
        middle = (low + high) / 2
        low, high = (low, middle) if _size(n, margin, middle) <= ERROR else (middle, high)
    found = []
    for critical in (float(ndtri(1 - ERROR)), high):
        power = noninferiority._tail(_region(n, margin, critical), n, 0.0, 0.05)
        found.append(f"size {_size(n, margin, critical):.2%} power {power:.1%}")
    return "; ".join(found)


def _region(n: int, margin: float, critical: float) -> np.ndarray:
    return noninferiority._least_gained(n, -margin, lambda value: value >= critical)


def _size(n: int, margin: float, critical: float) -> float:
    region = _region(n, margin, critical)
    return noninferiority._highest(
        lambda differing: noninferiority._tail(region, n, -margin, differing), -margin
    )


if __name__ == "__main__":
    main()
