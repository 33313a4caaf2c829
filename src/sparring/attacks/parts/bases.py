"""Orthonormal bases of changes: single values, or waves of low frequency first.

Changes that matter are smooth more often than chance has it, so searches that may ask only so often ask along waves
of low frequency (Guo, Frank & Weinberger 2018, https://arxiv.org/abs/1809.08758).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from sparring.attacks.parts.windows import as_image
from sparring.engine import Task

__all__ = ["Basis", "Kind", "basis_of"]

Kind = Literal["values", "waves"]
"""`waves` are cosines over height, width and channels (the discrete cosine transform); lists of numbers have none."""


@dataclass(frozen=True)
class Basis:
    """Vectors that are products of three: across channels, down the height, along the width.

    Args:
        channels, height, width: Orthonormal rows, `(C, C)`, `(H, H)`, `(W, W)`.
        smooth: Whether rows stand by frequency.
    """

    channels: Tensor
    height: Tensor
    width: Tensor
    smooth: bool

    def vectors(self, which: Tensor) -> Tensor:
        """The basis vectors numbered `which` `(B, K)`, as images `(B, K, C, H, W)`."""
        rest, column = which // len(self.width), which % len(self.width)
        channel, row = rest // len(self.height), rest % len(self.height)
        plane = self.height[row][..., :, None] * self.width[column][..., None, :]
        return self.channels[channel][..., None, None] * plane[:, :, None]

    def mixed(self, coefficients: Tensor) -> Tensor:
        """The sum of all vectors by their coefficients, `(B, C * H * W)` to `(B, C, H, W)`."""
        sizes = len(self.channels), len(self.height), len(self.width)
        values = self.height.T @ coefficients.unflatten(1, sizes) @ self.width
        return torch.einsum("ab,nahw->nbhw", self.channels, values)

    def coefficients(self, values: Tensor) -> Tensor:
        """What `mixed` makes `values` of, `(B, *shape)` to `(B, C * H * W)`."""
        images = as_image(values)
        waves = self.height @ torch.einsum("ab,nbhw->nahw", self.channels, images) @ self.width.T
        return waves.flatten(1)

    def frequencies(self, colour: float) -> Tensor:
        """Of each vector, `(C * H * W,)`: the length of its two counts of half waves over the image, and `colour` more
        for each step away from grey; zeros where there are no waves.
        """
        hue, down, along = (
            torch.arange(len(rows), device=rows.device) * float(self.smooth)
            for rows in (self.channels, self.height, self.width)
        )
        length = (down[:, None] ** 2 + along[None, :] ** 2).sqrt()
        return (colour * hue[:, None, None] + length).flatten()

    def order(self, task: Task, most: int) -> Tensor:
        """Up to `most` vectors of each row in random order, low frequencies first where there are any, `(B, K)`.

        A step away from grey counts as two half waves; up to two are added to a frequency at random.
        """
        lowest = self.frequencies(2.0)
        key = 2 * task.draws.uniform(task.inputs.new_empty(len(task), len(lowest))) + lowest
        return key.topk(min(most, len(lowest)), dim=1, largest=False).indices


def basis_of(task: Task, kind: Kind) -> Basis:
    """The basis for the samples of a task."""
    image = as_image(task.inputs)
    sizes = image.shape[1:]
    smooth = kind == "waves" and task.inputs.ndim > 2
    channels, height, width = (
        _cosines(size, image) if smooth else torch.eye(size).to(image) for size in sizes
    )
    return Basis(channels, height, width, smooth)


def _cosines(size: int, like: Tensor) -> Tensor:
    """The discrete cosine transform (DCT-II), orthonormal, by frequency, `(size, size)`."""
    places = torch.arange(size, dtype=torch.float64)
    rows = torch.cos(math.pi * (places + 0.5) * places[:, None] / size) * math.sqrt(2 / size)
    rows[0] /= math.sqrt(2)
    return rows.to(like)
