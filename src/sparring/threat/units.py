"""What an L0 budget counts as one: a value, a pixel with its channels, or a square of pixels."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor

__all__ = ["added_up", "first_of", "spread_out"]


def added_up(threat: Any, values: Tensor) -> Tensor:
    """The sum of `values` `(B, *shape)` over each unit: `(B, *shape)` for values, else `(B, 1, rows, columns)`.

    Squares lie side by side from the upper left corner on; those at the right and lower edge may be cut off.
    """
    if not getattr(threat, "pixels", False):
        return values
    pixels, side = values.sum(1, keepdim=True), threat.side
    return pixels if side == 1 else F.avg_pool2d(pixels, side, ceil_mode=True, divisor_override=1)


def first_of(threat: Any, values: Tensor) -> Tensor:
    """The first value of each unit, shaped as `added_up`."""
    if not getattr(threat, "pixels", False):
        return values
    return values[:, :1, :: threat.side, :: threat.side]


def spread_out(threat: Any, units: Tensor, like: Tensor) -> Tensor:
    """What each value's unit has, shaped as `like` `(B, *shape)`, from what `added_up` returns."""
    if getattr(threat, "pixels", False) and threat.side > 1:
        wide = units.repeat_interleave(threat.side, 2).repeat_interleave(threat.side, 3)
        units = wide[..., : like.shape[2], : like.shape[3]]
    return units.expand_as(like)
