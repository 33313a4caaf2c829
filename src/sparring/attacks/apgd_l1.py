"""APGD for L1 (Croce & Hein 2021, "Mind the box", https://arxiv.org/abs/2103.01208).

Steps move as many coordinates as the best point so far suggests, and the budget shrinks from three times eps to
eps. As in the authors' code: each phase starts from the best point of the phase before, projected; rows whose
best point became sparser go on from it with the full step length, the others shorten theirs by a factor of 1.5.
Deviation: none that is known, but that successes inside eps count in every phase.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from sparring.attacks.parts.losses import cross_entropy
from sparring.attacks.parts.starts import Start, noisy
from sparring.engine import AttackLoss, Seen, State, Task, gradient_at
from sparring.errors import ThreatError
from sparring.tensors import flat, per_row, pick, put, take
from sparring.threat import L1
from sparring.threat.box import allowed
from sparring.threat.l1 import sparse_signs

__all__ = ["APGDL1"]

_WIDTHS = (3.0, 2.0, 1.0)


@dataclass(frozen=True)
class _Climb(State):
    """`phase` and `moves` in it; the best of the phase; step `length` as a multiple of the phase's budget.

    `changed` is how many coordinates the best point changed at the last checkpoint; all but points are `(B,)`.
    """

    phase: Tensor
    moves: Tensor
    best_point: Tensor
    best_gradient: Tensor
    best: Tensor
    length: Tensor
    changed: Tensor


@dataclass(frozen=True)
class APGDL1:
    """Climb by sparse steps inside a shrinking L1 ball.

        x <- project(x + length * budget * sparse_signs(gradient))

    Cost: `moves + 3` forwards, `moves + 2` backwards.

    Args:
        moves: How many steps to take, 30%, 30% and 40% of them at budgets of 3, 2 and 1 eps.
        loss: What is climbed.
        begin: Where to start, before the projection onto the widest ball, if no earlier stage says so.
    """

    moves: int = 100
    loss: AttackLoss = cross_entropy
    begin: Start = noisy

    @property
    def steps(self) -> int:
        return self.moves + len(_WIDTHS) - 1

    def start(self, task: Task) -> _Climb:
        none = torch.zeros(len(task), dtype=torch.int64, device=task.inputs.device)
        wide = _widened(task, none)
        far = self.begin(task) if task.begin is None else task.begin
        return _enter(task, none, wide.project(far, task.inputs))

    def step(self, task: Task, state: _Climb, seen: Seen) -> _Climb:
        state = _remember(state, seen)
        over = state.moves == self._phases(state.moves)[state.phase]
        moved = self._move(task, state, seen)
        return (
            put(moved, over, _next_phase(take(task, over), take(state, over))) if bool(over.any()) else moved
        )

    def _move(self, task: Task, state: _Climb, seen: Seen) -> _Climb:
        """One step; at a checkpoint (every 4% of the phase), first adapt its length and sparsity."""
        period = (0.04 * self._phases(state.moves)[state.phase]).long().clamp_min(1)
        due = (state.moves > 0) & (state.moves % period == 0)
        now = _changed(state.best_point, task.inputs)
        sparser = due & (now < 0.95 * state.changed)
        shorter = (state.length / 1.5).clamp_min(0.1)
        length = torch.where(due, torch.where(sparser, 1.0, shorter), state.length)
        changed = torch.where(due, now, state.changed)

        point = pick(sparser, state.best_point, state.point)
        gradient = pick(sparser, state.best_gradient, seen.gradient)
        wide = _widened(task, state.phase)
        direction = sparse_signs(allowed(gradient, wide.mask), changed / 1.5 / point[0].numel())
        moved = wide.project(point + per_row(length, point) * wide.eps * direction, task.inputs)
        return replace(state, ask=gradient_at(moved), moves=state.moves + 1, length=length, changed=changed)

    def _phases(self, like: Tensor) -> Tensor:
        """Steps of each phase; the last ends where the engine ends the search."""
        first = math.ceil(0.3 * self.moves)
        return torch.tensor([first, first, self.moves - 2 * first], device=like.device)


def _next_phase(task: Task, state: _Climb) -> _Climb:
    """Go on from the best point, projected onto the next smaller ball."""
    phase = state.phase + 1
    return _enter(task, phase, _widened(task, phase).project(state.best_point, task.inputs))


def _enter(task: Task, phase: Tensor, first: Tensor) -> _Climb:
    """Begin a phase at `first` `(B, *shape)`."""
    low = torch.full(phase.shape, -torch.inf, dtype=first.dtype, device=first.device)
    return _Climb(
        ask=gradient_at(first),
        phase=phase,
        moves=torch.zeros_like(phase),
        best_point=first,
        best_gradient=first,
        best=low,
        length=torch.ones_like(low),
        changed=_changed(first, task.inputs),
    )


def _remember(state: _Climb, seen: Seen) -> _Climb:
    """Keep the best point of the phase."""
    better = seen.loss > state.best
    return replace(
        state,
        best_point=pick(better, state.point, state.best_point),
        best_gradient=pick(better, seen.gradient, state.best_gradient),
        best=torch.maximum(seen.loss, state.best),
    )


def _widened(task: Task, phase: Tensor) -> L1:
    """The threat with the phase's budget in each row.

    Raises:
        ThreatError: The threat is not L1.
    """
    if not isinstance(task.threat, L1):
        raise ThreatError(f"apgd-l1 searches l1 balls, but the threat is {task.threat.norm}; use APGD")
    widths = torch.tensor(_WIDTHS, dtype=task.inputs.dtype, device=phase.device)[phase]
    return replace(task.threat, eps=per_row(widths, task.inputs) * task.threat.eps)


def _changed(points: Tensor, inputs: Tensor) -> Tensor:
    """How many coordinates differ from the input, `(B,)`."""
    return flat(points != inputs).sum(1).to(inputs.dtype)
