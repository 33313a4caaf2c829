"""L2: the Euclidean length of the change is at most eps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from sparring.domain import Domain
from sparring.draws import Draws
from sparring.tensors import flat, over_rows, pick, vector
from sparring.threat.box import (
    UNIT,
    Box,
    allowed,
    box_of,
    fits,
    kept,
    mask_of,
    only_allowed,
    per_sample,
    rendered,
    tolerance,
)
from sparring.threat.smallest import budgeted

__all__ = ["L2", "unit"]


@dataclass(frozen=True)
class L2:
    """Change the input by a vector of Euclidean length at most `eps`.

    Args:
        eps: Budget in data units: a number, or `(B,)` per sample.
        mask: True where a coordinate may change; None for everywhere.
        box: Range of the data; set by `bind`.
    """

    eps: float | Tensor
    mask: Tensor | None = None
    box: Box = UNIT

    norm = "l2"

    def bind(self, inputs: Tensor, domain: Domain) -> Self:
        bound = replace(
            self,
            eps=per_sample(self.eps, inputs),
            mask=mask_of(self.mask, inputs, domain),
            box=box_of(domain, inputs),
        )
        width = torch.as_tensor(domain.high - domain.low).expand(domain.shape)
        fits(bound.eps, longest=width.norm(), name="l2")
        return bound

    def render(self, points: Tensor, inputs: Tensor) -> Tensor:
        return rendered(points, inputs, self)

    def project(self, points: Tensor, inputs: Tensor) -> Tensor:
        """Nearest points in ball and box together.

        The nearest point is `inputs + clip(t * delta)` for the one t in [0, 1] at which its length is eps (the
        conditions of Karush, Kuhn and Tucker, with 1/t - 1 as the ball's multiplier). Starting where nothing is
        clipped, t follows from the coordinates that are clipped so far; it only grows, and so does the set of
        clipped ones, so the search ends exactly, usually after a few rounds, and never sorts.
        """
        delta = allowed(points - inputs, self.mask)
        shrink = _shrink(flat(delta), flat(self.box.room(inputs, delta)), vector(self.eps, inputs)[:, None])
        inside = kept(self.box.clip(points), inputs, self.mask)
        return pick(shrink == 1, inside, self.box.clip_(inputs + over_rows(shrink, delta) * delta))

    def sample(self, inputs: Tensor, draws: Draws) -> Tensor:
        """Uniform in the ball, then projected onto the range of the data."""
        budgeted(self)
        free = inputs[0].numel() if self.mask is None else flat(self.mask).sum(1).clamp_min(1)
        radius = draws.uniform(inputs.new_empty(len(inputs), 1), draw=1).squeeze(1) ** (1 / free)
        direction = unit(allowed(draws.normal(inputs), self.mask))
        return self.project(inputs + over_rows(radius * vector(self.eps, inputs), inputs) * direction, inputs)

    def steepest(self, gradient: Tensor, points: Tensor) -> Tensor:
        return unit(allowed(gradient, self.mask))

    def distance(self, points: Tensor, inputs: Tensor) -> Tensor:
        return flat(points - inputs).norm(dim=1)

    def contains(self, points: Tensor, inputs: Tensor) -> Tensor:
        near = self.distance(points, inputs) <= vector(self.eps + tolerance(self.eps, self.box), inputs)
        return near & self.box.contains(points) & only_allowed(points, inputs, self.mask)


def unit(vectors: Tensor) -> Tensor:
    """Scale each row `(B, ...)` to Euclidean length one; zero rows stay zero.

    Divides by the largest entry first, so that neither tiny nor huge rows under- or overflow.
    """
    scaled = vectors / over_rows(
        flat(vectors).abs().amax(1).clamp_min(torch.finfo(vectors.dtype).tiny), vectors
    )
    return scaled / over_rows(flat(scaled).norm(dim=1).clamp_min(torch.finfo(vectors.dtype).tiny), vectors)


def _shrink(delta: Tensor, room: Tensor, budget: Tensor) -> Tensor:
    """The largest t in [0, 1], `(B,)`, at which `min(t * |delta|, room)` is at most `budget` long.

    Args:
        delta: Changes, `(B, n)`.
        room: How far each coordinate can go, `(B, n)`.
        budget: Length that may be spent, `(B, 1)`.
    """
    tiny, size = torch.finfo(delta.dtype).tiny, delta.abs()
    shrink = (budget / _length(size).clamp_min(tiny)).clamp_max(1)
    clipped = torch.zeros_like(shrink)
    while True:
        wish = shrink * size
        moved = torch.minimum(wish, room)
        loose = (wish - moved).sign_().neg_().add_(1)  # zero where the wall is met, else one
        before, clipped = clipped, size.shape[1] - loose.sum(1, keepdim=True)
        if torch.equal(before, clipped):
            return shrink.squeeze(1)
        free, spent = _length(loose.mul_(moved)).clamp_min(tiny), _length(moved)
        spare = (budget - spent) / free * ((budget + spent) / free)
        more = (shrink * (1 + spare.clamp_min(0)).sqrt()).clamp_max(1)
        shrink = torch.where(clipped > before, more, shrink)


def _length(rows: Tensor) -> Tensor:
    return rows.norm(dim=1, keepdim=True)
