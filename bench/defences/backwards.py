"""Defences whose forward pass is harmless and whose backward pass is a lie."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from defences.defence import Defence, Look, digits

__all__ = ["anti_adversary", "flipped"]


class Flip(torch.autograd.Function):
    """Nothing forwards; backwards the sign changes."""

    @staticmethod
    def forward(context: Any, inputs: Tensor) -> Tensor:
        return inputs.clone()

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        return -gradient


class AntiAdversary(nn.Module):
    """Move each input to where its predicted class is likelier, and classify it there (Alfarra et al. 2022).

    https://arxiv.org/abs/2103.14347; Croce et al. 2022, https://arxiv.org/abs/2202.13711, show why it does not help.
    """

    def __init__(self, net: Look, reach: float = 0.15, steps: int = 3) -> None:
        super().__init__()
        self.net, self.reach, self.steps = net, reach, steps

    def forward(self, inputs: Tensor) -> Tensor:
        shift = torch.zeros_like(inputs)
        with torch.enable_grad():
            guess = self.net(inputs.detach()).argmax(1)
            for _ in range(self.steps):
                shift = shift.detach().requires_grad_()
                loss = cross_entropy(self.net(inputs.detach() + shift), guess, reduction="sum")
                (gradient,) = torch.autograd.grad(loss, shift)
                shift = shift - self.reach / self.steps * gradient.sign()
        return self.net(inputs + shift.detach())


def flipped() -> Defence:
    """Who climbs goes down."""
    net = digits()
    return Defence("flipped gradients", lambda inputs: net(Flip.apply(inputs)), (net,))


def anti_adversary() -> Defence:
    """Optimisation at inference."""
    net = digits()
    return Defence("optimises at inference", AntiAdversary(net), (net,))
