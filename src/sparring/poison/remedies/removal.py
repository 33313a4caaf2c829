"""Remove what a scan named, and train again."""

from __future__ import annotations

import torch
from torch import Tensor

from sparring.data import Samples

__all__ = ["without"]


def without(samples: Samples, places: Tensor) -> Samples:
    """The samples but those at `places` (K,)."""
    kept = torch.ones(len(samples), dtype=torch.bool)
    kept[places] = False
    return samples.select(kept.nonzero()[:, 0])
