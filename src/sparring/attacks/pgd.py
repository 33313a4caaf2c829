"""PGD (Madry et al. 2018, https://arxiv.org/abs/1706.06083): climb, project back, repeat."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sparring.attacks.parts.losses import cross_entropy
from sparring.engine import AttackLoss, Seen, State, Task, gradient_at
from sparring.tensors import per_row

__all__ = ["PGD"]


@dataclass(frozen=True)
class PGD:
    """Climb the loss by steps of fixed length, projecting back each time.

        x <- project(x + step_size * steepest(gradient))

    Starts at a random point of the threat, or where an earlier stage ended. Cost: `steps + 1` forwards, `steps`
    backwards.

    Args:
        steps: How many steps to take.
        step_size: Length of a step in the threat's norm; 2.5 eps / steps if None, which reaches any point of the
            ball from any other.
        loss: What is climbed.
    """

    steps: int = 40
    step_size: float | None = None
    loss: AttackLoss = cross_entropy

    def start(self, task: Task) -> State:
        first = task.threat.sample(task.inputs, task.draws) if task.begin is None else task.begin
        return State(gradient_at(first))

    def step(self, task: Task, state: State, seen: Seen) -> State:
        length = 2.5 * task.threat.eps / self.steps if self.step_size is None else self.step_size
        way = task.threat.steepest(seen.gradient, state.point)
        moved = torch.addcmul(state.point, per_row(length, way), way)  # in one pass over memory
        return State(gradient_at(task.threat.project(moved, task.inputs)))
