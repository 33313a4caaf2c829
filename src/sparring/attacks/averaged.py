"""Averaging: an attack that climbs the mean of several draws instead of one look.

For models that answer at random this is expectation over transformation (Athalye, Engstrom, Ilyas & Kwok 2018,
https://arxiv.org/abs/1707.07397); for models whose gradients jump from point to point, the draws are neighbours,
and the mean gradient is that of a smoothed loss.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor

from sparring.engine import Attack, Seen, State, Task
from sparring.tensors import per_row, pick, put, take
from sparring.threat import Linf

__all__ = ["Averaged"]


@dataclass(frozen=True)
class _Mean(State):
    """The inner attack's state, looks so far `(B,)`, the point with the best mean loss, and the last `(B, *shape)`."""

    inner: Any
    looks: Tensor
    best_point: Tensor
    best: Tensor
    last_point: Tensor
    last: Tensor


@dataclass(frozen=True)
class Averaged:
    """Ask about each point `draws` times; the first time exactly there, the others up to `radius` away.

    The inner attack, one of one point and one loss per row, is shown the means. The best of many means is partly luck,
    so in the end the point that had it is looked at again, and the last look is there or where the inner attack
    ended, whichever did better then. Cost: `draws` times that of the inner attack, and two more looks.

    Args:
        attack: What is averaged.
        draws: Looks per point.
        radius: How far draws may lie from the point, as a share of eps; 0 for models that draw by themselves.
    """

    attack: Attack
    draws: int = 8
    radius: float = 0.0

    @property
    def steps(self) -> int:
        """Those of the inner attack, and two returns."""
        return self.attack.steps + 2

    def within(self, queries: int) -> Self:
        """With the inner attack for a budget of so many queries per sample, if it has schedules for budgets."""
        fitted = getattr(self.attack, "within", None)
        return self if fitted is None else replace(self, attack=fitted(max(1, queries // self.draws - 2)))

    def start(self, task: Task) -> _Mean:
        inner = self.attack.start(task)
        looks = torch.zeros(len(task), dtype=torch.int64, device=task.inputs.device)
        low = torch.full(looks.shape, -torch.inf, device=looks.device)
        first = _Mean(inner.ask, inner, looks, inner.point, low, inner.point, low, done=inner.done)
        return self._around(task, first)

    def step(self, task: Task, state: _Mean, seen: Seen) -> _Mean:
        seen = _mean(seen)
        going, ended = state.looks < self.attack.steps, state.looks == self.attack.steps
        inner = self._stepped(task, state.inner, seen, going)
        better = (seen.loss > state.best) & (going | ended)
        best_point = pick(better, state.point, state.best_point)
        last_point, last = (
            pick(ended, state.point, state.last_point),
            torch.where(ended, seen.loss, state.last),
        )
        held = ended | (seen.loss >= last)  # the best point, looked at again, is as good as the last one
        point = pick(going, inner.point, pick(held, best_point, last_point))
        best = torch.where(better, seen.loss, state.best)
        ask = replace(inner.ask, points=point[:, None])
        moved = _Mean(ask, inner, state.looks + 1, best_point, best, last_point, last, done=inner.done)
        return self._around(task, moved)

    def loss(self, task: Task, state: _Mean, outputs: Any) -> Tensor:
        return self.attack.loss(task, state.inner, outputs)

    def _stepped(self, task: Task, inner: Any, seen: Seen, going: Tensor) -> Any:
        """The inner attack's next state in the rows that are `going` on: no attack is asked to step past its last."""
        if not bool(going.any()):
            return inner
        return put(inner, going, self.attack.step(take(task, going), take(inner, going), take(seen, going)))

    def _around(self, task: Task, state: _Mean) -> _Mean:
        """The state asking about its one point as often as there are draws."""
        first = state.looks * self.draws
        others = range(1, self.draws)
        near = [self._near(task, state, first + each) if self.radius else state.point for each in others]
        return replace(state, ask=replace(state.ask, points=torch.stack([state.point, *near], 1)))

    def _near(self, task: Task, state: _Mean, draw: Tensor) -> Tensor:
        """An allowed point about `radius` away."""
        point, threat = state.point, task.threat
        # far from the numbers that the inner attack draws for itself
        draw = draw + 2**20
        noise = (
            2 * task.draws.uniform(point, draw) - 1
            if isinstance(threat, Linf)
            else task.draws.normal(point, draw)
        )
        size = threat.distance(noise, torch.zeros_like(noise))
        return threat.project(point + self.radius * threat.eps * noise / per_row(size, noise), task.inputs)


def _mean(seen: Seen) -> Seen:
    """What the inner attack is shown: one point, with the mean over the draws."""
    losses, gradients = seen.losses, seen.gradients
    return replace(
        seen,
        outputs=None,
        distance=seen.distance[:, :1],
        losses=None if losses is None else losses.mean(1, keepdim=True),
        gradients=None if gradients is None else gradients.mean(1, keepdim=True),
    )
