"""DeepFool (Moosavi-Dezfooli et al. 2016, https://arxiv.org/abs/1511.04599): step to the nearest linear boundary.

Follows the authors' code: steps forget the range of the data, and points are clipped into it. Deviations: with an aim
or a target only that class's boundary is stepped to; L1, where the authors' step would push one value against its wall
for ever, takes the smallest step that stays in the range.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from sparring.attacks.parts.hyperplane import across, dual_length, nearest_boundary
from sparring.attacks.parts.losses import rivals
from sparring.engine import Seen, State, Task, gradient_at
from sparring.tensors import flat
from sparring.threat import L1
from sparring.threat.box import Box

__all__ = ["DeepFool"]

_BEYOND = 1e-4
"""How much further than the linear boundary each step aims; without it a walk can end just before the boundary."""


@dataclass(frozen=True)
class DeepFool:
    """Add up the smallest changes to the nearest linear boundary. Linf, L2, L1.

        d <- smallest change that brings the linearised score of the nearest class to that of the true one
        x <- clip(x + (1 + overshoot) d)         until the goal is reached

    Fast and rough: a baseline, and the beginning of `SuperDeepFool`. Cost: `steps + 1` forwards and `classes`
    backwards for each step, one with an aim; a row ends once it is across.

    Args:
        steps: Most steps to take.
        classes: How many other classes a step looks at, the best first.
        overshoot: How far to go beyond the boundary, as a share of the step.
    """

    steps: int = 50
    classes: int = 10
    overshoot: float = 0.02

    def loss(self, task: Task, state: Any, outputs: Any) -> Tensor:
        """How far the best other classes are ahead of the true one."""
        return rivals(task, state, outputs, self.classes)

    def start(self, task: Task) -> State:
        none = torch.zeros(len(task), dtype=torch.bool, device=task.inputs.device)
        return State(gradient_at(task.inputs), done=none)

    def step(self, task: Task, state: State, seen: Seen) -> State:
        excess, normal = nearest_boundary(task, seen)
        beyond = excess - _BEYOND * dual_length(
            task.threat, flat(normal)
        )  # behind the boundary rows are done
        change = across(_boundless(task.threat), state.point, normal, beyond)
        moved = task.threat.box.clip(state.point + (1 + self.overshoot) * change)
        return State(gradient_at(moved), done=task.goal.reached(seen.outputs)[:, 0])


def _boundless(threat: Any) -> Any:
    """The threat without a range of the data, but for L1."""
    return threat if isinstance(threat, L1) else replace(threat, box=Box(-math.inf, math.inf))
