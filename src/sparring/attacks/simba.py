"""SimBA (Guo et al. 2019, https://arxiv.org/abs/1905.07121): try vectors of a basis one by one, one way and the other.

Deviations: what climbs is any loss, by default the log odds of the true class in place of its probability, which rise
together; points are projected onto the threat where it has a budget; once every vector was tried they are tried again
in the same order; waves of low frequency come first in the order of `bases.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor

from sparring.attacks.parts.bases import Kind, basis_of
from sparring.attacks.parts.losses import cross_entropy
from sparring.engine import AttackLoss, Seen, State, Task, scores_at
from sparring.tensors import pick

__all__ = ["SimBA"]


@dataclass(frozen=True)
class _Search(State):
    """The best point `(B, *shape)` and its loss; the order of the vectors `(B, K)`, which one is tried, which way."""

    best_point: Tensor
    best: Tensor
    order: Tensor
    place: Tensor
    back: Tensor


@dataclass(frozen=True)
class SimBA:
    """Add a vector of the basis; if the loss does not rise, subtract it; if it does not rise again, leave it.

    Begins at the input. Sees scores only. Cost: `steps + 1` queries, one or two of them for each vector.

    Args:
        steps: Queries after the first.
        step_size: Length of the vectors, in units of the data; `None` for a fifth of its range.
        basis: `values` are changed one at a time; `waves` are smooth.
        loss: What should rise.
    """

    steps: int = 1000
    step_size: float | None = None
    basis: Kind = "values"
    loss: AttackLoss = cross_entropy

    def within(self, queries: int) -> Self:
        """The same attack for a budget of so many queries per sample."""
        return replace(self, steps=max(1, queries - 1))

    def start(self, task: Task) -> _Search:
        order = basis_of(task, self.basis).order(task, self.steps)
        none = torch.zeros(len(task), dtype=torch.int64, device=task.inputs.device)
        low = torch.full(none.shape, -torch.inf, device=none.device)
        first = task.inputs if task.begin is None else task.begin
        # before the first vector stands the way back from one before it
        return _Search(scores_at(first), first, low, order, none - 1, none == 0)

    def step(self, task: Task, state: _Search, seen: Seen) -> _Search:
        better = seen.loss > state.best
        best_point = pick(better, state.point, state.best_point)
        following = better | state.back
        place = torch.where(following, state.place + 1, state.place)
        vector = basis_of(task, self.basis).vectors(
            state.order.gather(1, place[:, None] % state.order.shape[1])
        )
        length = self._length(task)
        shift = length * vector.reshape(task.inputs.shape)
        signs = torch.where(following, 1.0, -1.0).to(shift).reshape(-1, *[1] * (shift.ndim - 1))
        point = task.threat.project(best_point + signs * shift, task.inputs)
        best = torch.where(better, seen.loss, state.best)
        return _Search(scores_at(point), best_point, best, state.order, place, ~following)

    def _length(self, task: Task) -> Any:
        """The length of a vector, one number or one per value."""
        return (
            0.2 * (task.threat.box.high - task.threat.box.low) if self.step_size is None else self.step_size
        )
