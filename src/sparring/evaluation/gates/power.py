"""What a gate can be expected to decide, before anything is spent."""

from __future__ import annotations

from bisect import bisect_left

from sparring.errors import UsageError

__all__ = ["chance_of_at_most", "chance_of_decision", "samples_needed"]

MOST = 10_000_000
"""Nobody audits more samples than this."""


def chance_of_at_most(successes: float, trials: int, share: float) -> float:
    """The binomial chance of this many successes or fewer."""
    from scipy.special import betainc  # scipy takes its time, and few callers come here

    if successes < 0:
        return 0.0
    return 1.0 if successes >= trials else float(betainc(trials - successes, successes + 1, 1 - share))


def chance_of_decision(n: int, rate: float, minimum: float, level: float = 0.95) -> float:
    """The chance that a gate ends in pass or fail on `n` drawn samples, if the true share is `rate`.

    Args:
        n: Samples to draw.
        rate: What robust accuracy is believed to be.
        minimum: What the gate demands.
        level: Of each one-sided bound.

    Raises:
        UsageError: A number is out of range.

    >>> round(chance_of_decision(1000, 0.5, 0.45), 3)
    0.931
    """
    if n < 1 or not (0 <= rate <= 1 and 0 <= minimum <= 1 and 0.5 < level < 1):
        raise UsageError(
            "a chance of decision needs a sample, shares from 0 to 1, and a level between 0.5 and 1"
        )
    error = 1 - level
    passing = bisect_left(range(n + 1), True, key=lambda k: 1 - chance_of_at_most(k - 1, n, minimum) <= error)
    passing = 0 if minimum == 0 else passing
    failing = bisect_left(range(n + 1), True, key=lambda k: chance_of_at_most(k, n, minimum) >= error) - 1
    return 1 - chance_of_at_most(passing - 1, n, rate) + chance_of_at_most(failing, n, rate)


def samples_needed(rate: float, minimum: float, power: float = 0.9, level: float = 0.95) -> int | None:
    """How many samples to draw so that a gate decides with chance `power`, if the true share is `rate`.

    The chance climbs in small saw teeth; this is a number from which it has climbed past `power`.

    Returns:
        None if no number of samples that anybody audits is enough.

    >>> samples_needed(0.5, 0.45), samples_needed(0.45, 0.45)
    (875, None)
    """
    if not 0 < power < 1:
        raise UsageError(f"the power is a chance between 0 and 1, for example 0.9; got {power}")

    def enough(n: int) -> bool:
        return chance_of_decision(n, rate, minimum, level) >= power

    last = 1
    while not enough(last):
        last *= 2
        if last > MOST:
            return None
    return last // 2 + 1 + bisect_left(range(last // 2 + 1, last), True, key=enough)
