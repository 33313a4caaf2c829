"""FMN (Pintor et al. 2021, https://arxiv.org/abs/2102.12827): climb within a ball that shrinks once it is crossed.

Finds the smallest change in L0, L1, L2 and Linf. Deviations: a step ends at the nearest point of ball and range of
the data together, where the authors project first and clip then; the estimate before the first success is overshot a
little, since a ball that ends on the boundary itself is never across it; the first L0 ball is estimated too; steps are
longer, and balls change faster but in Linf, which found smaller changes on two nets of `bench/minimum_norm.py` at 100
passes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from sparring.attacks.parts.hyperplane import dual_length
from sparring.attacks.parts.losses import margin
from sparring.attacks.parts.schedules import cosine
from sparring.engine import AttackLoss, Seen, State, Task, gradient_at
from sparring.tensors import flat, over_rows
from sparring.threat.box import allowed
from sparring.threat.l2 import unit
from sparring.threat.units import added_up

__all__ = ["FMN"]

_LENGTHS = {"l0": 30.0, "l1": 3.0, "l2": 3.0, "linf": 10.0}
_SHRINK = {"l0": 0.2, "l1": 0.2, "l2": 0.1, "linf": 0.05}


@dataclass(frozen=True)
class _Shrinking(State):
    """Radius of the ball, smallest distance so far (infinite while there is none), steps taken; all `(B,)`."""

    size: Tensor
    best: Tensor
    taken: Tensor


@dataclass(frozen=True)
class FMN:
    """Follow the gradient inside a ball; shrink the ball where the goal is reached, widen it where not.

    With d the change, e the ball's radius, L the loss (positive once the goal is reached), q the dual norm:

        e <- min(e (1 - shrink), best)          where the goal is reached
        e <- e (1 + shrink)                     where it is not, but was before
        e <- 1.01 (||d|| + |L| / ||gradient||_q)     where it never was
        d <- project(d + step_size gradient / ||gradient||_2) onto the ball of radius e

    For L0 the radius is a whole number and changes by at least one; the first is that of the fewest values whose
    gradients could make up for L. `step_size` and `shrink` fall along a cosine.
    Looks for the smallest change whatever eps is. Starts at the input. Cost: `steps + 1` forwards, `steps` backwards.

    Args:
        steps: How many steps to take.
        step_size: Euclidean length of the first step; the last is a hundredth of it. If None: 30 for L0, 10 for Linf,
            3 for L2 and L1.
        shrink: By which share the ball changes at first. If None: 0.2 for L0 and L1, 0.1 for L2, 0.05 for Linf.
        loss: What is climbed; positive once the goal is reached.
    """

    steps: int = 500
    step_size: float | None = None
    shrink: float | None = None
    loss: AttackLoss = margin

    def start(self, task: Task) -> _Shrinking:
        none = torch.zeros(len(task), dtype=torch.int64, device=task.inputs.device)
        far = torch.full(none.shape, torch.inf, device=none.device)
        return _Shrinking(gradient_at(task.inputs), size=far, best=far, taken=none)

    def step(self, task: Task, state: _Shrinking, seen: Seen) -> _Shrinking:
        reached = task.goal.reached(seen.outputs)[:, 0]
        best = torch.minimum(state.best, seen.distance[:, 0])
        shrink = _SHRINK[task.threat.norm] if self.shrink is None else self.shrink
        share = cosine(shrink, 1e-3, state.taken, self.steps)
        size, young = state.size, state.taken == 0
        if task.threat.norm == "l0" and bool(young.any()):
            size = torch.where(young, _fewest(task, state.point, seen), size)
        size = _resized(task, size, reached, best, share)
        unbroken = best.isinf() & ~reached
        if task.threat.norm != "l0" and bool(unbroken.any()):
            away = task.threat.distance(state.point, task.inputs).float()
            slope = dual_length(task.threat, flat(seen.gradient)).float()
            guess = 1.01 * (away + seen.loss.abs() / slope.clamp_min(1e-12))
            size = torch.where(unbroken, guess, size)
        first = _LENGTHS[task.threat.norm] if self.step_size is None else self.step_size
        way, length = unit(seen.gradient), cosine(first, first / 100, state.taken, self.steps)
        moved = torch.addcmul(state.point, over_rows(length, way).to(way), way)
        ball: Any = replace(task.threat, eps=size.to(moved))
        return _Shrinking(
            gradient_at(ball.project(moved, task.inputs)), size=size, best=best, taken=state.taken + 1
        )


def _resized(task: Task, size: Tensor, reached: Tensor, best: Tensor, share: Tensor) -> Tensor:
    """The next radius, `(B,)`."""
    inwards, outwards = size * (1 - share), size * (1 + share)
    if task.threat.norm == "l0":
        inwards = torch.minimum(size - 1, (size * (1 - share)).floor()).clamp_min(0)
        outwards = torch.maximum(size + 1, (size * (1 + share)).floor())
    return torch.where(reached, torch.minimum(inwards, best), outwards)


def _fewest(task: Task, points: Tensor, seen: Seen) -> Tensor:
    """How many values (or pixels, or squares) must change for the linearised loss to reach zero, `(B,)`."""
    slope = allowed(seen.gradient, task.threat.mask)
    gain = slope.abs() * task.threat.box.room(points, slope)
    most = flat(added_up(task.threat, gain)).float().sort(dim=1, descending=True).values.cumsum(1)
    return ((most < seen.loss.abs()[:, None]).sum(1) + 1).float()
