"""Small attacks that use the parts of the contract that most attacks leave alone, and models that keep watch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from sparring.attacks import margin
from sparring.engine import Ask, Seen, State, Task, Want, gradient_at, labels_at, scores_at


@dataclass(frozen=True)
class Tries(State):
    """How often a row stepped, `(B,)`."""

    tried: Tensor


@dataclass(frozen=True)
class Corners:
    """Several random corners of the ball per row and step; the k-th row of the step's `valid` says which count."""

    steps: int = 6
    each: int = 4
    want: Want = Want.SCORES
    valid: tuple[bool, ...] | None = None
    enough: int | None = None  # rows call themselves done after so many steps

    loss = staticmethod(margin)

    def start(self, task: Task) -> Tries:
        return self._ask(task, torch.zeros(len(task), dtype=torch.int64))

    def step(self, task: Task, state: Tries, seen: Seen) -> Tries:
        assert seen.reached.shape == (len(task), self.each)
        return self._ask(task, state.tried + 1)

    def _ask(self, task: Task, tried: Tensor) -> Tries:
        signs = [task.draws.signs(task.inputs, draw=tried * self.each + index) for index in range(self.each)]
        points = torch.stack(
            [task.threat.project(task.inputs + task.threat.eps * each, task.inputs) for each in signs], 1
        )
        valid = None if self.valid is None else torch.tensor(self.valid).expand(len(task), -1)
        done = None if self.enough is None else tried >= self.enough
        return Tries(Ask(points, self.want, valid), tried=tried, done=done)


@dataclass(frozen=True)
class EveryClass:
    """Climb whichever class has the largest gradient: as many losses as there are classes."""

    steps: int = 8

    def loss(self, task: Task, state: Any, outputs: Any) -> Tensor:
        scores = task.goal.scores(outputs)
        own = task.goal.labels[:, None, None].expand(-1, scores.shape[1], 1)
        return scores - scores.gather(-1, own)

    def start(self, task: Task) -> State:
        return State(gradient_at(task.inputs))

    def step(self, task: Task, state: State, seen: Seen) -> State:
        gradients = seen.gradients[:, 0]
        largest = gradients.flatten(2).norm(dim=2).argmax(1)
        chosen = gradients[torch.arange(len(task)), largest]
        moved = state.point + task.threat.eps / 4 * task.threat.steepest(chosen, state.point)
        return State(gradient_at(task.threat.project(moved, task.inputs)))


@dataclass(frozen=True)
class Path:
    """Walk straight through given shares of the way from the input to a far point, `(B, *shape)` in `begin`."""

    shares: tuple[float, ...]
    see: Callable[[Tensor], Ask] = scores_at
    loss = staticmethod(margin)

    @property
    def steps(self) -> int:
        return len(self.shares) - 1

    def start(self, task: Task) -> Tries:
        return self._at(task, torch.zeros(len(task), dtype=torch.int64))

    def step(self, task: Task, state: Tries, seen: Seen) -> Tries:
        return self._at(task, state.tried + 1)

    def _at(self, task: Task, tried: Tensor) -> Tries:
        share = torch.tensor(self.shares, dtype=task.inputs.dtype)[tried]
        share = share.reshape(-1, *[1] * (task.inputs.ndim - 1))
        return Tries(self.see(task.inputs + share * (task.begin - task.inputs)), tried=tried)


@dataclass(frozen=True)
class Diary:
    """A `Path` that asks for labels, writing down what it is shown."""

    shares: tuple[float, ...]
    entries: list[Seen] = field(default_factory=list)
    see: Callable[[Tensor], Ask] = labels_at
    loss = staticmethod(margin)

    @property
    def steps(self) -> int:
        return len(self.shares) - 1

    def start(self, task: Task) -> Tries:
        return Path(self.shares, self.see).start(task)

    def step(self, task: Task, state: Tries, seen: Seen) -> Tries:
        self.entries.append(seen)
        return Path(self.shares, self.see).step(task, state, seen)


class Watched:
    """A model that remembers what it was shown."""

    def __init__(self, model: Callable[[Tensor], Any]) -> None:
        self.model = model
        self.shown: list[Tensor] = []
        self.backwards = 0

    def __call__(self, points: Tensor) -> Any:
        self.shown.append(points.detach().clone())
        if points.requires_grad:
            points.register_hook(self._count)
        return self.model(points)

    def _count(self, gradient: Tensor) -> None:
        self.backwards += len(gradient)

    @property
    def points(self) -> set[tuple[float, ...]]:
        """All different points, rounded to tell them apart."""
        return {tuple(row) for batch in self.shown for row in batch.flatten(1).tolist()}

    @property
    def rows(self) -> int:
        """How many rows were shown, with those that filled batches up."""
        return sum(map(len, self.shown))
