"""The contract: attacks propose points, the engine asks the model about them and keeps the books.

An attack is a frozen dataclass of settings with pure methods. It answers one question: what to look at next.
B rows are in flight, each asks about P points, each point has L losses; most attacks have P = L = 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Protocol

import torch
from torch import Tensor

from sparring.draws import Draws
from sparring.threat import Goal, Threat

__all__ = [
    "Ask",
    "Attack",
    "AttackLoss",
    "Seen",
    "State",
    "Task",
    "Want",
    "gradient_at",
    "labels_at",
    "scores_at",
    "wants",
]


class Want(IntEnum):
    """What an attacker is allowed to see of a point, and pays for."""

    LABELS, SCORES, GRADIENTS = range(3)


@dataclass(frozen=True)
class Task:
    """What one row is asked to break; every tensor has a row per sample.

    Args:
        inputs: The clean inputs, `(B, *shape)`.
        goal: When an output counts.
        threat: Which changes are allowed, bound to `inputs`.
        draws: The rows' own randomness.
        aim: Class that a loss pulls towards, `(B,)`; never decides success.
        begin: Points to start from, `(B, *shape)`, found by an earlier stage.
        clean: Outputs of the clean inputs, `(B, C)`: the first look, paid for once before any stage.
        marks: Numbers of forwards, `(B, M)`, after which the books note how close the closest success is.
    """

    inputs: Tensor
    goal: Goal
    threat: Threat
    draws: Draws
    aim: Tensor | None = None
    begin: Tensor | None = None
    clean: Any = None
    marks: Tensor | None = None

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True)
class Ask:
    """Points `(B, P, *shape)` to look at.

    Args:
        points: Where to look; the model is shown `threat.render` of them.
        want: What to see there; a tensor `(B,)` of `Want` values where rows differ.
        valid: `(B, P)`; points that are not valid are not asked and not charged.
    """

    points: Tensor
    want: Want | Tensor
    valid: Tensor | None = None

    def asked(self) -> Tensor:
        """Which points are asked, `(B, P)`."""
        return self.points.new_ones(self.points.shape[:2]).bool() if self.valid is None else self.valid

    def at(self, rows: Tensor, which: Tensor) -> Tensor:
        """One point of each of N rows, `(N, *shape)`, by the numbers of both; faster than to index by two."""
        return self.points.flatten(0, 1).index_select(0, rows * self.points.shape[1] + which)


@dataclass(frozen=True)
class Seen:
    """What the model showed.

    Args:
        outputs: Outputs with leading `(B, P)`; the predicted classes `(B, P)` if only labels were wanted.
        distance: How far each point is where the goal is reached there *and* it is allowed, judged by the engine;
            infinite elsewhere, `(B, P)`.
        losses: `(B, P, L)`; None if only labels were wanted.
        gradients: `(B, P, L, *shape)`, zero for rows that wanted none; None if no row did.
        odd: `(B,)`: some output or gradient of the row was not a finite number. Such a point is no success, its
            loss is minus infinity and its gradient zero.
        margin: `(B, P)`: how far past the goal; None if only labels were wanted.
    """

    outputs: Any
    distance: Tensor
    losses: Tensor | None
    gradients: Tensor | None
    odd: Tensor
    margin: Tensor | None = None

    @property
    def reached(self) -> Tensor:
        """Where `distance` is known, `(B, P)`."""
        return self.distance.isfinite()

    @property
    def loss(self) -> Tensor:
        """The one loss of the one point of each row, `(B,)`."""
        assert self.losses is not None, "only labels were wanted"
        return self.losses[:, 0, 0]

    @property
    def gradient(self) -> Tensor:
        """The gradient of the one loss at the one point of each row, `(B, *shape)`."""
        assert self.gradients is not None, "no gradients were wanted"
        return self.gradients[:, 0, 0]


@dataclass(frozen=True)
class State:
    """What an attack carries from one look to the next; attacks add their own per-row tensors."""

    ask: Ask
    done: Tensor | None = field(default=None, kw_only=True)

    @property
    def point(self) -> Tensor:
        """The one point of each row, `(B, *shape)`."""
        return self.ask.points[:, 0]


class AttackLoss(Protocol):
    """What an attack climbs, `(B, P, L)`; higher is closer to the goal."""

    def __call__(self, task: Task, state: Any, outputs: Any) -> Tensor: ...


class Attack(Protocol):
    """Proposes points. `steps` is how often `step` is called at most; the last point it proposes still counts."""

    @property
    def steps(self) -> int: ...

    def start(self, task: Task) -> Any:
        """The first state of new rows; a pure function of the task."""
        ...

    def step(self, task: Task, state: Any, seen: Seen) -> Any:
        """The next state, from what was seen at `state.ask`; a pure function, each row by itself."""
        ...

    def loss(self, task: Task, state: Any, outputs: Any) -> Tensor:
        """What is climbed, `(B, P, L)`; not called if only labels are wanted."""
        ...


def gradient_at(points: Tensor) -> Ask:
    """Ask for the gradient at one point per row, `(B, *shape)`."""
    return Ask(points[:, None], Want.GRADIENTS)


def scores_at(points: Tensor) -> Ask:
    """Ask for the scores at one point per row, `(B, *shape)`."""
    return Ask(points[:, None], Want.SCORES)


def labels_at(points: Tensor) -> Ask:
    """Ask for the predicted class at one point per row, `(B, *shape)`."""
    return Ask(points[:, None], Want.LABELS)


def wants(ask: Ask) -> Tensor:
    """What each row wants to see, `(B,)`."""
    return torch.as_tensor(ask.want, device=ask.points.device).expand(len(ask.points))
