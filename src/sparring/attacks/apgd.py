"""APGD (Croce & Hein 2020, https://arxiv.org/abs/2003.01690): PGD with momentum that sets its own step length.

Where the paper leaves room this follows the authors' code: the start is scaled to the boundary of the ball, the
first step has no momentum, and after a return to the best point the momentum still refers to the point before.
Deviations: gains of the loss are counted from the start's own loss in the first period (their code compares
with the last entry of an unfilled table), and L2 steps are projected exactly onto ball and box together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from sparring.attacks.parts.losses import cross_entropy
from sparring.attacks.parts.starts import Start, boundary
from sparring.engine import AttackLoss, Seen, State, Task, gradient_at
from sparring.tensors import per_row, pick

__all__ = ["APGD"]


@dataclass(frozen=True)
class _Climb(State):
    """Where a row is and what decides its next step.

    Args:
        previous: The point that the last step was made from, `(B, *shape)`.
        best: Highest loss so far, `(B,)`, and the point and gradient that belong to it.
        loss: Loss at the last point.
        moves: Steps taken.
        length: Step length as a multiple of eps.
        period: Steps from the last checkpoint to the next; `since` of them are done, `gains` raised the loss.
        halved: Whether the last checkpoint halved the length.
        mark: Best loss at the last checkpoint.
    """

    previous: Tensor
    best_point: Tensor
    best_gradient: Tensor
    best: Tensor
    loss: Tensor
    moves: Tensor
    length: Tensor
    period: Tensor
    since: Tensor
    gains: Tensor
    halved: Tensor
    mark: Tensor


@dataclass(frozen=True)
class APGD:
    """Climb with momentum; at checkpoints, halve the step where progress stalled and go on from the best point.

        z <- project(x + length * steepest(gradient))
        x <- project(x + 0.75 (z - x) + 0.25 (x - x_previous))

    For any threat with one steepest direction (Linf, L2); L1 has an APGD of its own. Cost: `steps + 1` forwards,
    `steps` backwards.

    Args:
        steps: How many steps to take.
        loss: What is climbed.
        rho: A period in which no more than this share of steps raised the loss has stalled.
        begin: Where to start, if no earlier stage says so.
    """

    steps: int = 100
    loss: AttackLoss = cross_entropy
    rho: float = 0.75
    begin: Start = boundary

    def start(self, task: Task) -> _Climb:
        first = self.begin(task) if task.begin is None else task.begin
        none = torch.zeros(len(first), dtype=torch.int64, device=first.device)
        low = torch.full(none.shape, -torch.inf, dtype=first.dtype, device=first.device)
        return _Climb(
            ask=gradient_at(first),
            previous=first,
            best_point=first,
            best_gradient=first,
            best=low,
            loss=-low,
            moves=none,
            length=torch.full_like(low, 2.0),
            period=none + max(int(0.22 * self.steps), 1),
            since=none - 1,  # the look at the start is no step
            gains=none,
            halved=none == 0,
            mark=low,
        )

    def step(self, task: Task, state: _Climb, seen: Seen) -> _Climb:
        state = _remember(state, seen)
        state, point, gradient = self._check(state, seen)
        threat = task.threat
        length = per_row(state.length, point) * threat.eps
        moved = threat.project(torch.addcmul(point, length, threat.steepest(gradient, point)), task.inputs)
        share = per_row(torch.where(state.moves > 0, 0.75, 1.0), point)
        mixed = torch.lerp(state.previous, point, 2.0).lerp_(moved, share)  # between as far again and the new
        ask = gradient_at(threat.project(mixed, task.inputs))
        return replace(state, ask=ask, previous=point, moves=state.moves + 1)

    def _check(self, state: _Climb, seen: Seen) -> tuple[_Climb, Tensor, Tensor]:
        """At a checkpoint, halve the step of rows that stalled and take them back to their best point."""
        due = state.since == state.period
        if not bool(due.any()):
            return state, state.point, seen.gradient
        stalled = state.gains <= self.rho * state.period
        stuck = ~state.halved & (state.mark >= state.best)
        halve = due & (stalled | stuck)
        shorter = state.period - max(int(0.03 * self.steps), 1)
        state = replace(
            state,
            length=torch.where(halve, state.length / 2, state.length),
            period=torch.where(due, shorter.clamp_min(max(int(0.06 * self.steps), 1)), state.period),
            since=state.since.masked_fill(due, 0),
            gains=state.gains.masked_fill(due, 0),
            halved=torch.where(due, halve, state.halved),
            mark=torch.where(due, state.best, state.mark),
        )
        return (
            state,
            pick(halve, state.best_point, state.point),
            pick(halve, state.best_gradient, seen.gradient),
        )


def _remember(state: _Climb, seen: Seen) -> _Climb:
    """Keep the best point so far, and count whether the loss rose."""
    better = seen.loss > state.best
    return replace(
        state,
        best_point=pick(better, state.point, state.best_point),
        best_gradient=pick(better, seen.gradient, state.best_gradient),
        best=torch.maximum(seen.loss, state.best),
        loss=seen.loss,
        since=state.since + 1,
        gains=state.gains + (seen.loss > state.loss),
    )
