"""DeepFool (Moosavi-Dezfooli et al. 2016, https://arxiv.org/abs/1511.04599): step to the nearest linear boundary.

Deviations: a step is the smallest one that stays in the range of the data, where the authors forget the range; with an
aim or a target only that class's boundary is stepped to. L1 is the same step in another norm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sparring.attacks.hyperplane import across, nearest_boundary
from sparring.attacks.losses import rivals
from sparring.engine import Seen, State, Task, gradient_at

__all__ = ["DeepFool"]


@dataclass(frozen=True)
class _Walk(State):
    """The change without overshoot, `(B, *shape)`."""

    change: Tensor


@dataclass(frozen=True)
class DeepFool:
    """Add up the smallest changes to the nearest linear boundary. Linf, L2, L1.

        d <- d + (smallest change that brings the linearised score of the nearest class to that of the true one)
        x <- clip(x0 + (1 + overshoot) d)        until the goal is reached

    Fast and rough: a baseline, and the beginning of `SuperDeepFool`. Cost: `steps + 1` forwards and `classes`
    backwards for each step, one with an aim; a row ends once it is across.

    Args:
        steps: Most steps to take.
        classes: How many other classes a step looks at, the best first.
        overshoot: How far to go beyond the boundary, as a share of the whole change.
    """

    steps: int = 50
    classes: int = 10
    overshoot: float = 0.02

    def loss(self, task: Task, state: Any, outputs: Any) -> Tensor:
        """How far the best other classes are ahead of the true one."""
        return rivals(task, state, outputs, self.classes)

    def start(self, task: Task) -> _Walk:
        none = torch.zeros(len(task), dtype=torch.bool, device=task.inputs.device)
        return _Walk(gradient_at(task.inputs), change=torch.zeros_like(task.inputs), done=none)

    def step(self, task: Task, state: _Walk, seen: Seen) -> _Walk:
        excess, normal = nearest_boundary(task, seen)
        change = state.change + across(task.threat, state.point, normal, excess)
        moved = task.threat.box.clip(task.inputs + (1 + self.overshoot) * change)
        return _Walk(gradient_at(moved), change=change, done=task.goal.reached(seen.outputs)[:, 0])
