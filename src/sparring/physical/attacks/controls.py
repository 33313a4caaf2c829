"""Patches that were not trained, of the same size: what covering part of a picture does by itself."""

from __future__ import annotations

import torch
from torch import Tensor

from sparring.physical.scene.stencil import shaped

__all__ = ["controls_of"]


def controls_of(patch: Tensor, seed: int = 0) -> dict[str, Tensor]:
    """Grey, random and shuffled patches like `patch` `(3 | 4, down, across)`, of the same shape.

    The shuffled one has the patch's own features, colours and all, in another order: it shows whether the pattern
    matters, or its colours alone.
    """
    draws = torch.Generator().manual_seed(seed)
    colours, shape = patch[:3], patch[3] if len(patch) > 3 else None
    there = (torch.ones_like(patch[0]) if shape is None else shape).flatten().nonzero().squeeze(1)
    shuffled = colours.flatten(1).clone()
    shuffled[:, there] = shuffled[:, there[torch.randperm(len(there), generator=draws)]]
    controls = {
        "grey": torch.full_like(colours, 0.5),
        "random": torch.rand(colours.shape, generator=draws),
        "shuffled": shuffled.view_as(colours),
    }
    return {name: shaped(control, shape) for name, control in controls.items()}
