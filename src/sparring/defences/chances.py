"""Edits drawn anew for each answer: `nn.Module`s from images `(B, C, H, W)` in [0, 1] to such images.

The gradient is that of the edit that was drawn. An audit sees that two answers differ, climbs the mean of as many
draws as the noise of the gradient asks for (EOT), and counts fresh ones. All rows of one call share their draw.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sparring.defences.fixed import JPEG, BitDepth, GaussianFilter, check_images
from sparring.errors import UsageError
from sparring.images import crop, place, resize

__all__ = ["CropRescale", "GaussianNoise", "RandomMix", "RandomResizePad"]

WAY = "climbs the mean of several draws"


class RandomResizePad(nn.Module):
    """Scaled to a random size and put at a random place on black (Xie et al. 2018, https://arxiv.org/abs/1711.01991).

    Deviation: the paper enlarges, for nets that take any size; here the image shrinks and keeps its size.

    Args:
        smallest: Least share of the side, in (0, 1].
    """

    way = WAY

    def __init__(self, smallest: float = 0.8) -> None:
        super().__init__()
        self.smallest = _share(smallest)

    def forward(self, inputs: Tensor) -> Tensor:
        check_images(inputs, "resizing")
        height, width = inputs.shape[-2:]
        tall, wide = (_at_least(self.smallest, side) for side in (height, width))
        top, left = _upto(height - tall), _upto(width - wide)
        return place(resize(inputs, tall, wide), top, left, height, width)


class CropRescale(nn.Module):
    """A random window, scaled back to the whole (Guo et al. 2018, https://arxiv.org/abs/1711.00117).

    Args:
        smallest: Least share of the side, in (0, 1].
    """

    way = WAY

    def __init__(self, smallest: float = 0.8) -> None:
        super().__init__()
        self.smallest = _share(smallest)

    def forward(self, inputs: Tensor) -> Tensor:
        check_images(inputs, "cropping")
        height, width = inputs.shape[-2:]
        tall, wide = (_at_least(self.smallest, side) for side in (height, width))
        window = crop(inputs, _upto(height - tall), _upto(width - wide), tall, wide)
        return resize(window, height, width)


class GaussianNoise(nn.Module):
    """Normal noise of `sigma` on every value, for inputs of any shape."""

    way = WAY

    def __init__(self, sigma: float = 0.1) -> None:
        super().__init__()
        if not sigma > 0:
            raise UsageError(f"the width of noise is positive, but {sigma} was asked for")
        self.sigma = sigma

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs + self.sigma * torch.randn_like(inputs)


class RandomMix(nn.Module):
    """Some edits out of a list, in random order (BaRT: Raff, Sylvester, Forsyth & McLean 2019, CVPR).

    Deviation: the paper draws from 25 edits with drawn parameters; here the list is yours, by default six.

    Args:
        edits: Modules from images to images.
        most: From 1 to so many of them are drawn.
    """

    way = WAY

    def __init__(self, edits: tuple[nn.Module, ...] | None = None, most: int = 3) -> None:
        super().__init__()
        given = edits or (
            BitDepth(4), JPEG(75), GaussianFilter(0.7), GaussianNoise(0.05), RandomResizePad(), CropRescale(),
        )  # fmt: skip
        if not 1 <= most <= len(given):
            raise UsageError(f"of {len(given)} edits, from 1 to {len(given)} can be drawn, but not {most}")
        self.edits, self.most = nn.ModuleList(given), most

    def forward(self, inputs: Tensor) -> Tensor:
        count = 1 + _upto(self.most - 1)
        for place_in_list in torch.randperm(len(self.edits))[:count].tolist():
            inputs = self.edits[place_in_list](inputs)
        return inputs


def _share(smallest: float) -> float:
    if not 0 < smallest <= 1:
        raise UsageError(f"the least share of a side is in (0, 1], such as 0.8, but {smallest} was asked for")
    return smallest


def _at_least(share: float, side: int) -> int:
    """A length from a share of the side to the whole side."""
    least = max(1, round(share * side))
    return least + _upto(side - least)


def _upto(most: int) -> int:
    """A whole number from 0 to `most`."""
    return int(torch.randint(most + 1, ()))
