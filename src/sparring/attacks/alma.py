"""ALMA (Rony et al. 2021, https://arxiv.org/abs/2011.11857): an augmented Lagrangian, a multiplier per sample.

Follows the authors' code in L2. Deviations in L1, where values that change by next to nothing add up: a value that does
not change stays so until the loss pulls harder than the norm, one that would change its sign ends at the input, and the
first step leads further.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sparring.attacks.parts.losses import difference_of_logits_ratio
from sparring.engine import AttackLoss, Seen, State, Task, gradient_at
from sparring.errors import ThreatError
from sparring.tensors import over_rows, per_row
from sparring.threat import L1, L2
from sparring.threat.box import allowed
from sparring.threat.l2 import unit

__all__ = ["ALMA"]

_MARGIN = 1e-4
"""How far past the goal the constraint asks the loss to be."""

_LENGTHS = {"l2": 0.1, "l1": 5.0}
_KEPT = {"l2": 0.9, "l1": 0.5}


@dataclass(frozen=True)
class _Lagrangian(State):
    """What a row has learnt; `(B,)` but for `square` and `speed` `(B, *shape)`.

    Args:
        multiplier: Of the constraint.
        penalty: On its violation.
        before: The violation at the last check.
        found: The step at which it was reached first; -1 before.
        rate: Length of steps, before it falls.
        square: Running mean of the squared gradient.
        speed: Running sum of steps.
        taken: Steps taken.
    """

    multiplier: Tensor
    penalty: Tensor
    before: Tensor
    found: Tensor
    rate: Tensor
    square: Tensor
    speed: Tensor
    taken: Tensor


@dataclass(frozen=True)
class ALMA:
    """Descend distance and penalised loss together; multiplier and penalty follow the violation. L2 and L1.

    With d the change, y the violation (minus the loss: positive until the goal is reached), m the multiplier, r the
    penalty, D = ||d||_2 or ||d||_1:

        P(y) = m y + m r y^2 + r^2 y^3 / 6      for y >= 0,   else   m y / (1 - max(r, 1) y)
        m <- smoothing m + (1 - smoothing) P'(y)
        r <- 1.2 r      where the goal was never reached and y fell by less than 5% in `check` steps
        d <- clip(d - rate RMSProp(gradient of D + P)) into the range of the data

    `rate` falls exponentially to a hundredth once the goal was reached. Looks for the smallest change whatever eps is.
    Cost: `steps + 1` forwards, `steps` backwards.

    Args:
        steps: How many steps to take.
        step_size: How far `rate` times the first gradient leads, in the threat's norm. If None: 0.1 for L2, 5 for L1.
        smoothing: What is kept of the multiplier, of the mean square and of the sum of steps at each step. If None: 0.9
            for L2, 0.5 for L1.
        check: How often the penalty is looked at.
        loss: What is climbed; positive once the goal is reached.
    """

    steps: int = 500
    step_size: float | None = None
    smoothing: float | None = None
    check: int = 10
    loss: AttackLoss = difference_of_logits_ratio

    def start(self, task: Task) -> _Lagrangian:
        if not isinstance(task.threat, L2 | L1):
            raise ThreatError(f"ALMA finds smallest changes in l2 and l1, not in {task.threat.norm}; use FMN")
        none = torch.zeros(len(task), dtype=torch.int64, device=task.inputs.device)
        one = torch.ones(len(task), device=task.inputs.device)
        return _Lagrangian(
            gradient_at(task.inputs),
            multiplier=one,
            penalty=one,
            before=one * torch.inf,
            found=none - 1,
            rate=one,
            square=torch.ones_like(task.inputs),
            speed=torch.zeros_like(task.inputs),
            taken=none,
        )

    def step(self, task: Task, state: _Lagrangian, seen: Seen) -> _Lagrangian:
        reached, young = task.goal.reached(seen.outputs)[:, 0], state.taken == 0
        kept = _KEPT[task.threat.norm] if self.smoothing is None else self.smoothing
        violation = _MARGIN - seen.loss.float().clamp_min(-1e6)
        due = (state.taken + 1) % self.check == 0
        stuck = due & ~reached & (state.found < 0) & (violation > 0.95 * state.before)
        penalty = torch.where(stuck, 1.2 * state.penalty, state.penalty)
        fresh = _slope(violation, state.multiplier, penalty)
        learnt = torch.lerp(fresh, state.multiplier, kept).clamp(1e-6, 1e12)
        multiplier = torch.where(young, state.multiplier, learnt)
        pull = per_row(-_slope(violation, multiplier, penalty), task.inputs)
        change = state.point - task.inputs
        slope = allowed(_downwards(task, change, pull * seen.gradient, young), task.threat.mask)
        square = torch.lerp(slope.square(), state.square, kept)
        speed = torch.add(slope / square.sqrt().add_(1e-8), state.speed, alpha=kept)
        rate = (
            torch.where(young, self._first_rate(task, slope), state.rate) if bool(young.any()) else state.rate
        )
        found = torch.where(reached & (state.found < 0), state.taken, state.found)
        length = over_rows(rate * self._decay(state.taken, found), speed).to(speed)
        moved = task.threat.box.clip_(torch.addcmul(state.point, -length, speed))
        if isinstance(task.threat, L1):
            crossed = (moved - task.inputs) * change < 0
            moved, speed = torch.where(crossed, task.inputs, moved), speed.masked_fill_(crossed, 0)
        return _Lagrangian(
            gradient_at(moved),
            multiplier=multiplier,
            penalty=penalty,
            before=torch.where(due | young, violation, state.before),
            found=found,
            rate=rate,
            square=square,
            speed=speed,
            taken=state.taken + 1,
        )

    def _first_rate(self, task: Task, slope: Tensor) -> Tensor:
        """What takes the input `step_size` far along the slope, inside the range of the data, `(B,)`.

        The distance is concave in the rate, so that enlarging the rate by the share that is missing never goes too far.
        """
        far = _LENGTHS[task.threat.norm] if self.step_size is None else self.step_size
        rate = far / task.threat.distance(slope, torch.zeros_like(slope)).float().clamp_min(1e-12)
        for _ in range(20):
            moved = task.threat.box.clip(task.inputs - over_rows(rate, slope).to(slope) * slope)
            away = task.threat.distance(moved, task.inputs).float()
            rate = torch.where(away > 0, rate * (far / away.clamp_min(1e-12)), rate).clamp_max(1e12)
        return rate

    def _decay(self, taken: Tensor, found: Tensor) -> Tensor:
        """Down to a hundredth over the steps that are left from the first success on, `(B,)`."""
        share = (taken - found) / (self.steps + 1 - found)
        return torch.where(found < 0, 1.0, 0.01**share)


def _slope(violation: Tensor, multiplier: Tensor, penalty: Tensor) -> Tensor:
    """The derivative of the penalty P at each violation, `(B,)`."""
    above = violation.clamp_min(0)
    outside = multiplier + 2 * multiplier * penalty * above + penalty.square() * above.square() / 2
    inside = multiplier / (1 - penalty.clamp_min(1) * violation.clamp_max(0)).square()
    return torch.where(violation >= 0, outside, inside)


def _downwards(task: Task, change: Tensor, force: Tensor, young: Tensor) -> Tensor:
    """The gradient of distance and penalty, `(B, *shape)`; of the latter alone in `young` rows, which did not move yet.

    In L1 a value that does not change has many; this is the smallest.

    Args:
        task: B rows.
        change: So far, `(B, *shape)`.
        force: Gradient of the penalty, `(B, *shape)`.
        young: Rows that are at the input, `(B,)`.
    """
    if isinstance(task.threat, L2):
        return unit(change).add_(force)
    still = (change == 0) & ~over_rows(young, change)
    return force + torch.where(still, (-force).clamp_(-1, 1), change.sign())
