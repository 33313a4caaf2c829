"""A problem whose answer is known: a half-space, whose distance from any point is a formula in every norm."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sparring.domain import Domain
from sparring.draws import Draws, row_keys
from sparring.engine import Task
from sparring.threat import L0, L1, L2, Linf, Targeted, Threat, Untargeted

__all__ = ["HalfSpace", "half_space"]

SHAPE = (2, 4, 4)
DOMAIN = Domain(0.0, 1.0, None, SHAPE)


class Linear(nn.Module):
    """Three classes; the first two are told apart by a hyperplane, the third never wins."""

    def __init__(self, normal: Tensor, offset: float) -> None:
        super().__init__()
        self.normal = nn.Parameter(normal)
        self.offset = offset

    def forward(self, inputs: Tensor) -> Tensor:
        score = inputs.flatten(1) @ self.normal - self.offset
        return torch.stack([-score, score, -100 - score.abs()], 1)


@dataclass(frozen=True)
class HalfSpace:
    """Samples on both sides of a hyperplane, none close to the budget.

    Args:
        model: Inputs `(B, 2, 4, 4)` to logits `(B, 3)`.
        task: The samples, with a threat and a goal.
        breakable: Which samples can be broken inside the threat, `(N,)`.
    """

    model: Linear
    task: Task
    breakable: Tensor


def half_space(
    threat: Threat, *, reach: float = 0.85, rows: int = 24, targeted: bool = False, seed: int = 0
) -> HalfSpace:
    """Samples whose distance to the hyperplane is spread from a fifth of the budget to twice as much as it.

    None needs between `reach` and 1.15 of the budget, so that it is clear which of them can be broken.

    Args:
        threat: Linf, L2 or L1 with one eps, so small that the range of the data, [0, 1], does not matter; or L0.
        reach: Largest share of the budget that a breakable sample needs.
        rows: How many samples.
        targeted: Ask for the other class by name instead of any error.
        seed: Of the problem.
    """
    generator = torch.Generator().manual_seed(seed)
    size = SHAPE[0] * SHAPE[1] * SHAPE[2]
    normal = torch.randn(size, generator=generator)
    normal = normal + 0.3 * normal.sign()
    needed = torch.cat([torch.linspace(0.2, reach, rows // 2), torch.linspace(1.15, 2.0, rows - rows // 2)])
    labels = torch.arange(rows) % 2
    sides = 2.0 * labels - 1
    around = 0.5 + 0.1 * (torch.rand(rows, size, generator=generator) - 0.5)
    around = around - (around @ normal - normal.sum() / 2)[:, None] * normal / normal.square().sum()
    if isinstance(threat, L0):
        away = sides * _beyond_reach(needed * float(threat.eps), around, sides[:, None] * normal)
    else:
        away = sides * needed * float(threat.eps) * _dual(threat, normal)
    inputs = (around + away[:, None] * normal / normal.square().sum()).reshape(rows, *SHAPE)
    goal = Targeted(1 - labels, labels) if targeted else Untargeted(labels)
    keys = row_keys(seed, [str(row) for row in range(rows)])
    task = Task(inputs, goal, threat.bind(inputs, DOMAIN), Draws(keys))
    return HalfSpace(Linear(normal, float(normal.sum()) / 2), task, needed < 1)


def _dual(threat: Threat, normal: Tensor) -> float:
    """Length of the normal in the norm dual to the threat's: by this much a unit of budget moves the score."""
    match threat:
        case Linf():
            return float(normal.abs().sum())
        case L2():
            return float(normal.norm())
        case L1():
            return float(normal.abs().max())
    raise ValueError(f"no formula for {threat.norm}")


def _beyond_reach(count: Tensor, around: Tensor, uphill: Tensor) -> Tensor:
    """How far along `uphill` `(B, n)` points must stand so that `count` `(B,)`, rounded up, values must change. In L0.

    A value that changes goes to the end of the range that is downhill. Points stand in the middle between those that
    one value less would bring back and those that so many bring back; found by bisection.
    """
    low, high = torch.zeros(len(around)), torch.full((len(around),), float(uphill.square().sum(1).max()))
    needed = count.ceil().long().clamp(1, around.shape[1])[:, None]
    for _ in range(40):
        away = (low + high) / 2
        points = around + away[:, None] * uphill / uphill.square().sum(1, keepdim=True)
        gains = (
            (uphill * torch.where(uphill > 0, points, points - 1))
            .sort(dim=1, descending=True)
            .values.cumsum(1)
        )
        reach = (
            gains.gather(1, needed - 1)
            + torch.where(needed > 1, gains.gather(1, (needed - 2).clamp_min(0)), 0)
        ) / 2
        near = away < reach.squeeze(1)
        low, high = torch.where(near, away, low), torch.where(near, high, away)
    return low
