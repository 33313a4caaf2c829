"""Square (Andriushchenko et al. 2020, https://arxiv.org/abs/1912.00049): random search with square windows, Linf.

Parameters follow AutoAttack (margin loss, p = 0.8, its schedule of window sizes). Deviations: each row draws its
own windows where the authors' code shares them over the batch, and windows may touch the last row and column.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from sparring.attacks.parts.losses import margin
from sparring.attacks.parts.windows import HORIZON, as_image, choose, inside, window_size
from sparring.engine import AttackLoss, Seen, State, Task, scores_at
from sparring.tensors import per_row, pick

__all__ = ["Square"]


@dataclass(frozen=True)
class _Search(State):
    """The best point so far `(B, *shape)`, its loss `(B,)`, and how many windows were tried `(B,)`."""

    best_point: Tensor
    best: Tensor
    tried: Tensor


@dataclass(frozen=True)
class Square:
    """Set a random square window to a vertex of the ball, one sign per channel; keep it if the loss rises.

    Starts from vertical stripes. Sees scores only. Cost: `steps + 1` queries.

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
        """The same attack for a budget of so many queries per sample, with windows that shrink as it is spent."""
        return replace(self, steps=max(1, queries - 1), horizon=queries)

    def start(self, task: Task) -> _Search:
        columns = as_image(task.inputs)[:, :, :1]
        signs = task.draws.signs(columns).expand_as(as_image(task.inputs)).reshape(task.inputs.shape)
        first = task.threat.project(task.inputs + task.threat.eps * signs, task.inputs)
        none = torch.zeros(len(first), dtype=torch.int64, device=first.device)
        return _Search(scores_at(first), first, torch.full(none.shape, -torch.inf, device=first.device), none)

    def step(self, task: Task, state: _Search, seen: Seen) -> _Search:
        better = seen.loss > state.best
        best = torch.where(better, seen.loss, state.best)
        best_point = pick(better, state.point, state.best_point)
        image = as_image(task.inputs)
        numbers = task.draws.uniform(image.new_empty(len(image), 2 + image.shape[1]), draw=state.tried + 1)
        height, width = window_size(self.share, state.tried, image, self.horizon)
        top, left = (
            choose(numbers[:, 0], height, image.shape[2]),
            choose(numbers[:, 1], width, image.shape[3]),
        )
        signs = torch.where(numbers[:, 2:] < 0.5, -1.0, 1.0)[:, :, None, None].to(image.dtype)
        signs = signs.expand_as(image).reshape(task.inputs.shape)
        corner = torch.addcmul(task.inputs, per_row(task.threat.eps, signs), signs)
        vertex = task.threat.project(corner, task.inputs)
        window = inside(image, top, left, height, width).expand_as(image).reshape(task.inputs.shape)
        return _Search(scores_at(torch.where(window, vertex, best_point)), best_point, best, state.tried + 1)
