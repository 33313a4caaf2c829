"""SuperDeepFool (Abdollahpour et al. 2023, https://arxiv.org/abs/2303.12481): DeepFool turned to the boundary's normal.

Their SDF(inf, 1). Deviations: each step stays in the range of the data; the second step ends at the linear boundary,
where the authors keep the length; it is repeated until the moves are used up, where the authors stop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sparring.attacks.parts.hyperplane import across, nearest_boundary
from sparring.attacks.parts.losses import rivals
from sparring.engine import Ask, Seen, State, Task, Want
from sparring.errors import ThreatError
from sparring.tensors import flat, over_rows, pick
from sparring.threat import L2

__all__ = ["SuperDeepFool"]


@dataclass(frozen=True)
class _Walk(State):
    """What a row has found.

    Args:
        best: The nearest point across; the input while there is none, `(B, *shape)`.
        inside: The largest share of the way from the input to `best` that is known not to be across, `(B,)`.
        taken: Steps taken, `(B,)`.
    """

    best: Tensor
    inside: Tensor
    taken: Tensor


@dataclass(frozen=True)
class SuperDeepFool:
    """Walk across the boundary by DeepFool; then keep of the change what is normal to the boundary there. L2 only.

        x <- x + (1 + overshoot) (smallest change across the nearest linear boundary)       until the goal is reached
        x <- x0 + (1 + overshoot) (smallest change from x0 across the linear boundary at x)   where it is reached

    At the smallest change the boundary's normal and x - x0 are parallel, and so they are after the second
    step. In the end the way from x0 to the nearest point found is halved. Cost: `moves + halvings + 1` forwards, and
    `classes` backwards for each move, one with an aim.

    Args:
        moves: How many such steps to take.
        classes: How many other classes a step looks at, the best first.
        overshoot: How far a step goes beyond the boundary, as a share of itself.
        halvings: How many looks to take on that way.
    """

    moves: int = 100
    classes: int = 4
    overshoot: float = 0.02
    halvings: int = 10

    @property
    def steps(self) -> int:
        return self.moves + self.halvings

    def loss(self, task: Task, state: Any, outputs: Any) -> Tensor:
        """How far the best other classes are ahead of the true one."""
        return rivals(task, state, outputs, self.classes)

    def start(self, task: Task) -> _Walk:
        if not isinstance(task.threat, L2):
            raise ThreatError(
                f"SuperDeepFool finds smallest changes in l2, not in {task.threat.norm}; use FMN"
            )
        none = torch.zeros(len(task), dtype=torch.int64, device=task.inputs.device)
        return _Walk(
            self._asked(task.inputs, none), best=task.inputs, inside=none.to(task.inputs), taken=none
        )

    def step(self, task: Task, state: _Walk, seen: Seen) -> _Walk:
        reached, taken = task.goal.reached(seen.outputs)[:, 0], state.taken
        best, inside = _noted(task, state, reached, taken > self.moves)
        halving = taken >= self.moves
        moved = task.inputs + over_rows((1 + inside) / 2, best) * (best - task.inputs)
        if not bool(halving.all()):
            moved = pick(halving, moved, self._walked(task, state.point, seen, reached))
        ask = self._asked(task.threat.box.clip(moved), taken + 1)
        return _Walk(ask, best=best, inside=inside, taken=taken + 1)

    def _asked(self, points: Tensor, taken: Tensor) -> Ask:
        """Rows that walk ask for gradients, those that halve for scores."""
        return Ask(points[:, None], torch.where(taken < self.moves, int(Want.GRADIENTS), int(Want.SCORES)))

    def _walked(self, task: Task, points: Tensor, seen: Seen, reached: Tensor) -> Tensor:
        """The next points: across the nearest boundary, or normal to the one that was crossed."""
        excess, normal = nearest_boundary(task, seen)
        walked = points + (1 + self.overshoot) * across(task.threat, points, normal, excess)
        assert seen.losses is not None
        assert seen.gradients is not None
        ahead, steep = seen.losses[:, 0, 0], seen.gradients[:, 0, 0]
        from_input = ahead + flat(steep * (task.inputs - points)).sum(1)
        turned = task.inputs + (1 + self.overshoot) * across(task.threat, task.inputs, steep, from_input)
        return pick(reached, turned, walked)


def _noted(task: Task, state: _Walk, reached: Tensor, halved: Tensor) -> tuple[Tensor, Tensor]:
    """The nearest point across and the share of the way to it that is not, with what was just seen."""
    middle = torch.where(halved, (1 + state.inside) / 2, 1)
    away, before = (task.threat.distance(each, task.inputs) for each in (state.point, state.best))
    nearer = reached & ((away < before) | (before == 0))
    held = torch.where(halved, torch.where(reached, state.inside / middle, middle), 0)
    return pick(nearer, state.point, state.best), held
