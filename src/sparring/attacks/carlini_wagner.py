"""C&W in L2 (Carlini & Wagner 2017, https://arxiv.org/abs/1608.04644): Adam on distance plus weighted loss.

Deviations: no row ends a round early; the first weight follows from the gradient at the input, where the authors begin
at 0.001 for every model and need thousands of passes to find what fits.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sparring.attacks.parts.adam import Moments, adam, no_moments
from sparring.attacks.parts.losses import margin
from sparring.engine import AttackLoss, Seen, State, Task, gradient_at
from sparring.errors import ThreatError
from sparring.tensors import flat, over_rows, pick, put
from sparring.threat import L2
from sparring.threat.box import allowed

__all__ = ["CarliniWagner"]


@dataclass(frozen=True)
class _Round(State):
    """Where a row is in its search.

    Args:
        place: The point in unbounded coordinates, `(B, *shape)`.
        moments: Of Adam.
        weight: Of the loss, `(B,)`, known to lie between `low` and `high`.
        held: The goal was reached in this round, `(B,)`.
        taken: Steps taken in all, `(B,)`.
    """

    place: Tensor
    moments: Moments
    weight: Tensor
    low: Tensor
    high: Tensor
    held: Tensor
    taken: Tensor


@dataclass(frozen=True)
class CarliniWagner:
    """Descend `||x - x0||^2 + c max(-L, 0)` without bounds on coordinates; search c by bisection. L2 only.

        x = low + (high - low) (tanh w + 1) / 2,   w <- w - step_size Adam(gradient)

    L is the loss, positive once the goal is reached. The first c is twice that which puts the minimum on the boundary
    if L is linear: 4 |L| / ||gradient of L||^2 at the input. After each round c becomes the middle of what is known, or
    ten times as much while nothing was found. A baseline. Cost: `rounds * moves` forwards, one backward less.

    Args:
        rounds: How many weights to try.
        moves: How many looks each.
        step_size: Of Adam.
        weight: The first c; None for what follows from the gradient.
        loss: What is climbed; positive once the goal is reached.
    """

    rounds: int = 9
    moves: int = 1000
    step_size: float = 0.01
    weight: float | None = None
    loss: AttackLoss = margin

    @property
    def steps(self) -> int:
        return self.rounds * self.moves - 1

    def start(self, task: Task) -> _Round:
        if not isinstance(task.threat, L2):
            raise ThreatError(f"C&W is here for l2, not for {task.threat.norm}; use FMN")
        none = torch.zeros(len(task), dtype=torch.int64, device=task.inputs.device)
        weight = torch.full(none.shape, self.weight or 1.0, device=none.device)
        place = _unbounded(task)
        return _Round(
            gradient_at(task.inputs),
            place=place,
            moments=no_moments(place),
            weight=weight,
            low=0 * weight,
            high=weight + torch.inf,
            held=none > 0,
            taken=none,
        )

    def step(self, task: Task, state: _Round, seen: Seen) -> _Round:
        held, taken = state.held | task.goal.reached(seen.outputs)[:, 0], state.taken + 1
        over = taken % self.moves == 0
        weight = state.weight
        if self.weight is None:
            weight = torch.where(state.taken == 0, _fitting(seen), weight)
        pull = weight * (seen.loss.float() <= 0)
        weighed = over_rows(-pull, seen.gradient).to(seen.gradient)
        slope = (state.point - task.inputs).mul_(2).addcmul_(weighed, seen.gradient)
        slope = allowed(slope.mul_(_stretch(task, state.point)), task.threat.mask)
        moments, way, _ = adam(state.moments, slope, state.taken % self.moves)
        place = torch.add(state.place, way, alpha=-self.step_size)
        low, high = torch.where(held, state.low, weight), torch.where(held, weight, state.high)
        middle = torch.where(high.isinf(), 10 * weight, (low + high) / 2)
        if bool(over.any()):
            place, moments = put((place, moments), over, (_unbounded(task)[over], no_moments(place[over])))
        return _Round(
            gradient_at(pick(over, task.inputs, _bounded(task, place))),
            place=place,
            moments=moments,
            weight=torch.where(over, middle, weight),
            low=torch.where(over, low, state.low),
            high=torch.where(over, high, state.high),
            held=held & ~over,
            taken=taken,
        )


def _fitting(seen: Seen) -> Tensor:
    """Twice the weight with which a linear loss would reach zero, `(B,)`."""
    return 4 * seen.loss.float().abs() / flat(seen.gradient).float().square().sum(1).clamp_min(1e-12)


def _stretch(task: Task, points: Tensor) -> Tensor:
    """How fast the point moves with its place: half the width times `1 - tanh^2`, read off the point."""
    low, high = (torch.as_tensor(each).to(points) for each in (task.threat.box.low, task.threat.box.high))
    return (points - low).mul_(high - points).mul_(2 / (high - low).clamp_min(1e-12))


def _unbounded(task: Task) -> Tensor:
    """The inputs in coordinates without bounds; those on the edge of the range a little inside."""
    low, high = (
        torch.as_tensor(each).to(task.inputs) for each in (task.threat.box.low, task.threat.box.high)
    )
    share = (task.inputs - low) / (high - low).clamp_min(1e-12)
    return ((2 * share - 1) * (1 - 1e-6)).atanh()


def _bounded(task: Task, place: Tensor) -> Tensor:
    """The point at `place`, with what may not change as it was."""
    low, high = (torch.as_tensor(each).to(place) for each in (task.threat.box.low, task.threat.box.high))
    points = (2 * place).sigmoid_().mul_(high - low).add_(low)  # (tanh w + 1) / 2, in an eighth of the time
    mask = task.threat.mask
    return points if mask is None else torch.where(mask, points, task.inputs)
