"""Inputs rounded to few levels, in the ways that people write it (Xu et al. 2018, https://arxiv.org/abs/1704.01155).

One bit is a real defence on MNIST, whose pixels are nearly black or white: a pixel flips only if the attacker can
push it past the middle.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from defences.defence import Defence, Look, digits, straight_through

__all__ = ["eight_bits", "one_bit", "three_bits", "two_bits"]


class Quantised(nn.Module):
    """Round to `2**bits` levels; torch gives rounding the gradient 0."""

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.steps = 2**bits - 1

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.round(inputs * self.steps) / self.steps


def one_bit() -> Defence:
    """Black or white, at the eps that the literature uses."""
    return _quantised("1 bit", 1, eps=0.3, real=True)


def two_bits() -> Defence:
    """Four levels of grey; below 1/6 no black pixel would leave its level."""
    return _quantised("2 bits", 2, eps=0.2)


def three_bits() -> Defence:
    """Eight levels, in a function that cuts the graph."""
    net = digits()

    def model(inputs: Tensor) -> Tensor:
        few = (inputs.detach() * 7).round() / 7
        return net(few)

    return Defence("3 bits, detached", model, (_behind(Quantised(3), net), net))


def eight_bits() -> Defence:
    """All levels of a PNG file, by way of numpy: next to nothing is lost but the gradient."""
    net = digits()

    def model(inputs: Tensor) -> Tensor:
        pixels = (inputs.detach().cpu().numpy() * 255).round().astype(np.uint8)
        return net(torch.from_numpy(pixels).to(inputs.device) / 255)

    return Defence("8 bits, numpy", model, (net,))


def _quantised(name: str, bits: int, eps: float, real: bool = False) -> Defence:
    net, few = digits(), Quantised(bits)
    return Defence(name, nn.Sequential(few, net), (_behind(few, net), net), eps=eps, real=real)


def _behind(few: nn.Module, net: Look) -> Look:
    through = straight_through(few)
    return lambda inputs: net(through(inputs))
