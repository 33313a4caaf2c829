"""The nearest way across a linear boundary, inside the range of the data.

For a linear score `excess + <normal, change>` and a norm, find the smallest change that brings the score to zero
while every coordinate stays in the box (Croce & Hein 2019, FAB, https://arxiv.org/abs/1907.02044, Section 3).
Where even the farthest corner does not reach zero, the change goes to that corner.

All changes have the form `direction * min(level * weight, room)`; the level spends the excess exactly.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sparring.engine import Seen, Task
from sparring.errors import ThreatError
from sparring.tensors import flat
from sparring.threat import L1, L2, Linf, Threat
from sparring.threat.box import allowed

__all__ = ["across", "dual_length", "nearest_boundary"]

_FEW = 32
"""So many coordinates are mostly enough to cross a boundary in L1."""


def across(threat: Threat, points: Tensor, normal: Tensor, excess: Tensor) -> Tensor:
    """The smallest change, in the threat's norm, from `points` to the boundary, `(B, *shape)`.

    Args:
        threat: Linf, L2 or L1, bound to the rows; its eps plays no part.
        points: Where to start, inside the range of the data, `(B, *shape)`.
        normal: Gradient of the score, `(B, *shape)`.
        excess: Score at the points, `(B,)`.
    """
    if not isinstance(threat, Linf | L2 | L1):
        raise ThreatError(f"a nearest linear boundary is known for linf, l2 and l1, not for {threat.norm}")
    normal = allowed(normal, threat.mask)
    direction = -normal.sign() * excess.sign().reshape(-1, *[1] * (normal.ndim - 1))
    slope, room = flat(normal.abs()), flat(threat.box.room(points, direction))
    match threat:
        case Linf():
            moved = _level(slope, None, room, excess.abs())
        case L2():
            moved = _level(slope, slope, room, excess.abs())
        case L1():
            moved = _steepest_first(slope, room, excess.abs())
    return direction * moved.view_as(normal)


def nearest_boundary(task: Task, seen: Seen) -> tuple[Tensor, Tensor]:
    """Score `(B,)` and gradient `(B, *shape)` of the class whose linear boundary is nearest in the threat's norm.

    Args:
        task: B rows.
        seen: One point per row, with the losses and gradients of `rivals`.
    """
    assert seen.losses is not None
    assert seen.gradients is not None
    excess, normals = seen.losses[:, 0], seen.gradients[:, 0]
    slope = dual_length(task.threat, normals.flatten(2)).clamp_min(1e-12)
    rows, which = torch.arange(len(excess), device=excess.device), (excess.abs() / slope).argmin(1)
    return excess[rows, which], normals[rows, which]


def dual_length(threat: Threat, normals: Tensor) -> Tensor:
    """Length of `normals` `(..., n)` in the norm dual to the threat's, `(...)`: what a unit of change can gain."""
    match threat:
        case L2():
            return normals.norm(dim=-1)
        case L1():
            return normals.abs().amax(-1)
    return normals.abs().sum(-1)


def _level(slope: Tensor, weight: Tensor | None, room: Tensor, need: Tensor) -> Tensor:
    """`min(level * weight, room)` with `sum(slope * min(level * weight, room)) = need`, `(B, n)`.

    The sum is concave in the level: solving it for the coordinates that do not touch the box yet never goes too
    far, and the set of those that touch it only grows. A weight of None is one everywhere.
    """
    limits, need = torch.finfo(slope.dtype), need[:, None]
    gain = slope if weight is None else slope * weight
    level = (need / gain.sum(1, keepdim=True).clamp_min(limits.tiny)).clamp_max(limits.max)
    touching = torch.zeros_like(level)
    while True:
        wish = level.expand_as(slope) if weight is None else level * weight
        moved = torch.minimum(wish, room)
        loose = (wish - moved).sign_().neg_().add_(1)  # zero where the box is met, else one
        before, touching = touching, slope.shape[1] - loose.sum(1, keepdim=True)
        if torch.equal(before, touching):
            return moved
        rest = (need - (slope * moved).sum(1, keepdim=True)).clamp_min(0)
        more = level + rest / loose.mul_(gain).sum(1, keepdim=True).clamp_min(limits.tiny)
        level = torch.where(touching > before, more.clamp_max(limits.max), level)


def _steepest_first(slope: Tensor, room: Tensor, need: Tensor) -> Tensor:
    """Fill the room of the steepest coordinates first, the last one in part, `(B, n)`.

    Mostly few are enough; only rows in which they are not are sorted whole.
    """
    moved, enough = _filled(room, need, *slope.topk(min(_FEW, slope.shape[1]), dim=1))
    rest = (~enough).nonzero().squeeze(1)
    if len(rest):
        moved[rest] = _filled(room[rest], need[rest], *slope[rest].sort(dim=1, descending=True))[0]
    return moved


def _filled(room: Tensor, need: Tensor, steep: Tensor, order: Tensor) -> tuple[Tensor, Tensor]:
    """How far each coordinate moves `(B, n)` if those in `order` are filled, and whether that is enough, `(B,)`."""
    width = room.gather(1, order)
    spent = (steep * width).cumsum(1)
    left = (need[:, None] - (spent - steep * width)).clamp_min(0)
    moved = torch.minimum(width, left / steep.clamp_min(torch.finfo(steep.dtype).tiny))
    return torch.zeros_like(room).scatter_(1, order, moved), spent[:, -1] >= need
