"""Square (Andriushchenko et al. 2020, https://arxiv.org/abs/1912.00049): random search with square windows, Linf.

Parameters follow AutoAttack (margin loss, p = 0.8, its schedule of window sizes). Deviations: each row draws its
own windows where the authors' code shares them over the batch, windows may touch the last row and column, and one that
would change nothing counts as tried without being asked about.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from sparring.attacks.parts.losses import margin
from sparring.attacks.parts.windows import HORIZON, as_image, choose, places, window_size
from sparring.draws import Draws
from sparring.engine import AttackLoss, Seen, State, Task, scores_at
from sparring.tensors import flat, per_row, pick

__all__ = ["Square"]


AHEAD = 2
"""Windows that are drawn for each look: the second is taken where the first would change nothing."""


@dataclass(frozen=True)
class _Search(State):
    """Where a row is.

    Args:
        faces: The lowest and the highest point of the ball, one behind the other as vectors, `(B, 2 n)`.
        best_point: The best so far, `(B, *shape)`, and its loss `best`, `(B,)`.
        tried: How many windows were tried, `(B,)`.
    """

    faces: Tensor
    best_point: Tensor
    best: Tensor
    tried: Tensor


@dataclass(frozen=True)
class Square:
    """Set a random square window to a vertex of the ball, one sign per channel; keep it if the loss rises.

    Starts from vertical stripes, or the best of several. Sees scores only. Cost: at most `steps + 1` queries.

    Args:
        steps: How many windows to try.
        share: Part of the image that the first windows cover; halved again and again as the search goes on.
        loss: What should rise.
        horizon: Tries over which the windows shrink, whether so many are made or not.
        starts: How many stripes to try before windows, down and across in turn. Ours: the authors have one.
    """

    steps: int = 5000
    share: float = 0.8
    loss: AttackLoss = margin
    horizon: int = HORIZON
    starts: int = 1

    def within(self, queries: int) -> Self:
        """The same attack for a budget of so many queries per sample, with windows that shrink as it is spent."""
        return replace(self, steps=max(1, queries - 1), horizon=queries)

    def start(self, task: Task) -> _Search:
        eps = per_row(task.threat.eps, task.inputs)
        low, high = (task.threat.project(task.inputs + way * eps, task.inputs) for way in (-1, 1))
        faces = torch.cat([flat(low), flat(high)], 1)
        none = torch.zeros(len(task), dtype=torch.int64, device=faces.device)
        worst, first = torch.full(none.shape, -torch.inf, device=faces.device), _stripes(task, faces, none)
        return _Search(scores_at(first), faces, first, worst, none, done=none > 0)

    def step(self, task: Task, state: _Search, seen: Seen) -> _Search:
        better = seen.loss > state.best
        best_point = pick(better, state.point, state.best_point)
        where, values = self._windows(task, state, best_point)
        idle = (values[:, 0] == flat(best_point).gather(1, where[:, 0])).all(1)
        where, values = (pick(idle, each[:, 1], each[:, 0]) for each in (where, values))
        point, tried = flat(best_point).scatter(1, where, values).view_as(best_point), state.tried + 1
        starting = tried < self.starts
        if bool(starting.any()):
            point = pick(starting, _stripes(task, state.faces, tried), point)
        tried = tried + (idle & ~starting)
        return _Search(
            scores_at(point),
            state.faces,
            best_point,
            torch.where(better, seen.loss, state.best),
            tried,
            done=tried > self.steps,
        )

    def _windows(self, task: Task, state: _Search, best_point: Tensor) -> tuple[Tensor, Tensor]:
        """The next windows and the vertices that they are moved to: places and values, `(B, AHEAD, cells)`."""
        image = as_image(best_point)
        tried = (state.tried[:, None] + torch.arange(AHEAD, device=image.device)).flatten()
        draws = Draws(task.draws.keys.repeat_interleave(AHEAD))
        numbers = draws.uniform(image.new_empty(len(tried), 2 + image.shape[1]), draw=tried + 1)
        height, width = window_size(self.share, tried, image, self.horizon)
        top, left = (
            choose(numbers[:, 0], height, image.shape[2]),
            choose(numbers[:, 1], width, image.shape[3]),
        )
        where = places(image, top, left, height, width)
        highest = (numbers[:, 2:, None, None] >= 0.5) * best_point[0].numel()
        faces = (where + highest).view(len(image), -1)
        shape = (len(image), AHEAD, -1)
        return where.view(shape), state.faces.gather(1, faces).view(shape)


def _stripes(task: Task, faces: Tensor, number: Tensor) -> Tensor:
    """Vertices with one sign, and channel, per column, or per row of images where `number` `(B,)` is odd."""
    image = as_image(task.inputs)
    down, across = task.draws.signs(image[:, :, :1], number), task.draws.signs(image[..., :1], number)
    up = pick(number % 2 == 1, across.expand_as(image), down.expand_as(image)).flatten(1) > 0
    low, high = faces.chunk(2, 1)
    return torch.where(up, high, low).view_as(task.inputs)
