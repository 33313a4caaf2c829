"""NES (Ilyas, Engstrom, Athalye & Lin 2018, https://arxiv.org/abs/1804.08598): PGD along gradients told from noise.

Deviations: the goal is checked at the point itself in the same look that surrounds it by noise, and steps have a fixed
length where the authors' code halves it when the loss stalls.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from sparring.attacks.parts.losses import cross_entropy
from sparring.engine import Ask, AttackLoss, Seen, State, Task, Want
from sparring.threat.box import kept

__all__ = ["NES"]


@dataclass(frozen=True)
class _Walk(State):
    """The running mean of gradients `(B, *shape)`, and steps taken `(B,)`."""

    mean: Tensor
    taken: Tensor


@dataclass(frozen=True)
class NES:
    r"""Ask at both ends of `pairs` draws of normal noise u around the point, and step along their mean slope.

        gradient = 1 / (2 reach pairs) * sum_i (L(x + reach u_i) - L(x - reach u_i)) u_i
        mean <- decay * mean + (1 - decay) * gradient
        x <- project(x + step_size * steepest(mean))

    Begins at the input. Sees scores only. Cost: `(2 pairs + 1) * steps + 1` queries.

    Args:
        steps: How many steps to take.
        pairs: Draws per step.
        reach: How far the noise reaches, as a share of the data's range.
        step_size: Length of a step in the threat's norm; 2.5 eps / steps if None.
        decay: What is kept of the mean at each step.
        loss: What is climbed.
    """

    steps: int = 50
    pairs: int = 10
    reach: float = 0.001
    step_size: float | None = None
    decay: float = 0.9
    loss: AttackLoss = cross_entropy

    def within(self, queries: int) -> Self:
        """The same attack for a budget of so many queries per sample."""
        return replace(self, steps=max(1, (queries - 1) // (2 * self.pairs + 1)))

    def start(self, task: Task) -> _Walk:
        none = torch.zeros(len(task), dtype=torch.int64, device=task.inputs.device)
        first = task.inputs if task.begin is None else task.begin
        return self._around(task, first, torch.zeros_like(first), none)

    def step(self, task: Task, state: _Walk, seen: Seen) -> _Walk:
        assert seen.losses is not None
        plus, minus = seen.losses[:, 1:, 0].to(state.mean).chunk(2, 1)
        slopes = ((plus - minus) / (2 * self.reach)).nan_to_num(0.0, 0.0, 0.0)
        gradient = torch.stack(
            [
                slope.view(-1, *[1] * (noise.ndim - 1)) * noise
                for slope, noise in zip(slopes.unbind(1), self._noise(task, state.taken), strict=True)
            ]
        ).mean(0)
        mean = self.decay * state.mean + (1 - self.decay) * gradient
        length = 2.5 * task.threat.eps / self.steps if self.step_size is None else self.step_size
        moved = state.point + length * task.threat.steepest(mean, state.point)
        return self._around(task, task.threat.project(moved, task.inputs), mean, state.taken + 1)

    def _noise(self, task: Task, taken: Tensor) -> list[Tensor]:
        return [task.draws.normal(task.inputs, taken * self.pairs + each) for each in range(self.pairs)]

    def _around(self, task: Task, point: Tensor, mean: Tensor, taken: Tensor) -> _Walk:
        """A state asking at a point, and around it unless it is the last."""
        width, box, mask = task.threat.box.high - task.threat.box.low, task.threat.box, task.threat.mask
        shifts = [self.reach * width * noise for noise in self._noise(task, taken)]
        near = [kept(box.clip(point + shift), task.inputs, mask) for shift in shifts]
        near += [kept(box.clip(point - shift), task.inputs, mask) for shift in shifts]
        around = (taken < self.steps)[:, None].expand(-1, len(near))
        valid = torch.cat([torch.ones_like(around[:, :1]), around], 1)
        return _Walk(Ask(torch.stack([point, *near], 1), Want.SCORES, valid), mean=mean, taken=taken)
