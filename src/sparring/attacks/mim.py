"""MIM (Dong et al. 2018, https://arxiv.org/abs/1710.06081): PGD along an average of the gradients so far."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sparring.attacks.parts.losses import cross_entropy
from sparring.engine import AttackLoss, Seen, State, Task, gradient_at
from sparring.tensors import flat, over_rows

__all__ = ["MIM"]


@dataclass(frozen=True)
class _Running(State):
    velocity: Tensor


@dataclass(frozen=True)
class MIM:
    """Climb along the running sum of gradients, each scaled to an L1 length of one.

        v <- decay * v + gradient / ||gradient||_1
        x <- project(x + step_size * steepest(v))

    Starts at the input itself, as the paper does. Cost: `steps + 1` forwards, `steps` backwards.

    Args:
        steps: How many steps to take.
        step_size: Length of a step in the threat's norm; eps / steps if None.
        decay: What is kept of the velocity at each step.
        loss: What is climbed.
    """

    steps: int = 10
    step_size: float | None = None
    decay: float = 1.0
    loss: AttackLoss = cross_entropy

    def start(self, task: Task) -> _Running:
        first = task.inputs if task.begin is None else task.begin
        return _Running(gradient_at(first), velocity=torch.zeros_like(task.inputs))

    def step(self, task: Task, state: _Running, seen: Seen) -> _Running:
        size = flat(seen.gradient).abs().sum(1).clamp_min(torch.finfo(seen.gradient.dtype).tiny)
        velocity = self.decay * state.velocity + seen.gradient / over_rows(size, seen.gradient)
        length = task.threat.eps / self.steps if self.step_size is None else self.step_size
        moved = state.point + length * task.threat.steepest(velocity, state.point)
        return _Running(gradient_at(task.threat.project(moved, task.inputs)), velocity=velocity)
