"""Orthogonal PGD (Bryniarski, Hingun, Pachuca, Wang & Carlini 2022, https://arxiv.org/abs/2106.15023)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sparring.detect.evading import Evades
from sparring.engine import Seen, State, Task, gradient_at
from sparring.tensors import flat, over_rows, pick

__all__ = ["OrthogonalPGD"]


@dataclass(frozen=True)
class OrthogonalPGD:
    """Climb the class while it is right, else the detector, each time along what leaves the other as it is.

    With the gradients c of the lead and d of the room, a step follows c minus its part along d, or d minus its part
    along c. Deviation: the authors' steps have a fixed length; here it falls to zero as a half cosine. Cost:
    `steps + 1` forwards and `2 * steps` backwards.

    Args:
        steps: How many steps to take.
        length: Of the first one, as a share of eps.
    """

    steps: int = 100
    length: float = 0.5

    def start(self, task: Task) -> _Climb:
        first = task.threat.sample(task.inputs, task.draws) if task.begin is None else task.begin
        moves = torch.zeros(len(first), dtype=torch.int64, device=first.device)
        return _Climb(gradient_at(first), moves)

    def step(self, task: Task, state: _Climb, seen: Seen) -> _Climb:
        assert seen.losses is not None
        assert seen.gradients is not None
        lead, room = seen.gradients[:, 0].unbind(1)
        wrong = seen.losses[:, 0, 0] > 0
        way = pick(wrong, _without(room, lead), _without(lead, room))
        fall = (1 + (torch.pi * state.moves / self.steps).cos()) / 2
        length = over_rows((self.length * fall).to(way.dtype), way) * task.threat.eps
        moved = state.point + length * task.threat.steepest(way, state.point)
        return _Climb(gradient_at(task.threat.project(moved, task.inputs)), state.moves + 1)

    def loss(self, task: Task, state: Any, outputs: Any) -> Tensor:
        goal = task.goal
        assert isinstance(goal, Evades), "this attack belongs to the goal Evades"
        return torch.stack([goal.lead(outputs), goal.room(outputs)], -1)


@dataclass(frozen=True)
class _Climb(State):
    """Steps taken so far, `(B,)`."""

    moves: Tensor


def _without(gradient: Tensor, other: Tensor) -> Tensor:
    """The part of a gradient `(B, *shape)` that is orthogonal to another one."""
    along = (flat(gradient) * flat(other)).sum(1) / flat(other).square().sum(1).clamp_min(1e-30)
    return gradient - over_rows(along, gradient) * other
