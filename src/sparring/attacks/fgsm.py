"""FGSM (Goodfellow, Shlens & Szegedy 2014, https://arxiv.org/abs/1412.6572): one step as long as the budget."""

from __future__ import annotations

from dataclasses import dataclass

from sparring.attacks.parts.losses import cross_entropy
from sparring.engine import AttackLoss, Seen, State, Task, gradient_at

__all__ = ["FGSM"]


@dataclass(frozen=True)
class FGSM:
    """Go once along the steepest direction, all the way. Cost: 2 forwards, 1 backward."""

    loss: AttackLoss = cross_entropy
    steps = 1

    def start(self, task: Task) -> State:
        return State(gradient_at(task.inputs))

    def step(self, task: Task, state: State, seen: Seen) -> State:
        moved = state.point + task.threat.eps * task.threat.steepest(seen.gradient, state.point)
        return State(gradient_at(task.threat.project(moved, task.inputs)))
