"""The normal of a decision boundary at a point on it, from labels of random points around.

Monte Carlo estimate of HopSkipJump (Chen, Jordan & Wainwright 2020, https://arxiv.org/abs/1904.02144): with u of length
one, d the distance at which is looked, and s = 1 where the goal is reached, -1 elsewhere:

    normal ~ sum over u of (s(point + d u) - mean of s) u

Directions of low spatial frequency only, as GeoDA, QEBA and CGBA draw them, need fewer looks where the normal is
smooth.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator

import torch
from torch import Tensor

from sparring.attacks.crossing import clipped
from sparring.engine import Task
from sparring.tensors import flat, over_rows
from sparring.threat.box import allowed

__all__ = ["directions", "normal_at"]

_BLOCK = 10
"""Directions that are drawn at once."""

_FEWEST = 5
"""Frequencies along a side, at least."""


def normal_at(
    task: Task, point: Tensor, spread: float, looks: int, draw: Iterator[int], frequencies: float = 1.0
) -> Generator[Tensor, Tensor, Tensor]:
    """Which way the goal lies at a boundary point, `(1, *shape)`; not of length one. A part of a walk.

    Args:
        task: One row.
        point: `(1, *shape)`.
        spread: Euclidean distance at which is looked.
        looks: How many directions.
        draw: Numbers of draws that were not used yet.
        frequencies: See `directions`.
    """
    shifts, signs = [], []
    for first in range(0, looks, _BLOCK):
        around = directions(task, min(_BLOCK, looks - first), next(draw), frequencies)
        asked = clipped(task, point + spread * around)
        signs.append(2.0 * (yield asked).to(point) - 1)
        shifts.append(asked - point)
    side = torch.cat(signs)
    weight = side - side.mean() if bool((side != side[0]).any()) else side
    return torch.tensordot(weight, torch.cat(shifts), dims=1)[None]


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
