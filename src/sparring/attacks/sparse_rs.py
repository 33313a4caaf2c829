"""Sparse-RS (Croce et al. 2022, https://arxiv.org/abs/2006.12834): random search for few values that change, in L0.

The schedule is the authors', rescaled to the queries that are given as their code can. Deviations: each
row draws by itself, and a value that leaves may come back. The search for the smallest number of values is ours.
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
from sparring.threat.smallest import is_smallest
from sparring.threat.units import added_up, first_of, spread_out

__all__ = ["SparseRS"]

_TRIES = (0, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
_PARTS = (1, 2, 4, 5, 6, 8, 10, 12, 15, 20)
"""After so many of 10,000 tries, the share of values that are exchanged is divided by so much."""


_FIRST = 0.1
"""Share of all values that change at first, where the smallest number is looked for."""
_PATIENCE = 20
"""They are doubled after each such part of the tries, until the goal was reached."""


@dataclass(frozen=True)
class _Search(State):
    """Where a row is.

    Args:
        best_point: The best so far, `(B, *shape)`.
        chosen: Which values it changes, `(B, U)`.
        best: Its loss, `(B,)`.
        tried: How many points were tried, `(B,)`.
        trial: Which values the asked point changes, `(B, U)`.
        count: How many may change, `(B,)`.
        found: Whether the goal was reached with more, `(B,)`.
    """

    best_point: Tensor
    chosen: Tensor
    best: Tensor
    tried: Tensor
    trial: Tensor
    count: Tensor
    found: Tensor


@dataclass(frozen=True)
class SparseRS:
    """Change eps values, or whole pixels, to an end of their range; exchange some of them, and keep what is better.

    Where the smallest number is looked for, it begins at `task.begin` or with a tenth of them all, and goes on with
    four fifths of those that were changed whenever the goal is reached.

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
        none = torch.zeros(len(task), dtype=torch.int64, device=task.inputs.device)
        luck = task.draws.uniform(_units(task, task.inputs), draw=1)
        count = _most(task)
        count = (_FIRST * count).long().clamp_min(1) if is_smallest(task.threat) else count
        chosen = _largest(luck.masked_fill(~_free(task), -1), count)
        first = _changed(task, task.inputs, chosen, chosen, none)
        if is_smallest(task.threat) and task.begin is not None:
            known = _moved(task, task.begin)
            begun = known.any(1)
            first, chosen = pick(begun, task.begin, first), pick(begun, known, chosen)
            count = torch.where(begun, known.sum(1), count)
        low = torch.full(none.shape, -torch.inf, device=none.device)
        return _Search(scores_at(first), first, chosen, low, none, chosen, count, none > 0, done=none > 0)

    def step(self, task: Task, state: _Search, seen: Seen) -> _Search:
        won = seen.reached[:, 0] if is_smallest(task.threat) else torch.zeros_like(state.found)
        better = (seen.loss > state.best) | won
        best_point = pick(better, state.point, state.best_point)
        chosen = pick(better, state.trial, state.chosen)
        chosen = chosen & (_moved(task, best_point) | ~won[:, None])
        best = torch.where(better, seen.loss, state.best).masked_fill(won, -torch.inf)
        size, tried, found = chosen.sum(1), state.tried + 1, state.found | won
        count = torch.where(won, (4 * size // 5).clamp_min(1), self._grown(task, state, found))
        leaving_luck, joining_luck = (
            task.draws.uniform(_units(task, task.inputs), draw=3 * tried + each) for each in (1, 2)
        )
        leaving = torch.where(won, size - count, self._exchanged(state))
        staying = chosen & ~_largest(leaving_luck.masked_fill(~chosen, -1), leaving)
        joining = _largest(joining_luck.masked_fill(staying | ~_free(task), -1), count - staying.sum(1))
        trial = staying | joining
        point = _changed(task, best_point, trial, joining, tried)
        done = won & (size <= 1)
        return _Search(scores_at(point), best_point, chosen, best, tried, trial, count, found, done=done)

    def _exchanged(self, state: _Search) -> Tensor:
        """How many values are exchanged in the next try, `(B,)`."""
        tries = torch.tensor(_TRIES, device=state.tried.device)
        due = torch.bucketize(state.tried * 10_000 // (self.steps + 1), tries)
        parts = torch.tensor(_PARTS, device=state.tried.device)[due]
        return (self.share * state.count / parts).long().clamp_min(1)

    def _grown(self, task: Task, state: _Search, found: Tensor) -> Tensor:
        """How many may change now: twice as many from time to time, while the smallest number is looked for in vain."""
        if not is_smallest(task.threat):
            return state.count
        due = ~found & ((state.tried + 1) % max(1, self.steps // _PATIENCE) == 0)
        return torch.where(due, torch.minimum(2 * state.count, _most(task)), state.count)


def _units(task: Task, values: Tensor) -> Tensor:
    """The first value of each unit that an L0 budget counts, `(B, U)`."""
    return flat(first_of(task.threat, values))


def _free(task: Task) -> Tensor:
    """Which of them may change, `(B, U)`."""
    mask = task.threat.mask
    if mask is None:
        return torch.ones_like(_units(task, task.inputs), dtype=torch.bool)
    return flat(added_up(task.threat, mask.float())) > 0


def _most(task: Task) -> Tensor:
    """How many may change at most, `(B,)`."""
    return torch.minimum(vector(task.threat.eps, task.inputs), _free(task).sum(1)).long()


def _moved(task: Task, point: Tensor) -> Tensor:
    """Which units are not as in the input, `(B, U)`."""
    return flat(added_up(task.threat, (point != task.inputs).to(point))) > 0


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
