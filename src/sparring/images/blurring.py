"""Local smoothing: the mean under a bell curve, and the median."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["gaussian_blur", "median_blur"]


def gaussian_blur(inputs: Tensor, sigma: float) -> Tensor:
    """Convolved with a normal distribution of `sigma` pixels, cut at three of them; edges are reflected."""
    reach = min(max(1, math.ceil(3 * sigma)), min(inputs.shape[-2:]) - 1)
    places = torch.arange(-reach, reach + 1, dtype=inputs.dtype, device=inputs.device)
    bell = (-(places**2) / (2 * sigma**2)).exp()
    bell = bell / bell.sum()
    channels = inputs.shape[1]
    across, down = (bell.reshape(shape).expand(channels, 1, *shape) for shape in ((1, -1), (-1, 1)))
    padded = functional.pad(inputs, (reach, reach, reach, reach), mode="reflect")
    return functional.conv2d(functional.conv2d(padded, across, groups=channels), down, groups=channels)


def median_blur(inputs: Tensor, size: int = 3) -> Tensor:
    """Each value the median of the window of `size` by `size` around it, `size` odd; edges are reflected.

    The gradient goes to the one value that is the median.
    """
    reach = size // 2
    padded = functional.pad(inputs, (reach, reach, reach, reach), mode="reflect")
    windows = padded.unfold(2, size, 1).unfold(3, size, 1).flatten(-2)
    return windows.median(-1).values
