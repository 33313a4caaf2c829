"""Square windows for random search: their size, their place, and how any data is seen as an image.

`(B, C, H, W)` is an image as it is; `(B, H, W)` has one channel; `(B, n)` is a line of n pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["HORIZON", "as_image", "choose", "inside", "places", "window_size"]

HORIZON = 10_000
"""Tries for which the authors wrote their schedule."""

# After so many of them the windows' area is halved, each time.
_HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)


def as_image(inputs: Tensor) -> Tensor:
    """See inputs `(B, *shape)` as `(B, C, H, W)`."""
    match inputs.ndim:
        case 2:
            return inputs[:, None, None]
        case 3:
            return inputs[:, None]
        case 4:
            return inputs
    return inputs.flatten(1)[:, None, None]


def window_size(share: float, tried: Tensor, image: Tensor, horizon: int = HORIZON) -> tuple[Tensor, Tensor]:
    """Height and width `(B,)` of windows for the part of the image due after `tried` `(B,)` tries of `horizon`."""
    full_height, full_width = image.shape[2:]
    due = tried * HORIZON // horizon
    halvings = torch.bucketize(due, torch.tensor(_HALVINGS, device=tried.device))
    area = share * full_height * full_width / 2.0**halvings
    if full_height == 1:
        return torch.ones_like(tried), area.round().long().clamp(1, full_width)
    side = area.sqrt().round().long().clamp(1, min(full_height, full_width))
    return side, side


def choose(fraction: Tensor, size: Tensor, full: int) -> Tensor:
    """Where a window of `size` `(B,)` begins, from uniform numbers `(B,)`: every place is as likely."""
    return (fraction * (full - size + 1)).long()


def inside(image: Tensor, top: Tensor, left: Tensor, height: Tensor, width: Tensor) -> Tensor:
    """Which pixels lie in each row's window, `(B, 1, H, W)`."""
    down = torch.arange(image.shape[2], device=image.device)[None, :] - top[:, None]
    right = torch.arange(image.shape[3], device=image.device)[None, :] - left[:, None]
    rows, columns = (down >= 0) & (down < height[:, None]), (right >= 0) & (right < width[:, None])
    return (rows[:, :, None] & columns[:, None, :])[:, None]


def places(image: Tensor, top: Tensor, left: Tensor, height: Tensor, width: Tensor) -> Tensor:
    """Where the values of N windows lie in a flattened image, `(N, C, highest, widest)`; small ones repeat their last.

    To change these alone is cheaper than to go over whole images, for most windows are small.
    """
    channels, full = image.shape[1], image.shape[3]
    down, right = (
        torch.minimum(torch.arange(int(size.max()), device=image.device), size[:, None] - 1)
        for size in (height, width)
    )
    plane = ((top[:, None] + down) * full)[:, :, None] + (left[:, None] + right)[:, None, :]
    return plane[:, None] + torch.arange(channels, device=image.device)[:, None, None] * image[0, 0].numel()
