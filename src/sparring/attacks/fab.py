"""FAB (Croce & Hein 2019, https://arxiv.org/abs/1907.02044): walk along the decision boundary, close to the input.

Follows the authors' code, whose targeted version (one linear boundary, between the true class and the aim)
AutoAttack runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sparring.attacks.parts.hyperplane import across, nearest_boundary
from sparring.attacks.parts.losses import rivals
from sparring.engine import Ask, Seen, State, Task, Want
from sparring.tensors import flat, per_row, pick

__all__ = ["FAB"]


@dataclass(frozen=True)
class _Walk(State):
    """`arrived` `(B,)`: the row was just moved and must learn whether it crossed the boundary."""

    arrived: Tensor


@dataclass(frozen=True)
class FAB:
    """Step just across the linearised boundary, biased towards the input; step back inside once across.

    With d1 and d0 the smallest changes to the linear boundary from the point x and from the input x0:

        a <- min(|d1| / (|d1| + |d0|), bias)
        x <- (1 - a) (x + overshoot d1) + a (x0 + overshoot d0)
        x <- x0 + backward (x - x0)                     if x is across

    Cost: 2 `moves` forwards, `moves` backwards; without an aim, a backward for each other class.

    Args:
        moves: How many steps to take.
        overshoot: How far to step, in units of the way to the boundary.
        backward: What a step back leaves of the distance to the input.
        bias: Largest weight of the step from the input.
    """

    moves: int = 100
    overshoot: float = 1.05
    backward: float = 0.9
    bias: float = 0.1

    @property
    def steps(self) -> int:
        return 2 * self.moves - 1

    def loss(self, task: Task, state: Any, outputs: Any) -> Tensor:
        """Signed distance to the boundary in score units: to the aim's, else to that of every class."""
        return rivals(task, state, outputs)

    def start(self, task: Task) -> _Walk:
        first = task.inputs if task.begin is None else task.begin
        return _asked(first, torch.zeros(len(first), dtype=torch.bool, device=first.device))

    def step(self, task: Task, state: _Walk, seen: Seen) -> _Walk:
        crossed = state.arrived & task.goal.reached(seen.outputs)[:, 0]
        stay = pick(crossed, torch.lerp(task.inputs, state.point, self.backward), state.point)
        if bool(state.arrived.all()):
            return _asked(stay, ~state.arrived)
        return _asked(pick(state.arrived, stay, self._walk(task, state.point, seen)), ~state.arrived)

    def _walk(self, task: Task, points: Tensor, seen: Seen) -> Tensor:
        excess, normal = nearest_boundary(task, seen)
        from_input = excess + flat(normal * (task.inputs - points)).sum(1)
        near, far = (
            across(task.threat, points, normal, excess),
            across(task.threat, task.inputs, normal, from_input),
        )
        zero = torch.zeros_like(points)
        here, there = (task.threat.distance(each, zero).clamp_min(1e-8) for each in (near, far))
        weight = per_row((here / (here + there)).clamp_max(self.bias), points)
        ends = (
            torch.add(points, near, alpha=self.overshoot),
            torch.add(task.inputs, far, alpha=self.overshoot),
        )
        return task.threat.box.clip_(torch.lerp(*ends, weight))


def _asked(points: Tensor, arrived: Tensor) -> _Walk:
    """Ask rows that arrived for scores, the others for gradients."""
    want = torch.where(arrived, int(Want.SCORES), int(Want.GRADIENTS))
    return _Walk(Ask(points[:, None], want), arrived=arrived)
