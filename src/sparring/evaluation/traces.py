"""What the loss over a search tells about the search: traces `(K, T)`, NaN where nothing was seen."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["moved", "rising"]

STILL = 0.05
"""A loss that gained more than this share of its whole gain in the last sixth of a search was still rising."""


def moved(trace: Tensor) -> Tensor:
    """Which rose at all above where they began, `(K,)`."""
    trace = trace.nan_to_num(nan=-torch.inf)
    first = trace[:, :1]
    return (trace > first + 1e-6 * first.abs()).any(1)


def rising(trace: Tensor) -> Tensor:
    """Which rose to the end, `(K,)`."""
    seen = trace.isnan().logical_not()
    best = trace.nan_to_num(nan=-torch.inf).cummax(1).values
    length = seen.sum(1)
    before = best.gather(1, (length * 5 // 6 - 1).clamp_min(0)[:, None])[:, 0]
    gain = best[:, -1] - before
    whole = best[:, -1] - trace[:, 0]
    return (length >= 6) & (whole > 0) & (gain > STILL * whole)
