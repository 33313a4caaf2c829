"""Which classes to aim at first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sparring.attacks.parts.hyperplane import dual_length
from sparring.engine import State, Task, gradient_at
from sparring.engine.ask import Look
from sparring.engine.memory import in_memory
from sparring.tensors import take

__all__ = ["by_distance", "by_score"]

WIDEST = 20
"""Most classes whose distance is looked at, each of which costs a backward."""


@dataclass(frozen=True)
class _Differences:
    """Asks for the scores of `candidates` minus that of the true class, and for the gradient of each."""

    steps: int = 1

    def start(self, task: Task) -> _Rivals:
        assert task.clean is not None
        rivals = by_score(task.clean, task.goal.labels)[:, :WIDEST]
        return _Rivals(gradient_at(task.inputs), rivals=rivals)

    def step(self, task: Task, state: _Rivals, seen: Any) -> _Rivals:
        return state

    def loss(self, task: Task, state: _Rivals, outputs: Any) -> Tensor:
        scores = task.goal.scores(outputs)
        own = scores.gather(-1, task.goal.labels[:, None, None])
        return scores.gather(-1, state.rivals[:, None]) - own


@dataclass(frozen=True)
class _Rivals(State):
    """Other classes, `(B, L)`."""

    rivals: Tensor


def by_score(clean: Tensor, labels: Tensor) -> Tensor:
    """The other classes by descending clean score, `(B, C - 1)`."""
    return clean.scatter(1, labels[:, None], -torch.inf).argsort(dim=1, descending=True, stable=True)[:, :-1]


def by_distance(model: Look, task: Task, batch: int) -> Tensor:
    r"""Up to 20 of the likeliest other classes by distance to a linear boundary, nearest first, `(B, L)`.

    With z the scores at the clean input and y the true class, as in MALT (Melamed et al. 2024,
    https://arxiv.org/abs/2407.02240), but in the norm dual to the threat's where MALT takes L1 or L2:

        (z_y - z_c) / |gradient of (z_c - z_y)|

    Costs a forward and L backwards a row.
    """
    attack, found = _Differences(), []
    for rows in torch.arange(len(task), device=task.inputs.device).split(batch):
        mine = take(task, rows)
        state = attack.start(mine)
        climb = torch.ones(len(rows), dtype=torch.bool, device=rows.device)
        seen, batch = in_memory(model, attack, mine, state, climb, batch)
        assert seen.losses is not None
        assert seen.gradients is not None
        away = -seen.losses[:, 0] / dual_length(mine.threat, seen.gradients[:, 0].flatten(2)).clamp_min(1e-12)
        found.append(state.rivals.gather(1, away.argsort(dim=1, stable=True)))
    return torch.cat(found)
