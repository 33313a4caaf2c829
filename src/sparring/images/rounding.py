"""Fewer bits per value (Xu, Evans & Qi 2018, https://arxiv.org/abs/1704.01155)."""

from __future__ import annotations

from torch import Tensor

from sparring.images.gradients import backwards_through

__all__ = ["fewer_bits"]


def fewer_bits(inputs: Tensor, bits: int) -> Tensor:
    """Each value rounded to the nearest of `2 ** bits` levels from 0 to 1; backwards the identity.

    >>> import torch
    >>> fewer_bits(torch.tensor([0.1, 0.45, 0.8]), 1)
    tensor([0., 0., 1.])
    """
    levels = 2**bits - 1
    return backwards_through(inputs, (inputs.detach() * levels).round() / levels)
