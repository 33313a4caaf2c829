"""A climb that finds for each row what the detector weighs beside the class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sparring.detect.evading import Evades
from sparring.engine import Seen, State, Task, gradient_at
from sparring.tensors import flat, over_rows, per_row

__all__ = ["Balancing"]

ENOUGH = 0.3
"""How far lead and room are climbed beyond zero, where they are enough."""

TURN = 0.1
"""By how much a step changes the logarithm of the odds between room and lead."""


@dataclass(frozen=True)
class Balancing:
    """Climb lead and room together, with more weight on the room after each look that was wrong, less after others.

        way <- 0.75 way + (1 - w) unit(gradient of lead) + w unit(gradient of room)
        x <- project(x + length * unit(way))

    The weight is found by rising and falling, as that of a Lagrangian (Rony et al. 2021, https://arxiv.org/abs/2011.11857),
    and gradients keep their shape: steps along signs move every pixel, which scores that look for noise see at once.
    It begins at the input. The lead is that of the aim, if there is one; any wrong class counts. Cost: `steps + 1`
    forwards and `2 * steps` backwards.

    Args:
        steps: How many steps to take; the length falls to zero as a half cosine.
        length: Of the first one, as a share of the longest move in L2 that the threat's own steps make.
    """

    steps: int = 100
    length: float = 0.25

    def start(self, task: Task) -> _Climb:
        first = task.inputs if task.begin is None else task.begin
        odds = torch.zeros(len(first), dtype=first.dtype, device=first.device)
        return _Climb(
            gradient_at(first), torch.zeros_like(odds, dtype=torch.int64), odds, torch.zeros_like(first)
        )

    def step(self, task: Task, state: _Climb, seen: Seen) -> _Climb:
        assert seen.losses is not None
        assert seen.gradients is not None
        lead, room = seen.gradients[:, 0].unbind(1)
        weight = over_rows(state.odds.sigmoid(), lead)
        way = 0.75 * state.way + (1 - weight) * _unit(lead) + weight * _unit(room)
        fall = (1 + (torch.pi * state.moves / self.steps).cos()) / 2
        longest = flat(per_row(task.threat.eps, way) * task.threat.steepest(way, state.point)).norm(dim=1)
        length = (self.length * fall).to(way.dtype) * longest
        moved = state.point + over_rows(length, way) * _unit(way)
        turn = torch.where(seen.losses[:, 0, 0] > 0, TURN, -TURN)
        return _Climb(
            gradient_at(task.threat.project(moved, task.inputs)), state.moves + 1, state.odds + turn, way
        )

    def loss(self, task: Task, state: Any, outputs: Any) -> Tensor:
        goal = task.goal
        assert isinstance(goal, Evades), "this attack belongs to the goal Evades"
        lead = goal.lead(outputs, task.aim).clamp(max=ENOUGH)
        return torch.stack([lead, goal.room(outputs).clamp(max=ENOUGH)], -1)


@dataclass(frozen=True)
class _Climb(State):
    """Steps taken so far and the logarithm of the odds between room and lead, `(B,)`; the last way, `(B, *shape)`."""

    moves: Tensor
    odds: Tensor
    way: Tensor


def _unit(gradient: Tensor) -> Tensor:
    """Of length one in L2, or zero."""
    return gradient / over_rows(flat(gradient).norm(dim=1).clamp_min(1e-12), gradient)
