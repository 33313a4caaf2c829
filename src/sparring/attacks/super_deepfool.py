"""SuperDeepFool (Abdollahpour et al. 2023, https://arxiv.org/abs/2303.12481): DeepFool turned to the boundary's normal.

Their SDF(inf, 1). Deviations: each step of DeepFool stays in the range of the data, and a row that a turn leaves across
the boundary is turned again, where the authors stop and search along the line to the input.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from sparring.attacks.hyperplane import across, nearest_boundary
from sparring.attacks.losses import rivals
from sparring.engine import Seen, State, Task, gradient_at
from sparring.errors import ThreatError
from sparring.tensors import flat, over_rows, pick
from sparring.threat import L2
from sparring.threat.box import allowed

__all__ = ["SuperDeepFool"]


@dataclass(frozen=True)
class SuperDeepFool:
    """Walk across the boundary by DeepFool; then keep of the change what is normal to the boundary there. L2 only.

        x <- x + (1 + overshoot) (smallest change across the nearest linear boundary)       until the goal is reached
        x <- x0 + <x - x0, w> w / ||w||^2,   w the gradient of the margin                   where it is reached

    At the smallest change w and x - x0 are parallel. Cost: `steps + 1` forwards and `classes` backwards for each step,
    one with an aim.

    Args:
        steps: How many steps to take.
        classes: How many other classes a step looks at, the best first.
        overshoot: How far a step goes beyond the boundary, as a share of itself.
    """

    steps: int = 100
    classes: int = 4
    overshoot: float = 0.02

    def loss(self, task: Task, state: Any, outputs: Any) -> Tensor:
        """How far the best other classes are ahead of the true one."""
        return rivals(task, state, outputs, self.classes)

    def start(self, task: Task) -> State:
        if not isinstance(task.threat, L2):
            raise ThreatError(
                f"SuperDeepFool finds smallest changes in l2, not in {task.threat.norm}; use FMN"
            )
        return State(gradient_at(task.inputs))

    def step(self, task: Task, state: State, seen: Seen) -> State:
        excess, normal = nearest_boundary(task, seen)
        walked = state.point + (1 + self.overshoot) * across(task.threat, state.point, normal, excess)
        assert seen.gradients is not None
        turned = task.inputs + _along(
            state.point - task.inputs, allowed(seen.gradients[:, 0, 0], task.threat.mask)
        )
        moved = pick(task.goal.reached(seen.outputs)[:, 0], turned, walked)
        return State(gradient_at(task.threat.box.clip(moved)))


def _along(change: Tensor, normal: Tensor) -> Tensor:
    """What of `change` points along `normal`, `(B, *shape)`."""
    share = flat(change * normal).sum(1) / flat(normal).square().sum(1).clamp_min(1e-12)
    return over_rows(share, normal) * normal
