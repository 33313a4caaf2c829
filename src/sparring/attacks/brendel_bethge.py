"""Brendel & Bethge's attack (2019, https://arxiv.org/abs/1907.01003): along the boundary, towards the input.

Deviations: where no start is known, steps to the nearest linear boundary find one, while the authors draw noise and
need a class that noise has; the radius follows from how far the linear boundary holds, while theirs falls by a
schedule; within it, points go straight from the linear boundary's nearest point towards that which is nearest to the
input. In L2 that is the exact minimum unless it meets a wall; for Linf and L1 the authors solve for two multipliers. L0
is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sparring.attacks.parts.hyperplane import across
from sparring.attacks.parts.losses import margin
from sparring.attacks.parts.schedules import cosine
from sparring.engine import AttackLoss, Seen, State, Task, gradient_at
from sparring.errors import ThreatError
from sparring.tensors import flat, over_rows
from sparring.threat import L1, L2, Linf

__all__ = ["BrendelBethge"]


@dataclass(frozen=True)
class _Along(State):
    """Euclidean length of the step along the boundary, smallest distance so far, steps taken; all `(B,)`.

    The distance is infinite, and the length zero, while the goal was not reached.
    """

    radius: Tensor
    best: Tensor
    taken: Tensor


@dataclass(frozen=True)
class BrendelBethge:
    """Walk on the linearised boundary as near to the input as a radius allows. Linf, L2 and L1.

    With p the linear boundary's nearest point to x and q its nearest to the input x0, both in the range of the data:

        x <- p                                                until the goal is reached first
        x <- p + min(1, radius / ||q - p||_2) (q - p)         from then on; radius begins at ||x - x0||_2
        radius <- radius / share     where x reaches the goal and is nearer than before, else radius * share

    where `share` taken `steps` times is `shrink`: with few steps the radius changes faster.

    So that p and q are across, the linear boundary is taken to be further from x0 than the gradient says, by a share
    `overshoot` that falls along a cosine to a hundredth. Starts at `Task.begin` if there is one. Looks for the smallest
    change whatever eps is. Cost: `steps + 1` forwards, `steps` backwards.

    Args:
        steps: How many steps to take.
        overshoot: How far beyond the linear boundary points lie at first.
        shrink: What would be left of the radius if no step came nearer.
        loss: What is climbed; positive once the goal is reached.
    """

    steps: int = 500
    overshoot: float = 0.1
    shrink: float = 1e-5
    loss: AttackLoss = margin

    def start(self, task: Task) -> _Along:
        if not isinstance(task.threat, Linf | L2 | L1):
            raise ThreatError(
                f"Brendel & Bethge's attack is here for linf, l2 and l1, not for {task.threat.norm}; use FMN"
            )
        first = task.inputs if task.begin is None else task.begin
        none = torch.zeros(len(first), dtype=torch.int64, device=first.device)
        zero = torch.zeros(none.shape, device=none.device, dtype=first.dtype)
        return _Along(gradient_at(first), radius=zero, best=zero + torch.inf, taken=none)

    def step(self, task: Task, state: _Along, seen: Seen) -> _Along:
        away = seen.distance[:, 0].to(state.best)
        nearer, share = away < state.best, self.shrink ** (1 / max(self.steps, 1))
        radius = torch.where(nearer, state.radius / share, state.radius * share)
        first = nearer & state.best.isinf()
        if bool(first.any()):
            radius = torch.where(first, flat(state.point - task.inputs).norm(dim=1), radius)
        overshoot = cosine(self.overshoot, self.overshoot / 100, state.taken, self.steps).to(away)
        moved = self._moved(task, state.point, seen, radius, overshoot)
        return _Along(
            gradient_at(task.threat.box.clip_(moved)),
            radius=radius,
            best=torch.minimum(state.best, away),
            taken=state.taken + 1,
        )

    def _moved(self, task: Task, points: Tensor, seen: Seen, radius: Tensor, overshoot: Tensor) -> Tensor:
        """Where the radius ends on the way from p to q."""
        normal = seen.gradient
        lift = flat(normal * (task.inputs - points)).sum(1)
        there = seen.loss.to(points) + lift
        beyond = there - overshoot * there.abs()
        nearest = points + across(task.threat, points, normal, beyond - lift)
        way = task.inputs + across(task.threat, task.inputs, normal, beyond) - nearest
        share = (radius / flat(way).norm(dim=1).clamp_min(1e-12)).clamp_max(1)
        return torch.addcmul(nearest, over_rows(share, way), way)
