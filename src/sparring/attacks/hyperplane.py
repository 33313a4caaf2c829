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
from sparring.threat.box import Box, allowed

__all__ = ["across", "dual_length", "nearest_boundary"]


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
    slope, room = flat(normal.abs()), flat(_room(threat.box, points, direction))
    match threat:
        case Linf():
            moved = _level(slope, torch.ones_like(slope), room, excess.abs())
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


def _room(box: Box, points: Tensor, direction: Tensor) -> Tensor:
    return box.room(points, direction) * (direction != 0)


def _level(slope: Tensor, weight: Tensor, room: Tensor, need: Tensor) -> Tensor:
    """`min(level * weight, room)` with `sum(slope * min(level * weight, room)) = need`, `(B, n)`.

    The sum is concave in the level: solving it for the coordinates that do not touch the box yet never goes too
    far, and the set of those that touch it only grows.
    """
    tiny = torch.finfo(slope.dtype).tiny
    touching = torch.zeros_like(slope, dtype=torch.bool)
    while True:
        rest = need[:, None] - torch.where(touching, slope * room, 0).sum(1, keepdim=True)
        rise = torch.where(touching, 0, slope * weight).sum(1, keepdim=True)
        level = rest.clamp_min(0) / rise.clamp_min(tiny)
        more = touching | (level * weight > room)
        if torch.equal(more, touching):
            return torch.where(touching, room, torch.minimum(level * weight, room))
        touching = more


def _steepest_first(slope: Tensor, room: Tensor, need: Tensor) -> Tensor:
    """Fill the room of the steepest coordinates first, the last one in part, `(B, n)`."""
    steep, order = slope.sort(dim=1, descending=True)
    width = room.gather(1, order)
    spent = (steep * width).cumsum(1)
    left = (need[:, None] - (spent - steep * width)).clamp_min(0)
    moved = torch.minimum(width, left / steep.clamp_min(torch.finfo(slope.dtype).tiny))
    return torch.zeros_like(slope).scatter_(1, order, moved)
