"""Hold an attack of your own against the laws that ours obey.

from sparring.testing import check_attack
from sparring.threat import Linf

check_attack(Mine(), Linf(0.05))
"""

from __future__ import annotations

from sparring.engine import Attack
from sparring.testing.laws import LAWS, Case
from sparring.testing.problems import HalfSpace, half_space
from sparring.threat import Threat

__all__ = ["LAWS", "Case", "HalfSpace", "check_attack", "half_space"]


def check_attack(attack: Attack, threat: Threat, reach: float = 0.85) -> None:
    """Hold `attack` against every law, on a half-space whose exact robustness is known.

    Args:
        attack: With steps enough to solve a linear problem of 32 values.
        threat: Linf, L2 or L1, with a small eps: 0.05, 0.2 and 0.3 are good.
        reach: Samples that need up to this share of the budget must be broken; less for random searches.

    Raises:
        AssertionError: Names the law that is broken, and how.
    """
    for law in LAWS:
        try:
            law(Case(attack, threat, reach))
        except AssertionError as broken:
            raise AssertionError(
                f"{type(attack).__name__} breaks the law {law.__name__}: {broken}"
            ) from broken
