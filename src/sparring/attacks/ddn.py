"""DDN (Rony et al. 2019, https://arxiv.org/abs/1811.09600): the direction from the gradient, the length from success.

Deviations: grey levels are no matter of the search (`verify/` and the 8-bit search care for them), and where a gradient
is zero the change stays as it is, while the authors draw a random direction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from sparring.attacks.parts.losses import cross_entropy
from sparring.attacks.parts.schedules import cosine
from sparring.engine import AttackLoss, Seen, State, Task, gradient_at
from sparring.errors import ThreatError
from sparring.tensors import flat, over_rows
from sparring.threat import L2
from sparring.threat.l2 import unit

__all__ = ["DDN"]


@dataclass(frozen=True)
class _Sphere(State):
    """Length of the change, the longest that the data allow, and steps taken, `(B,)`."""

    size: Tensor
    longest: Tensor
    taken: Tensor


@dataclass(frozen=True)
class DDN:
    """Climb on a sphere around the input that shrinks where the goal is reached and grows where not. L2 only.

    With d the change and e its length:

        e <- e (1 - change)     where the goal is reached, else e (1 + change)
        d <- d + step_size gradient / ||gradient||
        d <- clip(e d / ||d||) into the range of the data

    `step_size` falls along a cosine to a hundredth. Looks for the smallest change whatever eps is. Cost: `steps + 1`
    forwards, `steps` backwards.

    Args:
        steps: How many steps to take.
        step_size: Length of the first step.
        size: Length of the first change.
        change: By which share the length changes.
        loss: What is climbed.
    """

    steps: int = 500
    step_size: float = 1.0
    size: float = 1.0
    change: float = 0.05
    loss: AttackLoss = cross_entropy

    def start(self, task: Task) -> _Sphere:
        if not isinstance(task.threat, L2):
            raise ThreatError(f"DDN finds smallest changes in l2, not in {task.threat.norm}; use FMN")
        none = torch.zeros(len(task), dtype=torch.int64, device=task.inputs.device)
        size = torch.full(none.shape, self.size, device=none.device, dtype=task.inputs.dtype)
        up = torch.ones_like(task.inputs)
        farthest = torch.maximum(
            task.threat.box.room(task.inputs, up), task.threat.box.room(task.inputs, -up)
        )
        return _Sphere(gradient_at(task.inputs), size=size, longest=flat(farthest).norm(dim=1), taken=none)

    def step(self, task: Task, state: _Sphere, seen: Seen) -> _Sphere:
        reached = task.goal.reached(seen.outputs)[:, 0]
        size = state.size * torch.where(reached, 1 - self.change, 1 + self.change)
        size = torch.minimum(size, state.longest)
        length = cosine(self.step_size, self.step_size / 100, state.taken, self.steps).to(size)
        change = state.point - task.inputs + over_rows(length, seen.gradient) * unit(seen.gradient)
        mask = task.threat.mask
        change = unit(change if mask is None else torch.where(mask, change, 0))
        moved = task.threat.box.clip(task.inputs + over_rows(size, change) * change)
        return replace(state, ask=gradient_at(moved), size=size, taken=state.taken + 1)
