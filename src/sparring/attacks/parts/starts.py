"""Where a climb starts: functions of a task, each one point per row, `(B, *shape)`.

Gradients at uniform points and at vertices see different slopes, so samples that no number of steps from the one
breaks can fall to a few steps from the other. Blocks are the vertices that Square begins from and moves between
(Andriushchenko et al. 2020, https://arxiv.org/abs/1912.00049).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from sparring.attacks.parts.windows import as_image
from sparring.engine import Task
from sparring.tensors import per_row
from sparring.threat import Linf

__all__ = ["Start", "blocks", "boundary", "noisy", "vertex"]

Start = Callable[[Task], Tensor]

_ACROSS = 7
"""Blocks along the width of an image, at least."""


def boundary(task: Task) -> Tensor:
    """A random point as far out as the threat allows: noise scaled to a distance of eps, then projected."""
    noise = (
        2 * task.draws.uniform(task.inputs) - 1
        if isinstance(task.threat, Linf)
        else task.draws.normal(task.inputs)
    )
    size = task.threat.distance(noise, torch.zeros_like(noise))
    return task.threat.project(task.inputs + task.threat.eps * noise / per_row(size, noise), task.inputs)


def noisy(task: Task) -> Tensor:
    """The input plus standard normal noise, for climbs that project it themselves."""
    return task.inputs + task.draws.normal(task.inputs)


def vertex(task: Task) -> Tensor:
    """A random extreme point: every coordinate at eps for Linf, the sphere for L2, few coordinates for L1."""
    return _outermost(task, task.draws.normal(task.inputs))


def blocks(task: Task) -> Tensor:
    """The extreme point of noise that is constant on square blocks, one sign per block and channel."""
    image = as_image(task.inputs)
    size = max(1, image.shape[3] // _ACROSS)
    height, width = (math.ceil(side / size) for side in image.shape[2:])
    coarse = task.draws.normal(image.new_empty(len(image), image.shape[1], height, width))
    noise = coarse.repeat_interleave(size, 2).repeat_interleave(size, 3)
    noise = noise[:, :, : image.shape[2], : image.shape[3]]
    return _outermost(task, noise.reshape(task.inputs.shape))


def _outermost(task: Task, direction: Tensor) -> Tensor:
    """The point of the threat farthest along a direction, as far as the range of the data allows."""
    reach = per_row(task.threat.eps, task.inputs) * task.threat.steepest(direction, task.inputs)
    return task.threat.project(task.inputs + reach, task.inputs)
