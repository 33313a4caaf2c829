"""HLRF (Rackwitz & Fiessler 1978, https://doi.org/10.1016/0045-7949(78)90046-9): step from the input to a tangent.

The search of structural engineers for the nearest failure, in L2, with one linear boundary for each step; here also in
Linf and L1, inside the range of the data, with damped steps. It needs no more than a slope and a score for a step, and
so makes good use of gradients that are told from scores (`Estimated`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sparring.attacks.parts.hyperplane import across
from sparring.attacks.parts.losses import margin
from sparring.engine import AttackLoss, Seen, State, Task, gradient_at
from sparring.tensors import flat, over_rows

__all__ = ["HLRF"]


@dataclass(frozen=True)
class _Walk(State):
    """The smallest distance so far at which the goal was reached, infinite while there is none, `(B,)`."""

    best: Tensor


@dataclass(frozen=True)
class HLRF:
    r"""Go to the point nearest to the input where the loss, as linear as it is here, has risen to zero.

    With x0 the input, L the loss (positive once the goal is reached) and d its gradient at x:

        z = x0 + overshoot * (smallest change with L(x) + <d, x0 + change - x> = 0)
        x <- (1 - inertia) z + inertia x, drawn in towards x0 if it is too far

    Too far is beyond 0.98 of the smallest distance so far at which the goal was reached; while there is none, beyond
    twice the distance of x, or a hundredth of the longest change there is if that is more. Looks for the smallest
    change whatever eps is, in Linf, L2 and L1. Starts at the input. Cost: `steps + 1` forwards, `steps` backwards.

    Args:
        steps: How many steps to take.
        overshoot: How far to step, in units of the way to the boundary.
        inertia: What is kept of the point before.
        loss: What is climbed; positive once the goal is reached.
    """

    steps: int = 50
    overshoot: float = 1.05
    inertia: float = 0.3
    loss: AttackLoss = margin

    def start(self, task: Task) -> _Walk:
        far = torch.full((len(task),), torch.inf, dtype=task.inputs.dtype, device=task.inputs.device)
        return _Walk(gradient_at(task.inputs if task.begin is None else task.begin), best=far)

    def step(self, task: Task, state: _Walk, seen: Seen) -> _Walk:
        point, inputs, normal = state.point, task.inputs, seen.gradient
        away = task.threat.distance(point, inputs)
        reached = task.goal.reached(seen.outputs)[:, 0]
        best = torch.where(reached, torch.minimum(state.best, away), state.best)
        from_input = seen.loss.to(point) + flat(normal * (inputs - point)).sum(1)
        # whatever a slope says, the input is on this side of the boundary
        change = across(task.threat, inputs, normal, from_input.clamp_max(-1e-6))
        moved = torch.lerp(inputs + self.overshoot * change, point, self.inertia)
        limit = torch.where(best.isinf(), torch.maximum(2 * away, _hundredth(task)), 0.98 * best)
        share = limit / task.threat.distance(moved, inputs).clamp_min(1e-12)
        moved = inputs + over_rows(share.clamp_max(1), point) * (moved - inputs)
        return _Walk(gradient_at(task.threat.box.clip(moved)), best=best)


def _hundredth(task: Task) -> Tensor:
    """A hundredth of the longest change there is, `(B,)`."""
    box = task.threat.box
    room = torch.maximum(box.high - task.inputs, task.inputs - box.low)
    return task.threat.distance(task.inputs + room, task.inputs) / 100
