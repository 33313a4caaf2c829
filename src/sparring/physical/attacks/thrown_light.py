"""Light thrown on an object, as a few numbers: a shadow with three corners, a laser's beam.

Shadows after Zhong, Liu, Zhai, Jiang & Ji 2022 (https://arxiv.org/abs/2203.03818), beams after Duan et al. 2021
(https://arxiv.org/abs/2103.06504). Deviations: both act on linear light, where the papers change L of Lab and add to
sRGB values; edges are soft; colours of wavelengths are a piecewise linear fit to what screens show.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from sparring.physical.channel.optics import linear, srgb

__all__ = ["Beam", "Shadow", "ThrownLight"]

PENUMBRA = 0.01
"""How soft the edge of a shadow is, of the picture's side."""

SHORTEST, LONGEST = 380.0, 750.0
"""Wavelengths in nm that eyes and cameras see."""

THIN, THICK = 0.01, 0.06
"""Half the width of a beam, of the picture's side."""


class ThrownLight(Protocol):
    """A way to light pictures that so many `numbers` from 0 to 1 describe."""

    @property
    def numbers(self) -> int: ...

    def cast(self, pictures: Tensor, numbers: Tensor) -> Tensor:
        """Pictures `(B, 3, H, W)` in [0, 1] under the light of `numbers` `(B, n)`."""
        ...


@dataclass(frozen=True)
class Shadow:
    """A triangle in which only a part of the light is `left`; its numbers are three corners, across and down."""

    left: float = 0.25
    numbers: int = 6

    def cast(self, pictures: Tensor, numbers: Tensor) -> Tensor:
        """The triangle is where all three edges are on the same side."""
        corners = 1.2 * numbers.view(-1, 3, 2) - 0.6
        onward = corners.roll(-1, 1) - corners
        turn = (onward[:, 0, 0] * onward[:, 1, 1] - onward[:, 0, 1] * onward[:, 1, 0]).sign()
        away = _places(pictures)[:, None] - corners[:, :, None, None]  # (B, 3, H, W, 2)
        along = onward / onward.norm(dim=-1, keepdim=True).clamp(min=1e-6)
        depth = along[..., 0, None, None] * away[..., 1] - along[..., 1, None, None] * away[..., 0]
        nearest = (depth * turn.view(-1, 1, 1, 1)).amin(1, keepdim=True)
        dark = (nearest / PENUMBRA).sigmoid() * (turn != 0).view(-1, 1, 1, 1)
        return srgb(linear(pictures) * (1 - (1 - self.left) * dark))


@dataclass(frozen=True)
class Beam:
    """A straight beam of one colour, as bright as white at `strength` 1.

    Its numbers are its colour, direction, place and width.
    """

    strength: float = 1.0
    numbers: int = 4

    def cast(self, pictures: Tensor, numbers: Tensor) -> Tensor:
        """Brightest along its middle, falling off as a bell curve."""
        colour = _spectrum(SHORTEST + (LONGEST - SHORTEST) * numbers[:, 0])[:, :, None, None]
        turn, offset = math.pi * numbers[:, 1], numbers[:, 2] - 0.5
        width = THIN + (THICK - THIN) * numbers[:, 3]
        places = _places(pictures)
        way = torch.stack([turn.cos(), turn.sin()], 1)[:, None, None]
        beside = (places * way).sum(-1) - offset[:, None, None]
        glow = (-(beside**2) / (2 * width[:, None, None] ** 2)).exp()[:, None]
        return srgb(linear(pictures) + self.strength * glow * colour)


def _places(pictures: Tensor) -> Tensor:
    """Middles of pixels `(1, H, W, 2)`, across and down from the picture's middle, in its sides."""
    down, across = ((torch.arange(side) + 0.5) / side - 0.5 for side in pictures.shape[-2:])
    height, width = pictures.shape[-2:]
    return torch.stack([across.expand(height, width), down[:, None].expand(height, width)], -1)[None].to(
        pictures
    )


def _spectrum(nanometres: Tensor) -> Tensor:
    """Red, green and blue `(B, 3)` of wavelengths `(B,)`, linear between six known colours."""
    known = torch.tensor([380.0, 440, 490, 510, 580, 645, 750]).to(nanometres)
    colours = torch.tensor(
        [[0.4, 0, 0.4], [0, 0, 1], [0, 1, 1], [0, 1, 0], [1, 1, 0], [1, 0, 0], [0.4, 0, 0]]
    ).to(nanometres)
    after = torch.searchsorted(known, nanometres.contiguous()).clamp(1, len(known) - 1)
    share = ((nanometres - known[after - 1]) / (known[after] - known[after - 1]))[:, None]
    return colours[after - 1] * (1 - share) + colours[after] * share
