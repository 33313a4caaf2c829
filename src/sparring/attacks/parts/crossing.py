"""What attacks that see labels only have in common: where they begin, and how they find the boundary on a line.

All functions are for a task of one row. Those that ask the model are parts of walks: they yield points `(P, *shape)`
and receive whether the goal is reached there, `(P,)`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator

import torch
from torch import Tensor

from sparring.attacks.parts.windows import as_image
from sparring.engine import Task
from sparring.threat.box import kept
from sparring.threat.l2 import unit

__all__ = [
    "TRIES",
    "between",
    "boundary_on",
    "circle",
    "clipped",
    "found_start",
    "plane",
    "shrunk",
    "signs_of_cells",
]

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


def shrunk(
    task: Task, direction: Tensor, radius: float, precision: float
) -> Generator[Tensor, Tensor, float]:
    """The smallest radius at which the goal is reached at `inputs + radius * direction`, given one at which it is.

    Goes inwards by strides that double, for most are short, then bisects.

    Args:
        task: One row.
        direction: `(1, *shape)`.
        radius: Where the goal is reached.
        precision: The first stride and the largest error, as shares of the radius.
    """
    low, high, stride = 0.0, radius, precision
    while high - low > precision * high:
        middle = (low + high) / 2 if low else (1 - stride) * high
        if bool((yield clipped(task, task.inputs + middle * direction))):
            high, stride = middle, min(2 * stride, 0.5)
        else:
            low = middle
    return high


def between(task: Task, far: Tensor, share: float) -> Tensor:
    """The point next to `far` whose distance from the input is `share` of it."""
    change = far - task.inputs
    if task.threat.norm == "linf":
        reach = share * float(change.abs().max())
        return clipped(task, task.inputs + change.clamp(-reach, reach))
    return clipped(task, task.inputs + share * change)


def circle(task: Task, point: Tensor, side: Tensor) -> Callable[[float], Tensor]:
    """The points of the circle through `point` and the input that leaves `point` towards `side`, by their angle.

    With x the input, r v the way from there to the point and u the part of `side` that is orthogonal to v:

        x + r cos(a) (cos(a) v + sin(a) u),    a in [0, pi / 2]

    A flat boundary through the point is crossed where it is closest to x, if u is in the plane of its normal.
    """
    radius, turned = plane(task, point, side)
    return lambda angle: clipped(task, task.inputs + radius * math.cos(angle) * turned(angle))


def plane(task: Task, point: Tensor, side: Tensor) -> tuple[Tensor, Callable[[float], Tensor]]:
    """How far `point` is, and the directions of length one at angles from it in the plane that `side` spans with it."""
    change = point - task.inputs
    along = unit(change)
    across = unit(side - (side * along).sum() * along)
    return change.norm(), lambda angle: math.cos(angle) * along + math.sin(angle) * across


def clipped(task: Task, points: Tensor) -> Tensor:
    """The nearest points `(P, *shape)` in the range of the data, changed only where that is allowed."""
    return kept(task.threat.box.clip(points), task.inputs, task.threat.mask)


def signs_of_cells(task: Task, draw: int) -> Tensor:
    """Random signs, constant on cells whose size changes from draw to draw, `(1, *shape)`."""
    return torch.where(_cells(task, draw) < 0.5, -1.0, 1.0).to(task.inputs.dtype)


def _random_input(task: Task, draw: int) -> Tensor:
    """Uniform in the range of the data, constant on cells whose size changes from draw to draw."""
    low, high = task.threat.box.low, task.threat.box.high
    return clipped(task, low + _cells(task, draw) * (high - low))


def _cells(task: Task, draw: int) -> Tensor:
    """Uniform in [0, 1), constant on the cells of a grid."""
    image = as_image(task.inputs)
    noise = as_image(task.draws.uniform(task.inputs, draw=-1 - draw))
    size = max(1, max(image.shape[2:]) // _CELLS[draw % len(_CELLS)])
    coarse = noise[:, :, ::size, ::size].repeat_interleave(size, 2).repeat_interleave(size, 3)
    return coarse[:, :, : image.shape[2], : image.shape[3]].reshape(task.inputs.shape)
