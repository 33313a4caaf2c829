"""Thermometer code: each value becomes a row of comparisons (Buckman, Roy, Raffel & Goodfellow 2018).

https://openreview.net/forum?id=S18Su--CW
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sparring.errors import UsageError
from sparring.images import backwards_through

__all__ = ["Thermometer"]

SOFTNESS = 0.1
"""Width of the sigmoids that stand in for comparisons."""


class Thermometer(nn.Module):
    """From images `(B, C, H, W)` in [0, 1] to `(B, C * levels, H, W)`: 1 where the value is above the level.

    For a net that was trained on the code. The gradient is that of sigmoids in place of the comparisons (Athalye,
    Carlini & Wagner 2018, https://arxiv.org/abs/1802.00420).

    Args:
        levels: How many comparisons per value.
    """

    way = "climbs sigmoids in place of comparisons"

    def __init__(self, levels: int = 10) -> None:
        super().__init__()
        if levels < 1:
            raise UsageError(f"a thermometer has at least one level, but {levels} were asked for")
        self.levels = levels

    def forward(self, inputs: Tensor) -> Tensor:
        away = self._above(inputs)
        return backwards_through((away / SOFTNESS).sigmoid(), (away.detach() > 0).to(inputs.dtype))

    def plain(self, inputs: Tensor) -> Tensor:
        """Without a gradient."""
        return (self._above(inputs.detach()) > 0).to(inputs.dtype)

    def _above(self, inputs: Tensor) -> Tensor:
        """How far each value is above each level, `(B, C * levels, H, W)`."""
        levels = (torch.arange(self.levels, device=inputs.device, dtype=inputs.dtype) + 0.5) / self.levels
        return (inputs[:, :, None] - levels[:, None, None]).flatten(1, 2)
