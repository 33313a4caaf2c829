"""Steps whose gradient is not what it seems."""

from __future__ import annotations

import torch

__all__ = ["cut", "flip"]


class _Flip(torch.autograd.Function):
    @staticmethod
    def forward(ctx, inputs):
        return inputs.clone()

    @staticmethod
    def backward(ctx, gradient):
        return -gradient


class _Cut(torch.autograd.Function):
    @staticmethod
    def forward(ctx, inputs):
        return inputs.clone()

    @staticmethod
    def backward(ctx, gradient):
        return 0 * gradient


def flip(inputs):
    """The inputs, with minus their gradient."""
    return _Flip.apply(inputs)


def cut(inputs):
    """The inputs, with a gradient of zero."""
    return _Cut.apply(inputs)
