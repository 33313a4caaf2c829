"""Sparse-RS (Croce et al. 2022, https://arxiv.org/abs/2006.12834): random search for few values that change, in L0.

The schedule is the authors', rescaled to the queries that are given as their code can. Deviations: each
row draws by itself, and a value that leaves may come back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from sparring.attacks.parts.losses import margin
from sparring.engine import AttackLoss, Seen, State, Task, scores_at
from sparring.errors import ThreatError
from sparring.tensors import flat, pick, vector
from sparring.threat.smallest import budgeted
from sparring.threat.units import added_up, first_of, spread_out

__all__ = ["SparseRS"]

_TRIES = (0, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
_PARTS = (1, 2, 4, 5, 6, 8, 10, 12, 15, 20)
"""After so many of 10,000 tries, the share of values that are exchanged is divided by so much."""


@dataclass(frozen=True)
class _Search(State):
    """The best point so far `(B, *shape)`, which values it changes `(B, U)`, its loss, and how many were tried.

    `trial` are the values that the asked point changes, `(B, U)`.
    """

    best_point: Tensor
    chosen: Tensor
    best: Tensor
    tried: Tensor
    trial: Tensor


@dataclass(frozen=True)
class SparseRS:
    """Change eps values, or whole pixels, to an end of their range; exchange some of them, and keep what is better.

    Sees scores only; for L0. Cost: `steps + 1` queries.

    Args:
        steps: How many exchanges to try.
        share: Of the changed values that are exchanged at first; falls as the search goes on.
        loss: What should rise.
    """

    steps: int = 5000
    share: float = 0.3
    loss: AttackLoss = margin

    def within(self, queries: int) -> Self:
        """The same attack for a budget of so many queries per sample."""
        return replace(self, steps=max(1, queries - 1))

    def start(self, task: Task) -> _Search:
        if task.threat.norm != "l0":
            raise ThreatError(f"Sparse-RS searches in l0, not in {task.threat.norm}; use Square")
        budgeted(task.threat)
        none = torch.zeros(len(task), dtype=torch.int64, device=task.inputs.device)
        luck = task.draws.uniform(_units(task, task.inputs), draw=1)
        chosen = _largest(luck.masked_fill(~_free(task), -1), _count(task))
        first = _changed(task, task.inputs, chosen, chosen, none)
        low = torch.full(none.shape, -torch.inf, device=none.device)
        return _Search(scores_at(first), first, chosen, low, none, chosen)

    def step(self, task: Task, state: _Search, seen: Seen) -> _Search:
        better = seen.loss > state.best
        best_point = pick(better, state.point, state.best_point)
        chosen = pick(better, state.trial, state.chosen)
        best = torch.where(better, seen.loss, state.best)
        tried = state.tried + 1
        leaving_luck, joining_luck = (
            task.draws.uniform(_units(task, task.inputs), draw=3 * tried + each) for each in (1, 2)
        )
        count = self._exchanged(task, state.tried)
        staying = chosen & ~_largest(leaving_luck.masked_fill(~chosen, -1), count)
        joining = _largest(joining_luck.masked_fill(staying | ~_free(task), -1), count)
        trial = staying | joining
        point = _changed(task, best_point, trial, joining, tried)
        return _Search(scores_at(point), best_point, chosen, best, tried, trial)

    def _exchanged(self, task: Task, tried: Tensor) -> Tensor:
        """How many values are exchanged in the next try, `(B,)`."""
        due = torch.bucketize(tried * 10_000 // (self.steps + 1), torch.tensor(_TRIES, device=tried.device))
        parts = torch.tensor(_PARTS, device=tried.device)[due]
        return (self.share * _count(task) / parts).long().clamp_min(1)


def _units(task: Task, values: Tensor) -> Tensor:
    """The first value of each unit that an L0 budget counts, `(B, U)`."""
    return flat(first_of(task.threat, values))


def _free(task: Task) -> Tensor:
    """Which of them may change, `(B, U)`."""
    mask = task.threat.mask
    if mask is None:
        return torch.ones_like(_units(task, task.inputs), dtype=torch.bool)
    return flat(added_up(task.threat, mask.float())) > 0


def _count(task: Task) -> Tensor:
    """How many may change, `(B,)`."""
    return torch.minimum(vector(task.threat.eps, task.inputs).long(), _free(task).sum(1))


def _largest(values: Tensor, count: Tensor) -> Tensor:
    """The `count` `(B,)` largest of each row, as a mask over `(B, U)`."""
    order = values.argsort(dim=1, descending=True, stable=True)
    places = torch.arange(values.shape[1], device=values.device).expand_as(order)
    return torch.empty_like(order).scatter_(1, order, places) < count[:, None]


def _changed(task: Task, point: Tensor, chosen: Tensor, drawn: Tensor, tried: Tensor) -> Tensor:
    """The point with the input's own values where nothing is `chosen`, and new ends of the range where `drawn`."""
    box = task.threat.box
    heads = task.draws.uniform(task.inputs, draw=3 * tried) < 0.5
    ends = torch.where(heads, torch.as_tensor(box.low).to(point), torch.as_tensor(box.high).to(point))
    shape = first_of(task.threat, point).shape
    drawn, chosen = (spread_out(task.threat, each.reshape(shape), point) for each in (drawn, chosen))
    moved = torch.where(chosen, torch.where(drawn, ends, point), task.inputs)
    return moved if task.threat.mask is None else torch.where(task.threat.mask, moved, task.inputs)
