"""PDPGD (Matyasko & Chau 2021, https://arxiv.org/abs/2106.01538): proximal steps, weighed by success.

Deviations: in Linf and L2 the proximal step is solved exactly in Adam's metric; the authors take five steps in Linf,
and in L2 descend the norm's gradient. The search starts at the input without noise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from sparring.attacks.parts.adam import Moments, adam, no_moments
from sparring.attacks.parts.losses import margin
from sparring.engine import AttackLoss, Seen, State, Task, gradient_at
from sparring.errors import ThreatError
from sparring.tensors import flat, over_rows
from sparring.threat import L1, L2, Linf
from sparring.threat.balance import balanced
from sparring.threat.box import allowed

__all__ = ["PDPGD"]

_MOST = math.log(1e6)
"""How far the weights may be apart."""

_ROUNDS = 64
"""Of Newton's steps, of which a few are enough; rounding can make the last two take turns for ever."""


@dataclass(frozen=True)
class _PrimalDual(State):
    """The moments of Adam; per row log odds of the norm against the loss, its running weight, and steps taken."""

    moments: Moments
    odds: Tensor
    weight: Tensor
    taken: Tensor


@dataclass(frozen=True)
class PDPGD:
    """Descend the loss, then shrink by the norm's proximal operator; weigh both by success. Linf, L2 and L1.

    With d the change, L the loss (positive once the goal is reached), w the weight of the norm:

        z <- clip(d - step_size Adam(gradient of softplus(-L))) into the range of the data
        d <- argmin_d  step_size w / (1 - w) ||d|| + (d - z)' H (d - z) / 2,   H the metric of Adam
        odds <- odds + dual_step      where the goal is reached, else - dual_step;   w follows sigmoid(odds)

    `step_size` falls exponentially to a hundredth, `dual_step` linearly to a tenth. Looks for the smallest change
    whatever eps is. Cost: `steps + 1` forwards, `steps` backwards.

    Args:
        steps: How many steps to take.
        step_size: Length of the first step per value; in L2 0.03 found more in 500 steps on one MNIST net.
        dual_step: How fast the weight follows at first.
        ratio: Of the norm's weight to the loss's at first.
        loss: What is climbed; positive once the goal is reached.
    """

    steps: int = 500
    step_size: float = 0.1
    dual_step: float = 0.1
    ratio: float = 0.01
    loss: AttackLoss = margin

    def start(self, task: Task) -> _PrimalDual:
        if not isinstance(task.threat, Linf | L2 | L1):
            raise ThreatError(
                f"PDPGD finds smallest changes in linf, l2 and l1, not in {task.threat.norm}; use FMN"
            )
        none = torch.zeros(len(task), dtype=torch.int64, device=task.inputs.device)
        odds = torch.full(none.shape, math.log(self.ratio), device=none.device)
        moments = no_moments(task.inputs)
        return _PrimalDual(
            gradient_at(task.inputs), moments=moments, odds=odds, weight=odds.sigmoid(), taken=none
        )

    def step(self, task: Task, state: _PrimalDual, seen: Seen) -> _PrimalDual:
        reached, looks = task.goal.reached(seen.outputs)[:, 0], self.steps + 1
        pull = (-seen.loss.float()).clamp_max(1e6).sigmoid()
        slope = allowed(over_rows(-pull, seen.gradient).to(seen.gradient) * seen.gradient, task.threat.mask)
        moments, way, metric = adam(state.moments, slope, state.taken)
        length = (self.step_size * 0.01 ** (state.taken / looks)).to(slope)
        moved = torch.addcmul(state.point, over_rows(-length, way), way)
        wish = task.threat.box.clip_(moved).sub_(task.inputs)
        shrink = length * (state.weight / (1 - state.weight)).to(slope)
        change = _shrunk(task, state.point, wish, metric, shrink)
        faster = self.dual_step * (1 - 0.9 * state.taken / max(self.steps, 1))
        odds = (state.odds + torch.where(reached, faster, -faster)).clamp(-_MOST, _MOST)
        return _PrimalDual(
            gradient_at(task.threat.box.clip_(change.add_(task.inputs))),
            moments=moments,
            odds=odds,
            weight=torch.lerp(odds.sigmoid(), state.weight, 0.9),
            taken=state.taken + 1,
        )


def _shrunk(task: Task, points: Tensor, wish: Tensor, metric: Tensor, shrink: Tensor) -> Tensor:
    """The proximal operator of `shrink` `(B,)` times the threat's norm at `wish`, in a diagonal metric.

    The change that is found is much as long as that of `points`, which the step began at.
    """
    if isinstance(task.threat, L1):
        return _soft(wish, metric, shrink)
    before = task.threat.distance(points, task.inputs)
    return (_cut if isinstance(task.threat, Linf) else _short)(wish, metric, shrink, before)


def _short(wish: Tensor, metric: Tensor, shrink: Tensor, first: Tensor) -> Tensor:
    """The proximal operator of `shrink` `(B,)` times the L2 norm: all values shrink, those that matter little most.

    The change is `metric wish / (metric + shrink / length)`, whose length must be `length`. If the metric is the same
    everywhere, what `look` returns is linear in it.
    """
    pull, spend, tiny = metric * wish, shrink.clamp_min(1e-12), torch.finfo(wish.dtype).tiny

    def look(length: Tensor) -> tuple[Tensor, Tensor]:
        direction = pull / torch.addcmul(over_rows(spend, metric), over_rows(length, metric), metric)
        return direction, 1 - 1 / flat(direction).norm(dim=1).clamp_min(tiny)

    at_zero = 1 - spend / flat(pull).norm(dim=1).clamp_min(tiny)
    most = flat(wish).norm(dim=1)
    length, direction = balanced(look, torch.minimum(first, most), most, at_zero)
    return over_rows(length, direction) * direction


def _soft(wish: Tensor, metric: Tensor, shrink: Tensor) -> Tensor:
    """Five steps towards the proximal operator of `shrink` `(B,)` times the L1 norm, as the authors take them.

    The operator itself would take shrink / metric off every value, and so all of those that matter little: then changes
    begin in too few places.
    """
    most, size = over_rows(flat(metric).amax(1), metric), wish.abs()
    share, level = metric / most, over_rows(shrink, metric) / most
    change = size.clone()
    for _ in range(5):
        change.lerp_(size, share).sub_(level).clamp_min_(0)
    return change.copysign_(wish)


def _cut(wish: Tensor, metric: Tensor, shrink: Tensor, first: Tensor) -> Tensor:
    """The proximal operator of `shrink` `(B,)` times the Linf norm: values are cut at one level.

    The level spends `sum metric (|wish| - level)+ = shrink`. The sum is convex in the level, so only the first of
    Newton's steps can go too far, and they end once the values above the level are those of the step before.
    """
    size, weight, spend = flat(wish.abs()), flat(metric), shrink[:, None]
    level, below, tiny = first[:, None], -torch.ones_like(spend), torch.finfo(wish.dtype).tiny
    for _ in range(_ROUNDS):
        over = (size - level).clamp_min_(0)
        spent, above = (over * weight).sum(1, keepdim=True), over.sign_()
        before, below = below, size.shape[1] - above.sum(1, keepdim=True)
        if torch.equal(before, below):
            break
        rise = above.mul_(weight).sum(1, keepdim=True)
        more = (level + (spent - spend) / rise.clamp_min(tiny)).clamp_min(0)
        level = torch.where(below != before, more, level)
    return flat(wish).clamp(-level, level).view_as(wish)
