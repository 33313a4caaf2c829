"""What an entry of the bank is, and what a knowing attacker needs to get past it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn

from defences import nets
from sparring.models import load_model

__all__ = ["Defence", "Look", "averaged", "colours", "digits", "straight_through"]

Look = Callable[[Tensor], Tensor]
"""Inputs `(B, *shape)` to B rows of scores."""


@dataclass(frozen=True)
class Defence:
    """A model that looks robust.

    Args:
        name: In tables.
        model: As a user would hand it over.
        stand_ins: What an attacker who has read its code climbs instead: differentiable, near to it, written by hand.
        data: In the folder of `_data.py`.
        eps: In Linf; for digits as small as leaves most of them breakable, since chance breaks a plain net at 0.3.
        randomised: It answers equal inputs differently.
        real: It does protect samples, so some must stay robust.
    """

    name: str
    model: Look
    stand_ins: tuple[Look, ...]
    data: str = "mnist/mnist_70000.npz"
    eps: float = 0.15
    randomised: bool = False
    real: bool = False


@cache
def digits() -> Look:
    """The undefended net for MNIST, 436,000 parameters."""
    from _data import found

    return load_model(found("models/mnist_small_cnn_std.pt2")).function


@cache
def colours() -> nn.Module:
    """The undefended net for CIFAR-10."""
    return nets.loaded("cifar", nets.cifar())


def straight_through(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """The function, but backwards as if it returned its argument (Athalye et al. 2018: BPDA).

    https://arxiv.org/abs/1802.00420
    """

    def stand_in(inputs: Tensor) -> Tensor:
        with torch.no_grad():
            outputs = function(inputs.detach())
        return inputs + (outputs - inputs.detach())

    return stand_in


def averaged(model: Look, draws: int = 10) -> Look:
    """Mean scores of a randomised model, so that one gradient is the mean of many (Athalye et al. 2018: EOT)."""
    return lambda inputs: torch.stack([model(inputs) for _ in range(draws)]).mean(0)
