"""Square for L2 (Andriushchenko et al. 2020, https://arxiv.org/abs/1912.00049) and for L1 (Croce & Hein 2021,
https://arxiv.org/abs/2103.01208): random search that moves budget from one window to another.

Parameters follow AutoAttack (margin loss, p = 0.8). Deviations: each row draws its own windows where the authors'
code shares them over the batch, windows may touch the last row and column, and L2 points are projected exactly
onto ball and box together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor

from sparring.attacks.parts.losses import margin
from sparring.attacks.parts.windows import HORIZON, as_image, choose, inside, window_size
from sparring.engine import AttackLoss, Seen, State, Task, scores_at
from sparring.tensors import pick, vector
from sparring.threat import L1

__all__ = ["SquareL1", "SquareL2"]


@dataclass(frozen=True)
class _Search(State):
    """The best point so far `(B, *shape)`, its loss `(B,)`, and how many windows were tried `(B,)`."""

    best_point: Tensor
    best: Tensor
    tried: Tensor


@dataclass(frozen=True)
class SquareL2:
    """Add a random pattern in one window, paid with the budget of another; keep it if the loss rises.

    Starts from a grid of 5 by 5 patterns. Sees scores only. Cost: `steps + 1` queries.

    Args:
        steps: How many windows to try.
        share: Part of the image that the first windows cover; halved again and again as the search goes on.
        loss: What should rise.
        horizon: Tries over which the windows shrink, whether so many are made or not.
    """

    steps: int = 5000
    share: float = 0.8
    loss: AttackLoss = margin
    horizon: int = HORIZON

    def within(self, queries: int) -> Self:
        """As for `Square`."""
        return _fitted(self, queries)

    def start(self, task: Task) -> _Search:
        return _start(task)

    def step(self, task: Task, state: _Search, seen: Seen) -> _Search:
        return _step(_draw_windows(self.share, self.horizon, task, state.tried), task, state, seen)


@dataclass(frozen=True)
class SquareL1:
    """As `SquareL2`, with sharper patterns and L1 budgets."""

    steps: int = 5000
    share: float = 0.8
    loss: AttackLoss = margin
    horizon: int = HORIZON

    def within(self, queries: int) -> Self:
        """As for `Square`."""
        return _fitted(self, queries)

    def start(self, task: Task) -> _Search:
        return _start(task)

    def step(self, task: Task, state: _Search, seen: Seen) -> _Search:
        return _step(_draw_windows(self.share, self.horizon, task, state.tried), task, state, seen)


def _fitted(attack: Any, queries: int) -> Any:
    """The attack with windows that shrink as a budget of so many queries is spent."""
    return replace(attack, steps=max(1, queries - 1), horizon=queries)


def _start(task: Task) -> _Search:
    image = as_image(task.inputs)
    first = _at_budget(task, _grid(task, image))
    none = torch.zeros(len(first), dtype=torch.int64, device=first.device)
    return _Search(scores_at(first), first, torch.full(none.shape, -torch.inf, device=first.device), none)


def _step(windows: tuple[Tensor, Tensor, Tensor], task: Task, state: _Search, seen: Seen) -> _Search:
    better = seen.loss > state.best
    best_point = pick(better, state.point, state.best_point)
    moved = _move_budget(task, best_point, *windows)
    best = torch.where(better, seen.loss, state.best)
    return _Search(scores_at(_at_budget(task, moved)), best_point, best, state.tried + 1)


def _move_budget(task: Task, best: Tensor, here: Tensor, there: Tensor, pattern: Tensor) -> Tensor:
    """The change `(B, C, H, W)` with `pattern` added in the window `here`, at the cost of the window `there`.

    Per channel, with |.| the threat's norm, w and v the changes in the two windows and their union, and d the
    whole change: the new change in `here` points along `pattern + w / |w|` and has the length of v, plus the
    channel's part of what the budget has left over d.
    """
    power = _power(task)
    change = as_image(best - task.inputs)
    channels = change.shape[1]
    budget = vector(task.threat.eps, task.inputs)[:, None, None, None]
    whole = _length(change, power, (1, 2, 3))
    old = _length(change * here, power, (2, 3))
    both = _length(change * (here | there), power, (2, 3))
    wish = pattern + change * here / old.clamp_min(1e-12)
    left = (budget**power - whole**power).clamp_min(0) / channels
    # for L1 the authors' code gives every channel as much as all of them together, and projects back
    size = channels * (left + both) if power == 1 else (left + both**2).sqrt()
    wish = wish / _length(wish, power, (2, 3)).clamp_min(1e-12) * size
    return torch.where(here, wish, torch.where(there, 0, change))


def _at_budget(task: Task, change: Tensor) -> Tensor:
    """The point with this change scaled to the whole budget (L2) or projected (L1), inside the range of the data."""
    change = change.reshape(task.inputs.shape)
    if _power(task) == 2:
        size = task.threat.distance(change, torch.zeros_like(change)).clamp_min(1e-12)
        change = change * (vector(task.threat.eps, change) / size).reshape(-1, *[1] * (change.ndim - 1))
    return task.threat.project(task.inputs + change, task.inputs)


def _draw_windows(share: float, horizon: int, task: Task, tried: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Two windows `(B, 1, H, W)` and a pattern of random sign and direction in the first, `(B, C, H, W)`."""
    image = as_image(task.inputs)
    numbers = task.draws.uniform(image.new_empty(len(image), 5 + image.shape[1]), draw=tried + 1)
    height, width = (
        _odd(size, full)
        for size, full in zip(window_size(share, tried, image, horizon), image.shape[2:], strict=True)
    )
    top, left = choose(numbers[:, 0], height, image.shape[2]), choose(numbers[:, 1], width, image.shape[3])
    top_2, left_2 = (
        choose(numbers[:, 2], height, image.shape[2]),
        choose(numbers[:, 3], width, image.shape[3]),
    )
    here, there = inside(image, top, left, height, width), inside(image, top_2, left_2, height, width)
    pattern = _pattern(task, image, top, left, height, width, numbers[:, 4] < 0.5)
    signs = torch.where(numbers[:, 5:] < 0.5, -1.0, 1.0)[:, :, None, None].to(image.dtype)
    return here, there, torch.where(here, pattern * signs, 0)


def _odd(size: Tensor, full: int) -> Tensor:
    """Odd window sizes of at least three, as far as the image allows."""
    return (size + (size % 2 == 0)).clamp_min(3).clamp_max(full)


def _pattern(
    task: Task, image: Tensor, top: Tensor, left: Tensor, height: Tensor, width: Tensor, turned: Tensor
) -> Tensor:
    """Two hills of opposite sign, one above the other or side by side, length one in the window, `(B, 1, H, W)`.

    A hill over x by y cells has at a distance of r from its middle (in the maximum norm) the height
    `sum over k > r of 1 / k^m`, with m = 2 for L2 and 4 for L1.
    """
    power = _power(task)
    down = (torch.arange(image.shape[2], device=image.device)[None] - top[:, None])[:, :, None]
    right = (torch.arange(image.shape[3], device=image.device)[None] - left[:, None])[:, None, :]
    turned = turned[:, None, None]
    along, across = torch.where(turned, right, down), torch.where(turned, down, right)
    long, wide = (
        torch.where(turned[:, 0, 0], width, height)[:, None, None],
        torch.where(turned[:, 0, 0], height, width)[:, None, None],
    )
    half = long // 2
    first = along < half
    middle = torch.where(first, half // 2, half + (long - half) // 2)
    ring = torch.maximum((along - middle).abs(), (across - wide // 2).abs())
    rings = torch.arange(1, 2 + max(image.shape[2:]), device=image.device, dtype=image.dtype)
    heights = torch.cat([rings.new_zeros(1), (1 / rings ** (2 if power == 2 else 4)).cumsum(0)])
    last = torch.maximum(wide // 2, torch.maximum(half, long - half) // 2) + 1
    hill = (heights[last] - heights[ring.clamp_max(len(rings))]).clamp_min(0)
    signed = torch.where(first, hill, -hill)
    signed = torch.where((along >= 0) & (along < long) & (across >= 0) & (across < wide), signed, 0)[:, None]
    return signed / _length(signed, power, (2, 3)).clamp_min(1e-12)


def _grid(task: Task, image: Tensor) -> Tensor:
    """The first change: a pattern in each cell of a five by five grid, signs by channel, `(B, C, H, W)`."""
    full = image.shape[2:]
    height, width = (max(size // 5, 1) for size in full)
    count = (full[0] // height) * (full[1] // width)
    numbers = task.draws.uniform(image.new_empty(len(image), count, 1 + image.shape[1]))
    change = torch.zeros_like(image)
    ones = torch.ones(len(image), dtype=torch.int64, device=image.device)
    for cell in range(count):
        top = (full[0] - height * (full[0] // height)) // 2 + cell // (full[1] // width) * height
        left = (full[1] - width * (full[1] // width)) // 2 + cell % (full[1] // width) * width
        pattern = _pattern(
            task, image, top * ones, left * ones, height * ones, width * ones, numbers[:, cell, 0] < 0.5
        )
        change += pattern * torch.where(numbers[:, cell, 1:] < 0.5, -1.0, 1.0)[:, :, None, None]
    return change


def _power(task: Task) -> int:
    """1 for L1, 2 for L2."""
    return 1 if isinstance(task.threat, L1) else 2


def _length(values: Tensor, power: int, dims: tuple[int, ...]) -> Tensor:
    """L1 or L2 length over `dims`, which are kept."""
    return values.abs().sum(dims, keepdim=True) if power == 1 else (values**2).sum(dims, keepdim=True).sqrt()
