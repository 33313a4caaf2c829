"""Nets whose activations give gradients of little use."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from defences import nets
from defences.defence import Defence, Look, averaged, digits

__all__ = ["saturated", "winners_take_all"]


def winners_take_all() -> Defence:
    """k-winners-take-all (Xiao et al. 2020, https://arxiv.org/abs/1905.10510)."""
    net = nets.loaded("winners", nets.digits(nets.WinnersTakeAll))
    return Defence("k winners take all", net, (_blurred(net), net, digits()))


def saturated() -> Defence:
    """Steep activations, almost all of them saturated (Nayebi & Ganguli 2017, https://arxiv.org/abs/1703.09202)."""
    net, gentle = (nets.loaded("steep", nets.steep()) for _ in range(2))
    for module in gentle.modules():
        if isinstance(module, nets.Steep):
            module.slope.fill_(3.0)
    return Defence("saturated activations", net, (gentle, _blurred(net), digits()))


def _blurred(net: nn.Module, width: float = 0.05) -> Look:
    """Mean over a neighbourhood: its gradient tells how the net changes over a distance, not at a point."""

    def nearby(inputs: Tensor) -> Tensor:
        return net(inputs + width * torch.randn_like(inputs))

    return averaged(nearby, 20)
