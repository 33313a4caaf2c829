"""Setting samples aside, the same ones on every machine."""

from __future__ import annotations

import torch

from sparring.data import Samples
from sparring.errors import DataError

__all__ = ["set_aside"]


def set_aside(samples: Samples, share: float) -> tuple[Samples, Samples]:
    """The rest, and `share` of the samples drawn by the hash of their names.

    Raises:
        DataError: Nothing would be left on one side.
    """
    count = round(share * len(samples))
    if not 0 < count < len(samples):
        raise DataError(
            f"{share:.1%} of {len(samples):,} samples is {count:,}: too few samples to set some aside; give more, or a "
            "file of its own"
        )
    aside = samples.sample(count)
    kept = torch.ones(len(samples), dtype=torch.bool)
    kept[torch.isin(samples.index, aside.index)] = False
    return samples.select(kept.nonzero()[:, 0]), aside
