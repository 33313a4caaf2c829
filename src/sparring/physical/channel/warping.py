"""Pictures through homographies, and blurs that differ from row to row; with gradients."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["defocused", "sampled", "smoothed"]

REACH = 4
"""Pixels that a blur reaches at most; a wider one is cut."""


def sampled(pictures: Tensor, places: Tensor, half: float) -> Tensor:
    """The pictures at `places` `(B, h, w, 2)`, across and down from the middle, bilinear; edges go on for ever.

    Args:
        pictures: `(B, 3, H, W)`.
        places: In any unit of length.
        half: How long half a side of the pictures is, in that unit.
    """
    return functional.grid_sample(pictures, places / half, padding_mode="border", align_corners=False)


def smoothed(pictures: Tensor, sigma: Tensor) -> Tensor:
    """Convolved with bell curves of `sigma` `(B,)` pixels, so that fewer samples than pixels see no moiré."""
    places = torch.arange(-REACH, REACH + 1, dtype=pictures.dtype)
    bell = (-(places**2) / (2 * sigma.clamp(min=0.05)[:, None] ** 2)).exp()
    bell = bell / bell.sum(1, keepdim=True)
    return _convolved(_convolved(pictures, bell[:, None, :]), bell[:, :, None])


def defocused(pictures: Tensor, radius: Tensor, motion: Tensor, turn: Tensor) -> Tensor:
    """Blurred by a disc and by a straight smear.

    Args:
        pictures: `(B, 3, H, W)`.
        radius: Of the disc, in pixels, `(B,)`.
        motion: Length of the smear, in pixels, `(B,)`.
        turn: Its direction, in full turns, `(B,)`.
    """
    places = torch.arange(-REACH, REACH + 1, dtype=pictures.dtype)
    across, down = places[None, None, :], places[None, :, None]
    disc = (radius[:, None, None] + 0.5 - (across**2 + down**2).sqrt()).clamp(0, 1)
    angle = (2 * math.pi * turn)[:, None, None]
    along = (across * angle.cos() + down * angle.sin()).abs()
    beside = (down * angle.cos() - across * angle.sin()).abs()
    smear = (motion[:, None, None] / 2 + 0.5 - along).clamp(0, 1) * (1 - beside).clamp(0, 1)
    kernels = [each / each.sum((1, 2), keepdim=True) for each in (disc, smear)]
    return _convolved(_convolved(pictures, kernels[0]), kernels[1])


def _convolved(pictures: Tensor, kernels: Tensor) -> Tensor:
    """Every picture with its own kernel `(B, h, w)`, odd on both sides; edges are repeated."""
    rows, channels = pictures.shape[:2]
    height, width = kernels.shape[1:]
    around = (width // 2, width // 2, height // 2, height // 2)
    padded = functional.pad(pictures, around, mode="replicate").flatten(0, 1)[None]
    weights = kernels.repeat_interleave(channels, 0)[:, None]
    return functional.conv2d(padded, weights, groups=rows * channels).view_as(pictures)
