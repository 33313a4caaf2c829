"""The risk of a cheap suite: how many of the samples that it gave up on `standard` would have broken.

Some of them, drawn at random, went through `standard`, too (`spot_check.py`). That bounds the number among the others,
at a stated level and whatever the model: nothing is assumed about which samples are hard.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from math import comb
from typing import Any

__all__ = ["LEVEL", "TOLD", "Risk", "most_missed", "risk_of", "risk_words"]

LEVEL = 0.95
"""Of the bound that a report tells; gates take their own."""

TOLD = 0.1
"""A bound above this share says nothing; then the risk is transferred from the nets of `docs/performance.md`."""


@dataclass(frozen=True)
class Risk:
    """What is known of samples that a cheap suite left standing.

    Args:
        given_up: Those that `standard` was not tried on.
        checked: Those that it was tried on, drawn at random.
        missed: Of these, those that it broke.
    """

    given_up: int
    checked: int
    missed: int

    def most(self, error: float) -> int:
        """At most so many of the given-up samples would be broken by `standard`, but for a chance of `error`."""
        return most_missed(self.given_up, self.checked, self.missed, error)

    def share(self, error: float) -> float:
        """The same as a share of the given-up samples; 0 if there are none."""
        return self.most(error) / self.given_up if self.given_up else 0.0


def most_missed(given_up: int, checked: int, missed: int, error: float) -> int:
    r"""An exact upper bound on a number that was counted in a random subset only.

    The form that the bound of Clopper and Pearson takes where the subset is drawn without replacement from a finite
    set: the largest number $X$ of all $N$ = `given_up` + `checked` samples for which `missed` or fewer in the subset
    have a chance above `error`,

        P(at most `missed` of `checked`) = sum over i of C(X, i) C(N - X, checked - i) / C(N, checked)

    less the `missed` themselves.

    >>> most_missed(150, 50, 0, 0.05), most_missed(150, 50, 1, 0.05), most_missed(150, 0, 0, 0.05)
    (10, 15, 150)
    """
    whole = given_up + checked
    every = comb(whole, checked)

    def refuted(number: int) -> bool:
        ways = sum(comb(number, i) * comb(whole - number, checked - i) for i in range(missed + 1))
        return ways / every <= error

    return bisect_left(range(missed, missed + given_up + 1), True, key=refuted) - 1


def risk_of(result: Mapping[str, Any]) -> Risk:
    """The risk that a `result.json` tells of."""
    told = result.get("risk")
    return Risk(0, 0, 0) if told is None else Risk(told["given_up"], told["checked"], told["missed"])


def risk_words(risk: Risk, suite: str) -> str:
    """What is known of the samples that `suite` gave up on, as a sentence."""
    most, share = risk.most(1 - LEVEL), risk.share(1 - LEVEL)
    left = f"suite {suite} gave up on {risk.given_up:,} samples, which standard was not tried on"
    if share > TOLD:
        return (
            f"{left}, nor on enough others to say how many of them it would break: the risk is transferred from "
            "reference nets (docs/performance.md); suite standard leaves none"
        )
    return (
        f"{left}; of {risk.checked:,} others, drawn at random, it broke {risk.missed:,}, so it would break at most "
        f"{most:,} of those given up ({share:.1%}), at a level of {LEVEL:.0%}"
    )
