"""Where a patch lies on a printed picture, in millimetres, and the picture with the patch on it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from sparring.errors import UsageError
from sparring.images import resize

__all__ = ["Placement", "place_patch", "whole_picture"]

FINE = 3
"""Pixels of a printed picture per side of the smallest feature."""


@dataclass(frozen=True)
class Placement:
    """A square picture on paper, and a patch of square features on it; all in millimetres.

    Lengths of the patch are rounded to whole features, places to thirds of one.

    Attributes:
        side: Of the picture.
        width: Of the patch.
        height: Of the patch.
        left: From the picture's left edge to the patch's.
        top: From the picture's top edge to the patch's.
        feature: Side of the smallest feature, which has one colour.

    Raises:
        UsageError: The patch is larger than the picture, reaches over its edge, or has no feature.
    """

    side: float
    width: float
    height: float
    left: float
    top: float
    feature: float

    def __post_init__(self) -> None:
        if not min(self.side, self.width, self.height, self.feature) > 0:
            raise UsageError("the picture, the patch and its features have sides of more than 0 mm")
        if max(self.width, self.height) > self.side:
            raise UsageError(
                f"a patch of {self.width:g} x {self.height:g} mm is larger than the picture of {self.side:g} mm; "
                "make the patch smaller or the picture larger"
            )
        if self.feature > min(self.width, self.height):
            raise UsageError(
                f"a smallest feature of {self.feature:g} mm does not fit into a patch of "
                f"{self.width:g} x {self.height:g} mm"
            )
        right, below = self.left + self.width - self.side, self.top + self.height - self.side
        if min(self.left, self.top) < -1e-6 or max(right, below) > 1e-6:
            raise UsageError(
                f"a patch of {self.width:g} x {self.height:g} mm at {self.left:g}, {self.top:g} mm reaches over the "
                f"edge of the picture of {self.side:g} mm"
            )

    @property
    def pixels(self) -> int:
        """Height and width of a printed picture."""
        return round(FINE * self.side / self.feature)

    @property
    def features(self) -> tuple[int, int]:
        """Features down and across the patch."""
        return max(1, round(self.height / self.feature)), max(1, round(self.width / self.feature))

    @property
    def share(self) -> float:
        """How much of the picture the patch covers, as it is printed."""
        down, across = self.features
        return (FINE * down) * (FINE * across) / self.pixels**2

    @property
    def corner(self) -> tuple[int, int]:
        """Pixels of the picture above and left of the patch."""
        most = [self.pixels - FINE * each for each in self.features]
        down, across = (round(FINE * each / self.feature) for each in (self.top, self.left))
        return max(0, min(down, most[0])), max(0, min(across, most[1]))


def whole_picture(side: float, size: int) -> Placement:
    """A "patch" that is the whole picture, a feature per pixel of the model's input."""
    return Placement(side, side, side, 0.0, 0.0, side / size)


def place_patch(inputs: Tensor, patch: Tensor | None, placement: Placement) -> Tensor:
    """Pictures ready to be printed, `(B, 3, pixels, pixels)`, with the patch on them.

    Args:
        inputs: `(B, 1 | 3, H, W)` in [0, 1]; scaled to the print.
        patch: `(3 | 4, down, across)` or `(B, 3 | 4, down, across)`, a pixel per feature; a fourth channel is 1 where
            there is a sticker and 0 where the picture shows. None leaves the pictures as they are.
        placement: Where it lies.
    """
    colour = inputs.expand(-1, 3, -1, -1)
    pictures = resize(colour, placement.pixels, placement.pixels).clamp(0, 1)
    if patch is None:
        return pictures
    own = patch.reshape(-1, *patch.shape[-3:])
    if own.shape[1] == 3:
        own = torch.cat([own, torch.ones_like(own[:, :1])], 1)
    large = functional.interpolate(own, scale_factor=FINE, mode="nearest")
    top, left = placement.corner
    below, right = placement.pixels - top - large.shape[-2], placement.pixels - left - large.shape[-1]
    laid = functional.pad(large, (left, right, top, below))
    return pictures * (1 - laid[:, 3:]) + laid[:, :3] * laid[:, 3:]
