"""The nearest way across a linear boundary, inside the range of the data.

For a linear score `excess + <normal, change>` and a norm, find the smallest change that brings the score to zero
while every coordinate stays in the box (Croce & Hein 2019, FAB, https://arxiv.org/abs/1907.02044, Section 3).
Where even the farthest corner does not reach zero, the change goes to that corner.

All changes have the form `clip(level * way)`, but those in L1; the level spends the excess exactly.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sparring.engine import Seen, Task
from sparring.errors import ThreatError
from sparring.tensors import flat, over_rows
from sparring.threat import L1, L2, Linf, Threat
from sparring.threat.balance import balanced
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
    downhill = -over_rows(excess.sign(), normal) * normal
    walls, need = threat.box.walls(points), excess.abs()
    match threat:
        case Linf():
            return _level(downhill, downhill.sign(), walls, need)
        case L2():
            return _level(downhill, downhill, walls, need)
    slope, room = flat(downhill.abs()), flat(threat.box.room(points, downhill))
    return _steepest_first(slope, room, need).view_as(normal).copysign_(downhill)


def nearest_boundary(task: Task, seen: Seen) -> tuple[Tensor, Tensor]:
    """Score `(B,)` and gradient `(B, *shape)` of the class whose linear boundary is nearest in the threat's norm.

    Args:
        task: B rows.
        seen: One point per row, with the losses and gradients of `rivals`.
    """
    assert seen.losses is not None
    assert seen.gradients is not None
    excess, normals = seen.losses[:, 0], seen.gradients[:, 0]
    if excess.shape[1] == 1:
        return excess[:, 0], normals[:, 0]
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


def _level(downhill: Tensor, way: Tensor, walls: tuple[Tensor, Tensor], need: Tensor) -> Tensor:
    """`clip(level * way)` between `walls` with `sum(downhill * clip(level * way)) = need`, `(B, *shape)`."""
    limits = torch.finfo(need.dtype)

    def moved(level: Tensor) -> tuple[Tensor, Tensor]:
        change = (over_rows(level, way) * way).clamp_(*walls)
        return change, (need - flat(downhill * change).sum(1)) / need.clamp_min(limits.tiny)

    gain = flat(downhill * way).sum(1).clamp_min(limits.tiny)
    return balanced(moved, (need / gain).clamp_max(limits.max), limits.max)[1]


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
