"""What attacks that see labels only have in common: where they begin, and how they find the boundary on a line.

All functions are for a task of one row. Those that ask the model are parts of walks: they yield points `(P, *shape)`
and receive whether the goal is reached there, `(P,)`.
"""

from __future__ import annotations

from collections.abc import Generator

import torch
from torch import Tensor

from sparring.attacks.windows import as_image
from sparring.engine import Task
from sparring.threat.box import kept

__all__ = ["between", "boundary_on", "clipped", "found_start"]

TRIES = 50
"""Random inputs that are tried before a sample is given up."""

_CELLS = (1000, 4, 1, 8, 2)
"""Cells along the longer side of the images that are tried in turn: noise first, then patches of colour."""


def found_start(task: Task) -> Generator[Tensor, Tensor, Tensor | None]:
    """A point where the goal is reached, `(1, *shape)`: `task.begin` if it is one, else random inputs, else None."""
    if task.begin is not None and not torch.equal(task.begin, task.inputs) and bool((yield task.begin)):
        return task.begin
    for draw in range(TRIES):
        point = _random_input(task, draw)
        if bool((yield point)):
            return point
    return None


def boundary_on(task: Task, far: Tensor, precision: float = 1e-3) -> Generator[Tensor, Tensor, Tensor]:
    """Between the input and `far`, where the goal is reached, a point just past the boundary; by bisection.

    Args:
        task: One row.
        far: `(1, *shape)`.
        precision: How far past, as a share of the way.
    """
    low, high = 0.0, 1.0
    while high - low > precision * high:
        middle = (low + high) / 2
        low, high = (low, middle) if bool((yield between(task, far, middle))) else (middle, high)
    return between(task, far, high)


def between(task: Task, far: Tensor, share: float) -> Tensor:
    """The point next to `far` whose distance from the input is `share` of it."""
    change = far - task.inputs
    if task.threat.norm == "linf":
        reach = share * float(change.abs().max())
        return clipped(task, task.inputs + change.clamp(-reach, reach))
    return clipped(task, task.inputs + share * change)


def clipped(task: Task, points: Tensor) -> Tensor:
    """The nearest points `(P, *shape)` in the range of the data, changed only where that is allowed."""
    return kept(task.threat.box.clip(points), task.inputs, task.threat.mask)


def _random_input(task: Task, draw: int) -> Tensor:
    """Uniform in the range of the data, constant on cells whose size changes from draw to draw."""
    image = as_image(task.inputs)
    noise = as_image(task.draws.uniform(task.inputs, draw=-1 - draw))
    cells = _CELLS[draw % len(_CELLS)]
    size = max(1, max(image.shape[2:]) // cells)
    coarse = noise[:, :, ::size, ::size].repeat_interleave(size, 2).repeat_interleave(size, 3)
    coarse = coarse[:, :, : image.shape[2], : image.shape[3]].reshape(task.inputs.shape)
    low, high = task.threat.box.low, task.threat.box.high
    return clipped(task, low + coarse * (high - low))
