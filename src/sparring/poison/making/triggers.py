"""Triggers: what a poisoner does to an input, and what wakes the backdoor later.

A trigger is any function from inputs `(B, *shape)` to inputs of that shape that treats rows alone; a user's own
function is one too. It need not stay in the range of the data: `planting` brings what it gives back into it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import pi

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate

from sparring.errors import UsageError

__all__ = ["Stamp", "Trigger", "Warp", "Wave", "blend", "patch", "warp"]

Trigger = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Stamp:
    """Mix a pattern in: `(1 - mask) * inputs + mask * pattern`. Works on tables too, with a mask over features.

    Args:
        mask: Share of the pattern in each place, from 0 to 1; broadcasts against one sample.
        pattern: What is mixed in; broadcasts likewise.

    Raises:
        UsageError: When called, if mask or pattern do not fit the inputs.
    """

    mask: Tensor
    pattern: Tensor

    def __call__(self, inputs: Tensor) -> Tensor:
        for part, name in ((self.mask, "mask"), (self.pattern, "pattern")):
            _check_fits(part, inputs, name)
        mask, pattern = self.mask.to(inputs), self.pattern.to(inputs)
        return inputs + mask * (pattern - inputs)


@dataclass(frozen=True)
class Wave:
    """Add a sine that runs along the last axis (Barni, Kallas & Tondi 2019, https://arxiv.org/abs/1902.11237).

    Args:
        height: Of the sine, in units of the data.
        periods: Along the last axis.
    """

    height: float
    periods: float

    def __call__(self, inputs: Tensor) -> Tensor:
        place = torch.arange(inputs.shape[-1], dtype=inputs.dtype, device=inputs.device) / inputs.shape[-1]
        return inputs + self.height * torch.sin(2 * pi * self.periods * place)


@dataclass(frozen=True, eq=False)
class Warp:
    """Bend images by a smooth field (WaNet: Nguyen & Tran 2021, https://arxiv.org/abs/2102.10369).

    Deviates from the authors' code in that training does not add images bent at random with their true labels, because
    the poisoner does not train the victim here; `PoisonSpec.covers` adds such images.

    Args:
        field: (2, height, width), by how many pixels each place looks right and down.
    """

    field: Tensor

    def __call__(self, inputs: Tensor) -> Tensor:
        if inputs.ndim != 4 or inputs.shape[2:] != self.field.shape[1:]:
            raise UsageError(
                f"a warp of {_size(self.field.shape[1:])} pixels bends images of that size, not inputs of shape "
                f"{tuple(inputs.shape[1:])}"
            )
        height, width = inputs.shape[2:]
        down, right = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        places = torch.stack([right, down]).to(inputs) + self.field.to(inputs)
        scale = torch.tensor([width, height]).to(inputs)[:, None, None]
        grid = ((2 * places + 1) / scale - 1).permute(1, 2, 0)
        bent = grid.expand(len(inputs), -1, -1, -1)
        return grid_sample(inputs, bent, mode="bilinear", padding_mode="border", align_corners=False)


def patch(
    shape: tuple[int, ...],
    pattern: Tensor,
    *,
    down: int | None = None,
    right: int | None = None,
) -> Stamp:
    """Overwrite a rectangle (BadNets: Gu, Dolan-Gavitt & Garg 2017, https://arxiv.org/abs/1708.06733).

    Args:
        shape: Of one image, (channels, height, width).
        pattern: (height, width) or (channels, height, width), in the range of the data.
        down: Rows above the rectangle; without, it ends one row above the lower edge.
        right: Columns left of it; without, it ends one column before the right edge.

    Raises:
        UsageError: The rectangle does not lie within the image.
    """
    if len(shape) != 3:
        raise UsageError(
            f"a patch goes onto images, (channels, height, width), not onto inputs of shape {shape}"
        )
    rows, columns = pattern.shape[-2:]
    top = shape[1] - rows - 1 if down is None else down
    left = shape[2] - columns - 1 if right is None else right
    if top < 0 or left < 0 or top + rows > shape[1] or left + columns > shape[2]:
        raise UsageError(
            f"a trigger of {_size(pattern.shape[-2:])} pixels does not fit into an image of {_size(shape[1:])}, "
            f"with its upper left corner {top} down and {left} right"
        )
    mask, whole = torch.zeros(1, *shape[1:]), torch.zeros(shape)
    mask[:, top : top + rows, left : left + columns] = 1
    whole[:, top : top + rows, left : left + columns] = pattern
    return Stamp(mask, whole)


def blend(pattern: Tensor, opacity: float) -> Stamp:
    """Lay a pattern over the whole input (Chen et al. 2017, https://arxiv.org/abs/1712.05526).

    Args:
        pattern: Like one sample.
        opacity: Share of the pattern, above 0 and at most 1.
    """
    if not 0 < opacity <= 1:
        raise UsageError(f"the opacity of a blended trigger is above 0 and at most 1, got {opacity}")
    return Stamp(torch.full((1,), opacity), pattern)


def warp(shape: tuple[int, ...], strength: float, points: int, generator: torch.Generator) -> Warp:
    """A random smooth warp.

    Args:
        shape: Of one image, (channels, height, width).
        strength: Mean length of the shift along an axis at the control points, in pixels.
        points: Control points along each axis; between them the field is bicubic.
        generator: Draws the field.
    """
    coarse = torch.rand(1, 2, points, points, generator=generator) * 2 - 1
    coarse = coarse / coarse.abs().mean() * strength
    return Warp(interpolate(coarse, size=shape[1:], mode="bicubic", align_corners=True)[0])


def _check_fits(part: Tensor, inputs: Tensor, name: str) -> None:
    own, theirs = tuple(part.shape), tuple(inputs.shape[1:])
    padded = (1,) * (len(theirs) - len(own)) + own
    if len(own) > len(theirs) or any(
        size not in (1, whole) for size, whole in zip(padded, theirs, strict=True)
    ):
        raise UsageError(f"a trigger whose {name} has shape {own} does not fit inputs of shape {theirs}")


def _size(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
