"""How sure a counted share is."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from typing import Literal

from sparring.errors import UsageError

__all__ = ["Interval", "any_of", "exact_interval"]


@dataclass(frozen=True)
class Interval:
    """From `low` to `high`, both in [0, 1]: holds the true share in at least `level` of all repetitions."""

    low: float
    high: float
    level: float


def exact_interval(
    successes: float, trials: int, level: float = 0.95, side: Literal["both", "lower", "upper"] = "both"
) -> Interval:
    r"""The exact interval of Clopper and Pearson (1934) for the share behind `successes` of `trials`.

    With $a = 1 - level$ for one side and half of that for two, `low` is the share at which this many
    successes or more have probability $a$, and `high` the share at which this many or fewer have it. It never
    covers less often than promised. It is about the draw of the samples alone: they must be a random draw.

    Args:
        successes: From 0 to `trials`; a sum of shares, one per trial, need not be whole. The limits are then those
            of the same formula between whole numbers; that they cover is not proved but held by simulation, for
            a share varies less from trial to trial than a success does.
        trials: At least 1.
        level: Strictly between 0 and 1.
        side: `lower` bounds the share from below and puts `high` at 1; `upper` bounds it from above and puts
            `low` at 0.

    Raises:
        UsageError: The counts or the level make no sense.

    >>> interval = exact_interval(65, 256)
    >>> f"{interval.low:.3f} to {interval.high:.3f}"
    '0.202 to 0.312'
    """
    from scipy.special import betaincinv  # scipy takes its time, and few callers come here

    if not (trials >= 1 and 0 <= successes <= trials):
        raise UsageError(
            f"an interval needs 0 <= successes <= trials and a trial; got {successes} of {trials}"
        )
    if not 0 < level < 1:
        raise UsageError(f"the level of an interval is between 0 and 1, for example 0.95; got {level}")
    tail = (1 - level) / 2 if side == "both" else 1 - level
    low, high = 0.0, 1.0
    if side != "upper" and successes > 0:
        low = float(betaincinv(successes, trials - successes + 1, tail))
    if side != "lower" and successes < trials:
        high = float(betaincinv(successes + 1, trials - successes, 1 - tail))
    return Interval(low, high, level)


def any_of(errors: Sequence[int], draws: int, tries: int) -> float:
    """The mean chance that at least one of `tries` draws errs, where `errors` of `draws` did, per sample.

    >>> round(any_of([0, 10, 100], draws=100, tries=10), 3)
    0.557
    """
    right = [comb(draws - count, tries) / comb(draws, tries) for count in errors]
    return 1 - sum(right) / len(right)
