"""The normal of a decision boundary at a point on it, learned from labels of points around.

A normal is a sum of waves, or of single values where data have no waves. What is known of it is a Gaussian: a mean and
a variance for each wave. Before anything is asked the mean is zero, and low frequencies vary more, as they do in the
slopes of models that work on images. With n the normal, u a direction in which n is expected to be zero, V the
variances and s = 1 where the goal is reached, -1 elsewhere, which is the sign of <n, u>:

    mean     <- mean + sqrt(2 / pi) s V u / sqrt(<u, V u>)
    variance <- variance - 2 / pi (V u)^2 / <u, V u>

the moments after one answer, but for covariances, which are not kept (assumed density filtering, Minka 2001,
https://arxiv.org/abs/1301.2294). Directions are drawn from the variances, orthogonal to the mean, so that every answer
is as uncertain as it can be. The mean of the answers around a point is taken off, because a point lies a little past
the boundary.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from sparring.attacks.bases import Basis, basis_of
from sparring.attacks.crossing import clipped
from sparring.engine import Task
from sparring.tensors import flat, over_rows
from sparring.threat.box import allowed

__all__ = ["Normal", "asked_around", "directions", "unknown"]

_BLOCK = 10
"""Directions that are drawn at once, before anything is learned from their answers."""

_FEWEST = 5
"""Frequencies along a side, at least."""

_SMOOTH, _DECAY, _COLOUR = 4.0, 3.0, 1.0
"""Variances fall with the power `_DECAY` of the frequency above `_SMOOTH` half waves over the image; a step away from
grey counts as `_COLOUR` half waves."""

_LEAST = 0.02
"""The share of its first variance that each wave keeps."""


@dataclass(frozen=True)
class Normal:
    """What is known of a normal, one number for each vector of a basis, `(n,)`.

    Args:
        basis: The vectors.
        mean, variance: Of their coefficients.
        prior: Their variance before anything was asked.
    """

    basis: Basis
    mean: Tensor
    variance: Tensor
    prior: Tensor

    def along(self, like: Tensor) -> Tensor:
        """The mean as a change, in the shape of `like` `(1, *shape)`; not of length one."""
        return self.basis.mixed(self.mean[None]).reshape(like.shape)

    def faded(self, kept: float) -> Normal:
        """The same a little way off, where a share `kept` of the normal is still what it was."""
        variance = kept**2 * self.variance + (1 - kept**2) * self.prior
        return replace(self, mean=kept * self.mean, variance=variance)

    def drawn(self, noise: Tensor) -> Tensor:
        """Directions of length one, orthogonal to the mean, from standard normal `noise` `(K, n)`."""
        spread = noise * self.variance.sqrt()
        if bool(self.mean.any()):
            pull = self.variance * self.mean
            spread = spread - (spread @ self.mean)[:, None] / (self.mean @ pull) * pull
        return spread / spread.norm(dim=1, keepdim=True).clamp_min(1e-12)

    def told(self, directions: Tensor, signs: Tensor) -> Normal:
        """After `signs` `(K,)` were seen in `directions` `(K, n)`."""
        pull = self.variance * directions
        pull = pull / (directions * pull).sum(1, keepdim=True).clamp_min(1e-12).sqrt()
        variance = self.variance - 2 / math.pi * pull.square().sum(0)
        return replace(
            self,
            mean=self.mean + math.sqrt(2 / math.pi) * signs @ pull,
            variance=torch.maximum(variance, _LEAST * self.prior),
        )


def unknown(task: Task) -> Normal:
    """What is known before anything was asked, for a task of one row."""
    basis = basis_of(task, "waves")
    weight = (1 + (basis.frequencies(_COLOUR) / _SMOOTH).square()) ** (-_DECAY / 2)
    prior = (weight / weight.sum()).to(task.inputs)
    return Normal(basis, torch.zeros_like(prior), prior, prior)


def asked_around(
    task: Task, normal: Normal, point: Tensor, spread: float, looks: int, draw: Iterator[int]
) -> Generator[Tensor, Tensor, Normal]:
    """Learn which way the goal lies at a boundary point. A part of a walk.

    Args:
        task: One row.
        normal: What is known already.
        point: `(1, *shape)`.
        spread: Euclidean distance at which is looked.
        looks: How many directions.
        draw: Numbers of draws that were not used yet.
    """
    for first in range(0, looks, _BLOCK):
        count = min(_BLOCK, looks - first)
        noise = task.draws.normal(normal.prior.new_empty(1, count, len(normal.prior)), draw=next(draw))[0]
        around = normal.basis.mixed(normal.drawn(noise)).reshape(count, *point.shape[1:])
        asked = clipped(task, point + spread * around)
        signs = 2.0 * (yield asked).to(point) - 1
        signs = signs - signs.mean() if bool((signs != signs[0]).any()) else signs
        normal = normal.told(normal.basis.coefficients((asked - point) / spread), signs)
    return normal


def directions(task: Task, count: int, draw: int, frequencies: float = 1.0) -> Tensor:
    """Random directions of length one, `(count, *shape)`, for a task of one row.

    Args:
        task: One row.
        count: How many.
        draw: Number of the draw.
        frequencies: Share of the frequencies of images, along each side, lowest first; data without sides have all.
    """
    shape = task.inputs.shape[1:]
    if frequencies >= 1 or len(shape) != 3:
        noise = task.draws.normal(task.inputs.new_empty(1, count, *shape), draw=draw)[0]
    else:
        height, width = (max(min(side, _FEWEST), round(side * frequencies)) for side in shape[1:])
        waves = task.draws.normal(task.inputs.new_empty(1, count, shape[0], height, width), draw=draw)[0]
        noise = _cosines(shape[1], height, waves) @ waves @ _cosines(shape[2], width, waves).T
    noise = allowed(noise, task.threat.mask)
    return noise / over_rows(flat(noise).norm(dim=1).clamp_min(1e-12), noise)


def _cosines(length: int, count: int, like: Tensor) -> Tensor:
    """The first `count` cosines of the discrete cosine transform, of length one, `(length, count)`."""
    places = torch.arange(length, device=like.device, dtype=like.dtype)[:, None] + 0.5
    waves = (torch.pi / length * places * torch.arange(count, device=like.device)).cos()
    return waves / waves.norm(dim=0)
