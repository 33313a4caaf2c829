"""Normalisation inside the model, so that inputs stay in the range of the data."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sparring.errors import UsageError

__all__ = ["Normalised"]


class Normalised(nn.Module):
    """`(inputs - mean) / std` per channel (the first axis of a sample); one number serves all channels.

    Raises:
        UsageError: If the lengths differ, or a std is not positive.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: float | Sequence[float], std: float | Sequence[float]) -> None:
        super().__init__()
        means, stds = (torch.as_tensor(values, dtype=torch.float32).reshape(-1) for values in (mean, std))
        if len(means) != len(stds):
            raise UsageError(
                f"mean has {len(means)} values but std has {len(stds)}; give one of each per channel"
            )
        if not bool((stds > 0).all()):
            raise UsageError(f"std must be positive, got {stds.tolist()}")
        self.register_buffer("mean", means)
        self.register_buffer("std", stds)

    def forward(self, inputs: Tensor) -> Tensor:
        shape = (-1, *[1] * (inputs.ndim - 2))
        return (inputs - self.mean.to(inputs.dtype).view(shape)) / self.std.to(inputs.dtype).view(shape)
