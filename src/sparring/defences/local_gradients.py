"""A mask over what has more detail than pictures usually have, as patches do."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from sparring.defences.fixed import check_images
from sparring.errors import UsageError

__all__ = ["LocalGradients"]


class LocalGradients(nn.Module):
    """Darkens places of much detail (local gradients smoothing, Naseer, Khan & Porikli 2019, arXiv 1807.01216).

    The differences of neighbours are scaled to [0, 1] in each image; windows whose mean is below `threshold` are left
    alone, and elsewhere values are multiplied by one less `strength` times the difference, at least 0. The gradient is
    exact but for the choice of windows, which has none.

    Args:
        strength: Of the darkening.
        threshold: Mean of a window from which it is darkened.
        window: Side of the windows in pixels; each overlaps its neighbours by half.

    Raises:
        UsageError: A number makes no sense.
    """

    way = "climbs its own gradient, the windows being what they are"

    def __init__(self, strength: float = 2.3, threshold: float = 0.1, window: int = 6) -> None:
        super().__init__()
        if not strength > 0 or not 0 <= threshold <= 1 or window < 2:
            raise UsageError(
                "strength is positive, the threshold from 0 to 1 and a window at least 2 pixels wide, but they are "
                f"{strength:g}, {threshold:g} and {window}"
            )
        self.strength, self.threshold, self.window = strength, threshold, window

    def forward(self, inputs: Tensor) -> Tensor:
        check_images(inputs, "local gradients")
        detail = _detail(inputs)
        return inputs * (1 - self.strength * detail * self.busy(detail)).clamp(0, 1)

    def busy(self, detail: Tensor) -> Tensor:
        """Which places `(B, 1, H, W)` lie in some window of much detail."""
        means = functional.avg_pool2d(detail, self.window, max(1, self.window // 2), ceil_mode=True)
        chosen = (means.detach() >= self.threshold).to(detail)
        grown = functional.conv_transpose2d(
            chosen, chosen.new_ones(1, 1, self.window, self.window), stride=max(1, self.window // 2)
        )
        height, width = detail.shape[-2:]
        grown = functional.pad(
            grown, (0, max(0, width - grown.shape[-1]), 0, max(0, height - grown.shape[-2]))
        )
        return (grown[..., :height, :width] > 0).to(detail)


def _detail(inputs: Tensor) -> Tensor:
    """How much each value differs from its neighbours right and below, `(B, 1, H, W)`, from 0 to 1 in each image."""
    grey = inputs.mean(1, keepdim=True)
    padded = functional.pad(grey, (0, 1, 0, 1), mode="replicate")
    right, below = padded[..., :-1, 1:] - grey, padded[..., 1:, :-1] - grey
    size = (right**2 + below**2 + 1e-12).sqrt()
    low, high = (each(size, (1, 2, 3), keepdim=True) for each in (torch.amin, torch.amax))
    return (size - low) / (high - low).clamp(min=1e-6)
