"""Which samples are learned from, which choose the epoch, and which are left to judge the result."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from sparring.data import Samples
from sparring.errors import DataError, UsageError

__all__ = ["Parts", "divided"]

MOST = 500
"""Samples that choose the epoch, if nobody says how many: they are attacked after every one."""


@dataclass(frozen=True, eq=False)
class Parts:
    """Samples of one training; no two parts have one in common.

    Args:
        learned: Learned from.
        held_out: Choose the epoch.
        test: Audited; neither the weights nor the choice depend on them.
    """

    learned: Samples
    held_out: Samples
    test: Samples


def divided(samples: Samples, test: Samples | None, held_out: int | None) -> Parts:
    """Hold some samples out, drawn by id: the same ones on every machine, and the first ones of a larger draw.

    Args:
        samples: All there are.
        test: For the audit; without, as many again as are held out.
        held_out: How many; a tenth, 500 at most, without.

    Raises:
        UsageError: There are none to hold out, or none left to learn from.
        DataError: Samples to learn from are in the test.
    """
    count = min(MOST, len(samples) // 10) if held_out is None else held_out
    taken = count if test is not None else 2 * count
    if count < 1 or taken >= len(samples):
        raise UsageError(
            f"of {len(samples)} samples, {taken} cannot be held out; give more samples, or held_out a smaller number"
        )
    if test is not None and (common := set(samples.ids) & set(test.ids)):
        raise DataError(
            f"{len(common)} samples of the test are among those to learn from; an audit on them would prove nothing"
        )
    names = set(samples.sample(count).ids), set(samples.sample(taken).ids)
    place = torch.tensor([sum(name in each for each in names) for name in samples.ids])
    learned, later, chosen = (samples.select((place == which).nonzero()[:, 0]) for which in range(3))
    if test is not None:
        return Parts(learned, chosen, test)
    return Parts(learned, chosen, replace(later, ordered=False))
