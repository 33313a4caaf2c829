"""SuperDeepFool (Abdollahpour et al. 2023, https://arxiv.org/abs/2303.12481): DeepFool turned to the boundary's normal.

Their SDF(inf, 1). Deviations: each step stays in the range of the data; the second step ends at the linear boundary,
where the authors keep the length and search along the line to the input when all is done; it is repeated until the
steps are used up, where the authors stop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from sparring.attacks.hyperplane import across, nearest_boundary
from sparring.attacks.losses import rivals
from sparring.engine import Seen, State, Task, gradient_at
from sparring.errors import ThreatError
from sparring.tensors import flat, pick
from sparring.threat import L2

__all__ = ["SuperDeepFool"]


@dataclass(frozen=True)
class SuperDeepFool:
    """Walk across the boundary by DeepFool; then keep of the change what is normal to the boundary there. L2 only.

        x <- x + (1 + overshoot) (smallest change across the nearest linear boundary)       until the goal is reached
        x <- x0 + (1 + overshoot) (smallest change from x0 across the linear boundary at x)   where it is reached

    At the smallest change the boundary's normal and x - x0 are parallel, and so they are after the second
    step. Cost: `steps + 1` forwards and `classes` backwards for each step, one with an aim.

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
        assert seen.losses is not None
        assert seen.gradients is not None
        best, steep = seen.losses[:, 0, 0], seen.gradients[:, 0, 0]
        from_input = best + flat(steep * (task.inputs - state.point)).sum(1)
        turned = task.inputs + (1 + self.overshoot) * across(task.threat, task.inputs, steep, from_input)
        moved = pick(task.goal.reached(seen.outputs)[:, 0], turned, walked)
        return State(gradient_at(task.threat.box.clip(moved)))
