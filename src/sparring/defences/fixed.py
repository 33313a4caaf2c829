"""One edit of the image, always the same: `nn.Module`s from images `(B, C, H, W)` in [0, 1] to such images."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sparring.errors import ModelError, UsageError
from sparring.images import (
    backwards_through,
    fewer_bits,
    gaussian_blur,
    jpeg,
    less_variation,
    median_blur,
    smooth_jpeg,
)

__all__ = ["JPEG", "BitDepth", "GaussianFilter", "MedianFilter", "TotalVariation", "check_images"]


class BitDepth(nn.Module):
    """Values rounded to `bits` bits (Xu, Evans & Qi 2018, https://arxiv.org/abs/1704.01155).

    The gradient is that of the identity.

    Args:
        bits: From 1 to 8.

    Raises:
        UsageError: There are no images of so many bits.

    >>> BitDepth(1)(torch.tensor([[0.2, 0.6]]))
    tensor([[0., 1.]])
    """

    way = "climbs as if nothing were rounded"

    def __init__(self, bits: int) -> None:
        super().__init__()
        if not 1 <= bits <= 8:
            raise UsageError(f"a value has from 1 to 8 bits, but {bits} were asked for")
        self.bits = bits

    def forward(self, inputs: Tensor) -> Tensor:
        return fewer_bits(inputs, self.bits)

    def plain(self, inputs: Tensor) -> Tensor:
        """Without a gradient."""
        return fewer_bits(inputs.detach(), self.bits)


class JPEG(nn.Module):
    """Written as JPEG and read again by Pillow (Guo et al. 2018, https://arxiv.org/abs/1711.00117).

    The gradient is that of a differentiable JPEG (`sparring.images.smooth_jpeg`).

    Args:
        quality: From 1 to 95.

    Raises:
        UsageError: There is no such quality.
    """

    way = "climbs through a differentiable JPEG"

    def __init__(self, quality: int = 75) -> None:
        super().__init__()
        if not 1 <= quality <= 95:
            raise UsageError(f"the quality of a JPEG is from 1 to 95, but {quality} was asked for")
        self.quality = quality

    def forward(self, inputs: Tensor) -> Tensor:
        values = self.plain(inputs)
        if not (torch.is_grad_enabled() and inputs.requires_grad):
            return values
        return backwards_through(smooth_jpeg(inputs, self.quality), values)

    def plain(self, inputs: Tensor) -> Tensor:
        """Without a gradient."""
        check_images(inputs, "JPEG")
        return jpeg(inputs, self.quality)


class MedianFilter(nn.Module):
    """Each value the median of its neighbourhood (Xu, Evans & Qi 2018, https://arxiv.org/abs/1704.01155).

    The gradient is exact: that of the one value that is the median.

    Args:
        size: Side of the neighbourhood, odd.
    """

    way = "climbs its own gradient, which is exact"

    def __init__(self, size: int = 3) -> None:
        super().__init__()
        if size < 1 or size % 2 == 0:
            raise UsageError(
                f"the side of a median's neighbourhood is odd, such as 3, but {size} was asked for"
            )
        self.size = size

    def forward(self, inputs: Tensor) -> Tensor:
        check_images(inputs, "a median filter")
        return median_blur(inputs, self.size)


class GaussianFilter(nn.Module):
    """Blurred by a normal distribution of `sigma` pixels. The gradient is exact."""

    way = "climbs its own gradient, which is exact"

    def __init__(self, sigma: float = 1.0) -> None:
        super().__init__()
        if not sigma > 0:
            raise UsageError(f"the width of a blur is positive, but {sigma} was asked for")
        self.sigma = sigma

    def forward(self, inputs: Tensor) -> Tensor:
        check_images(inputs, "a Gaussian filter")
        return gaussian_blur(inputs, self.sigma)


class TotalVariation(nn.Module):
    """Near the image, with less total variation (Guo et al. 2018, https://arxiv.org/abs/1711.00117).

    The gradient is exact, through all steps. Deviation: no pixels are dropped at random; `RandomMix` has that.

    Args:
        weight: Of the variation against the distance.
        steps: Of the minimisation.
    """

    way = "climbs its own gradient, through all steps of the minimisation"

    def __init__(self, weight: float = 0.1, steps: int = 20) -> None:
        super().__init__()
        if not weight > 0 or steps < 1:
            raise UsageError(f"weight and steps must be positive, but are {weight} and {steps}")
        self.weight, self.steps = weight, steps

    def forward(self, inputs: Tensor) -> Tensor:
        check_images(inputs, "total variation")
        return less_variation(inputs, self.weight, self.steps)


def check_images(inputs: Tensor, who: str) -> None:
    """Refuse what is no batch of images.

    Raises:
        ModelError: It is not `(B, 1 | 3, H, W)`.
    """
    if inputs.ndim != 4 or inputs.shape[1] not in (1, 3):
        raise ModelError(
            f"{who} is for images, (B, 1 | 3, height, width), but was given {tuple(inputs.shape)}; leave it out, or "
            "put it where the data are still images"
        )
