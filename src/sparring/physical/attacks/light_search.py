"""A search over the few numbers of a thrown light, by scores alone."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sparring.attacks.parts.losses import margin
from sparring.engine import AttackLoss, Seen, State, Task, scores_at
from sparring.physical.attacks.thrown_light import ThrownLight
from sparring.tensors import pick

__all__ = ["LightSearch"]


@dataclass(frozen=True)
class _Lit(State):
    """Numbers `(B, n)` of the last look and of the best one, its loss `(B,)`, looks so far `(B,)`."""

    asked: Tensor
    numbers: Tensor
    best: Tensor
    tried: Tensor


@dataclass(frozen=True)
class LightSearch:
    """Drawn at random first, then moved from the best by ever smaller steps; the last look is at the best.

    One search for both lights, where Zhong et al. 2022 use particle swarms and Duan et al. 2021 a greedy search with
    restarts. Sees scores only. Cost: `steps + 1` queries.

    Args:
        light: What is thrown.
        steps: Looks after the first.
        drawn: The share of them that is drawn at random.
        reach: Standard deviation of the first moves, in the range of the numbers; falls to a tenth.
        loss: What should rise.
    """

    light: ThrownLight
    steps: int = 200
    drawn: float = 0.4
    reach: float = 0.2
    loss: AttackLoss = margin

    def start(self, task: Task) -> _Lit:
        first = task.draws.uniform(task.inputs.new_empty(len(task), self.light.numbers))
        none = torch.zeros(len(task), dtype=torch.int64, device=first.device)
        low = torch.full(none.shape, -torch.inf, device=first.device)
        return _Lit(scores_at(self.light.cast(task.inputs, first)), first, first, low, none)

    def step(self, task: Task, state: _Lit, seen: Seen) -> _Lit:
        better = seen.loss > state.best
        numbers, best = pick(better, state.asked, state.numbers), torch.where(better, seen.loss, state.best)
        tried = state.tried + 1
        afresh = task.draws.uniform(numbers, tried)
        gone = ((tried / self.steps - self.drawn) / (1 - self.drawn)).clamp(0, 1)
        moved = numbers + (self.reach * 0.1**gone)[:, None] * task.draws.normal(numbers, tried + 2**20)
        asked = pick(tried < self.drawn * self.steps, afresh, moved.clamp(0, 1))
        asked = pick(tried >= self.steps, numbers, asked)
        return _Lit(scores_at(self.light.cast(task.inputs, asked)), asked, numbers, best, tried)
