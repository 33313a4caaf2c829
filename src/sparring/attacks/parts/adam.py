"""Adam (Kingma & Ba 2015, https://arxiv.org/abs/1412.6980) for rows of different age."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sparring.tensors import over_rows

__all__ = ["Moments", "adam", "no_moments"]


@dataclass(frozen=True)
class Moments:
    """Running means of the gradient and of its square, `(B, *shape)`."""

    mean: Tensor
    square: Tensor


def no_moments(inputs: Tensor) -> Moments:
    """What is known before the first gradient."""
    return Moments(torch.zeros_like(inputs), torch.zeros_like(inputs))


def adam(
    moments: Moments, gradient: Tensor, taken: Tensor, first: float = 0.9, second: float = 0.999
) -> tuple[Moments, Tensor, Tensor]:
    """The moments with one more gradient; its mean over its root mean square, and the latter, `(B, *shape)`.

    Args:
        moments: Before.
        gradient: `(B, *shape)`.
        taken: Gradients that were seen before, `(B,)`.
        first: What is kept of the mean at each step.
        second: What is kept of the mean square.
    """
    new = Moments(
        torch.lerp(gradient, moments.mean, first), torch.lerp(gradient.square(), moments.square, second)
    )
    age = (taken + 1).to(gradient)
    spread = (new.square / over_rows(1 - second**age, gradient)).sqrt_().add_(1e-8)
    return new, (new.mean / over_rows(1 - first**age, gradient)).div_(spread), spread
