"""Sizes and places: scale, cut out, put somewhere on a black ground."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

__all__ = ["crop", "place", "resize"]


def resize(inputs: Tensor, height: int, width: int) -> Tensor:
    """Scaled to `height` by `width`, bilinear, smoothed first where it shrinks."""
    return functional.interpolate(
        inputs, (height, width), mode="bilinear", align_corners=False, antialias=True
    )


def crop(inputs: Tensor, top: int, left: int, height: int, width: int) -> Tensor:
    """The window of `height` by `width` whose upper left corner is at `top`, `left`."""
    return inputs[..., top : top + height, left : left + width]


def place(inputs: Tensor, top: int, left: int, height: int, width: int) -> Tensor:
    """The images on a black ground of `height` by `width`, their upper left corner at `top`, `left`."""
    below, right = height - top - inputs.shape[-2], width - left - inputs.shape[-1]
    return functional.pad(inputs, (left, right, top, below))
