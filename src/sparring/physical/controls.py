"""Patches that were not trained, of the same size: what covering part of a picture does by itself."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["controls_of"]


def controls_of(patch: Tensor, seed: int = 0) -> dict[str, Tensor]:
    """Grey, random and shuffled patches like `patch` `(3, down, across)`.

    The shuffled one has the patch's own features, colours and all, in another order: it shows whether the pattern
    matters, or its colours alone.
    """
    draws = torch.Generator().manual_seed(seed)
    order = torch.randperm(patch[0].numel(), generator=draws)
    return {
        "grey": torch.full_like(patch, 0.5),
        "random": torch.rand(patch.shape, generator=draws),
        "shuffled": patch.flatten(1)[:, order].view_as(patch),
    }
