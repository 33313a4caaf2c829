"""What a gate weighs: one quantity, what is demanded of it, and what the samples say of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sparring.storage.baseline import drawn

__all__ = ["Claim", "Sampling", "holm", "sampling_of"]


@dataclass(frozen=True)
class Sampling:
    """How samples came out of their data set.

    Attributes:
        drawn: At random, so that they speak for the others, with an interval.
        unseen: How many others there are; None if nobody knows. They matter where nothing was drawn: each of them could
            turn out either way.
    """

    drawn: bool
    unseen: int | None


@dataclass(frozen=True)
class Claim:
    """That a quantity is as good as demanded.

    Attributes:
        gate: `min_robust_accuracy`, `min_class_accuracy` or `max_drop`.
        demand: The least share, or the greatest drop.
        label: The class it is about, None for all.
        observed: In these samples; None if there are none.
        worst: The one-sided bound that the demand must allow for a pass.
        best: The one-sided bound that it must not allow for a fail.
        met: Shown to be met, taken alone.
        p_fail: The chance of samples as bad as these, or worse, if the demand is just met.
        exact: Counted, not estimated: the bounds have no level.
        samples: How many it rests on.
        basis: What it rests on, in words.
        needed: How many samples would decide, None if none would; computed when asked.
        risky: It would be met if a cheap suite had missed nothing.
    """

    gate: str
    demand: float
    label: int | None
    observed: float | None
    worst: float
    best: float
    met: bool
    p_fail: float
    exact: bool
    samples: int
    basis: str
    needed: Callable[[], int | None]
    risky: bool = False


def sampling_of(result: Mapping[str, Any]) -> Sampling:
    """How the samples of a `result.json` were chosen."""
    total = result["data"].get("total")
    return Sampling(drawn(result), None if total is None else max(0, total - result["samples"]))


def holm(p_values: Sequence[float], error: float) -> list[bool]:
    """Which hypotheses to refute so that the chance of refuting any true one is at most `error`.

    From the smallest p-value on, each is held against `error` over the number of those left (Holm 1979, Scandinavian
    Journal of Statistics 6:65-70).

    >>> holm([0.01, 0.04, 0.03], 0.05)
    [True, False, False]
    """
    refuted = [False] * len(p_values)
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        if p_values[place] >= error / (len(p_values) - rank):
            break
        refuted[place] = True
    return refuted
