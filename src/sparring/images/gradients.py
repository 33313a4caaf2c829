"""Forwards through one thing, backwards through another: BPDA (Athalye, Carlini & Wagner 2018,
https://arxiv.org/abs/1802.00420).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["backwards_through"]


def backwards_through(stand_in: Tensor, values: Tensor) -> Tensor:
    """`values` to the last bit, with the gradient of `stand_in`, which has the same shape.

    >>> point = torch.tensor([0.2, 0.7], requires_grad=True)
    >>> backwards_through(2 * point, point.round()).sum().backward()
    >>> point.grad
    tensor([2., 2.])
    """
    result: Tensor = _Through.apply(stand_in, values)  # type: ignore[no-untyped-call]  # torch has no types here
    return result


class _Through(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, stand_in: Tensor, values: Tensor) -> Tensor:
        return values.clone()

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0], None
