"""Thermometer code: a pixel becomes a row of comparisons, which have no gradient (Buckman et al. 2018).

https://openreview.net/forum?id=S18Su--CW
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from defences import nets
from defences.defence import Defence, Look, digits

__all__ = ["code", "thermometer"]

SOFTNESS = 0.1
"""Width of the sigmoids that stand in for comparisons."""


class Thermometer(nn.Module):
    """Code the inputs and classify the code."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, inputs: Tensor) -> Tensor:
        return self.net(code(inputs))


def thermometer() -> Defence:
    """With a net that was trained on the code."""
    net = nets.loaded("thermometer", nets.thermometer())
    return Defence("thermometer", Thermometer(net), (_soft(net), digits()))


def code(inputs: Tensor) -> Tensor:
    """Grey images `(B, 1, H, W)` as `(B, LEVELS, H, W)`: 1 where the pixel is above the level's threshold."""
    return (inputs > _thresholds()).float()


def _soft(net: nn.Module) -> Look:
    """Forwards the comparisons, backwards sigmoids."""

    def stand_in(inputs: Tensor) -> Tensor:
        smooth = torch.sigmoid((inputs - _thresholds()) / SOFTNESS)
        return net(smooth + (code(inputs) - smooth).detach())

    return stand_in


def _thresholds() -> Tensor:
    return ((torch.arange(nets.LEVELS) + 0.5) / nets.LEVELS).view(1, -1, 1, 1)
