"""An attack that knows that it is watched: each query is moved by fresh noise, as much as it takes to pass.

In the manner of OARS (Feng, Hooda, Mangaokar, Fawaz, Jha & Prakash 2023, https://arxiv.org/abs/2303.06280): what is
refused tells how far queries must lie apart, and a refused query is drawn again. Deviation: their attacks adapt the
steps of each method by hand; here one wrapper moves the queries of any attack that reads scores.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from sparring.engine import Attack, Seen, State, Task
from sparring.tensors import over_rows, per_row, put, take

__all__ = ["Disguised"]

LARGER, SMALLER = 1.5, 0.95


@dataclass(frozen=True)
class Disguised:
    """Ask near the point that the inner attack proposes, inside the threat; ask again, farther away, what is refused.

    The noise has a sign per value; its size starts at `least` of eps, grows by half with each refusal and shrinks by a
    twentieth with each answer. A refusal is an answer that is no number. Cost: that of the inner attack, and the
    refusals.

    Args:
        attack: What is disguised; one point per row, scores only.
        steps: How often it may ask.
        least: Where the size starts, as a share of eps.
    """

    attack: Attack
    steps: int = 5000
    least: float = 0.1

    def start(self, task: Task) -> _Disguise:
        inner = self.attack.start(task)
        size = torch.full((len(task),), self.least, dtype=task.inputs.dtype, device=task.inputs.device)
        looks = torch.zeros(len(task), dtype=torch.int64, device=task.inputs.device)
        return self._moved(task, _Disguise(inner.ask, inner, size, looks, looks, done=inner.done))

    def step(self, task: Task, state: _Disguise, seen: Seen) -> _Disguise:
        answered = seen.loss > -torch.inf
        inner, answers = state.inner, state.answers + answered
        going = answered & (answers <= self.attack.steps)
        if bool(going.any()):
            stepped = self.attack.step(take(task, going), take(inner, going), take(seen, going))
            inner = put(inner, going, stepped)
        size = torch.where(answered, state.size * SMALLER, state.size * LARGER).clamp(0.01, 1.0)
        over = answers > self.attack.steps
        return self._moved(task, _Disguise(inner.ask, inner, size, state.looks + 1, answers, done=over))

    def loss(self, task: Task, state: _Disguise, outputs: Any) -> Tensor:
        return self.attack.loss(task, state.inner, outputs)

    def _moved(self, task: Task, state: _Disguise) -> _Disguise:
        """The state, asking beside the inner attack's point."""
        point = state.inner.point
        # far from the numbers that the inner attack draws for itself
        signs = task.draws.signs(point, state.looks + 2**20)
        length = per_row(task.threat.eps, point) * over_rows(state.size, point)
        moved = task.threat.project(point + length * signs, task.inputs)
        return replace(state, ask=replace(state.inner.ask, points=moved[:, None]))


@dataclass(frozen=True)
class _Disguise(State):
    """The inner attack's state, the size of the noise as a share of eps, all looks, and those answered, `(B,)`."""

    inner: Any
    size: Tensor
    looks: Tensor
    answers: Tensor
