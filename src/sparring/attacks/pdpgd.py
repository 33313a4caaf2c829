"""PDPGD (Matyasko & Chau 2021, https://arxiv.org/abs/2106.01538): proximal steps, weighed by success.

Deviations, which found smaller changes in `bench/minimum_norm.py`. In Linf and L2 the proximal step is solved exactly
in Adam's metric; the authors take five steps in Linf, and in L2 descend the norm's gradient. The shorter a change,
the less it shrinks: otherwise it falls to nothing once the norm outweighs the loss, and waits there until the weight
is back. The weight begins at a share of the loss's slope, moves faster in L2 and in few steps, and no running mean
delays it. The search starts at the input without noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sparring.attacks.parts.adam import Moments, adam, no_moments
from sparring.attacks.parts.hyperplane import dual_length
from sparring.attacks.parts.losses import margin
from sparring.engine import AttackLoss, Seen, State, Task, gradient_at
from sparring.errors import ThreatError
from sparring.tensors import flat, over_rows
from sparring.threat import L1, L2, Linf
from sparring.threat.balance import balanced
from sparring.threat.box import allowed

__all__ = ["PDPGD"]


@dataclass(frozen=True)
class _PrimalDual(State):
    """What a row has learnt; `(B,)` but for the moments.

    Args:
        moments: Of Adam.
        weight: Of the norm.
        away: How far the point is.
        best: The smallest distance so far; infinite while there is none.
        taken: Steps taken.
    """

    moments: Moments
    weight: Tensor
    away: Tensor
    best: Tensor
    taken: Tensor


@dataclass(frozen=True)
class PDPGD:
    """Descend the loss, then shrink by the norm's proximal operator; weigh both by success. Linf, L2 and L1.

    With d the change, L the loss (positive once the goal is reached), w the weight of the norm, best the smallest
    distance so far, q the dual norm:

        z <- clip(d - step_size Adam(gradient of softplus(-L))) into the range of the data
        d <- argmin_e  step_size w (||d|| / best) ||e|| + (e - z)' H (e - z) / 2,   H the metric of Adam
        w <- w exp(dual_step)      where the goal is reached, else w exp(-dual_step)

    Nothing shrinks until there is a success. w begins at `ratio ||gradient of L||_q`; at the boundary, half of that
    slope balances the loss. `step_size` falls exponentially to a hundredth, `dual_step` linearly to a tenth. Looks for
    the smallest change whatever eps is. Cost: `steps + 1` forwards, `steps` backwards.

    Args:
        steps: How many steps to take.
        step_size: Length of the first step per value.
        dual_step: How fast the weight follows at first. If None: 0.3 for L2; for Linf and L1 0.1, or 15 / `steps` if
            that is more.
        ratio: Of the norm's weight to the loss's slope at first.
        loss: What is climbed; positive once the goal is reached.
    """

    steps: int = 500
    step_size: float = 0.1
    dual_step: float | None = None
    ratio: float = 0.1
    loss: AttackLoss = margin

    def start(self, task: Task) -> _PrimalDual:
        if not isinstance(task.threat, Linf | L2 | L1):
            raise ThreatError(
                f"PDPGD finds smallest changes in linf, l2 and l1, not in {task.threat.norm}; use FMN"
            )
        none = torch.zeros(len(task), dtype=torch.int64, device=task.inputs.device)
        zero = torch.zeros(none.shape, device=none.device)
        moments = no_moments(task.inputs)
        return _PrimalDual(
            gradient_at(task.inputs),
            moments=moments,
            weight=zero,
            away=zero,
            best=zero + torch.inf,
            taken=none,
        )

    def step(self, task: Task, state: _PrimalDual, seen: Seen) -> _PrimalDual:
        gradient, weight = allowed(seen.gradient, task.threat.mask), state.weight
        if bool((state.taken == 0).any()):
            first = self.ratio * dual_length(task.threat, flat(gradient)).float()
            weight = torch.where(state.taken == 0, first, weight)
        pull = (-seen.loss.float()).clamp_max(1e6).sigmoid()
        slope = over_rows(-pull, gradient).to(gradient) * gradient
        moments, way, metric = adam(state.moments, slope, state.taken)
        length = self.step_size * 0.01 ** (state.taken / (self.steps + 1))
        moved = torch.addcmul(state.point, over_rows(-length, way).to(way), way)
        wish = task.threat.box.clip_(moved).sub_(task.inputs)
        reached = task.goal.reached(seen.outputs)[:, 0]
        best = torch.where(reached, torch.minimum(state.best, state.away), state.best)
        share = state.away / best.clamp_min(1e-12)
        stride = self._stride(task, state.taken)
        change, away = _shrunk(task, wish, metric, (length * weight * share).to(wish))
        return _PrimalDual(
            gradient_at(task.threat.box.clip_(change.add_(task.inputs))),
            moments=moments,
            weight=(weight * torch.where(reached, stride, -stride).exp()).clamp(1e-12, 1e12),
            away=away.float(),
            best=best,
            taken=state.taken + 1,
        )

    def _stride(self, task: Task, taken: Tensor) -> Tensor:
        """By how much the logarithm of the weight moves, `(B,)`."""
        steps, first = max(self.steps, 1), self.dual_step
        if first is None:
            first = 0.3 if isinstance(task.threat, L2) else max(0.1, 15 / steps)
        return first * (1 - 0.9 * taken / steps)


def _shrunk(task: Task, wish: Tensor, metric: Tensor, shrink: Tensor) -> tuple[Tensor, Tensor]:
    """The proximal operator of `shrink` `(B,)` times the norm at `wish`, in a diagonal metric, and its norm."""
    match task.threat:
        case L1():
            return _soft(wish, metric, shrink)
        case L2():
            return _short(wish, metric, shrink)
    return _cut(wish, metric, shrink)


def _short(wish: Tensor, metric: Tensor, shrink: Tensor) -> tuple[Tensor, Tensor]:
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
    length, direction = balanced(look, most * at_zero.clamp_min(0), most, at_zero)
    return over_rows(length, direction) * direction, length


def _soft(wish: Tensor, metric: Tensor, shrink: Tensor) -> tuple[Tensor, Tensor]:
    """Five steps towards the proximal operator of `shrink` `(B,)` times the L1 norm, as the authors take them.

    The operator itself would take shrink / metric off every value, and so all of those that matter little: then changes
    begin in too few places.
    """
    most, size = over_rows(flat(metric).amax(1), metric), wish.abs()
    share, level = metric / most, over_rows(shrink, metric) / most
    change = size.clone()
    for _ in range(5):
        change.lerp_(size, share).sub_(level).clamp_min_(0)
    length = flat(change).sum(1)
    return change.copysign_(wish), length


def _cut(wish: Tensor, metric: Tensor, shrink: Tensor) -> tuple[Tensor, Tensor]:
    """The proximal operator of `shrink` `(B,)` times the Linf norm: values are cut at one level.

    The level spends `sum metric (|wish| - level)+ = shrink`. The sum falls much as a square does, so that roots are
    compared.
    """
    size, tiny = wish.abs(), torch.finfo(wish.dtype).tiny
    most, whole = flat(size).amax(1), flat(size * metric).sum(1).clamp_min(tiny)
    spend = (shrink / whole).sqrt()

    def look(level: Tensor) -> tuple[Tensor, Tensor]:
        over = (size - over_rows(level, size)).clamp_min_(0).mul_(metric)
        return over, (flat(over).sum(1) / whole).sqrt_() - spend

    level, _ = balanced(look, most * (1 - spend).clamp_min(0), most, 1 - spend)
    edge = over_rows(level, wish)
    return wish.clamp_min(-edge).clamp_max_(edge), level
