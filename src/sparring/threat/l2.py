"""L2: the Euclidean length of the change is at most eps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from sparring.domain import Domain
from sparring.draws import Draws
from sparring.tensors import flat, over_rows, pick, vector
from sparring.threat.balance import balanced
from sparring.threat.box import (
    UNIT,
    Box,
    allowed,
    box_of,
    fits,
    kept,
    mask_of,
    per_sample,
    possible,
    rendered,
    tolerance,
)
from sparring.threat.smallest import budgeted, is_smallest

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
        conditions of Karush, Kuhn and Tucker, with 1/t - 1 as the ball's multiplier). The square of that length is
        concave in the square of t, and linear in pieces.
        """
        delta, walls = allowed(points - inputs, self.mask), self.box.walls(inputs)
        square, tiny = vector(self.eps, inputs).square(), torch.finfo(delta.dtype).tiny

        def shrunk(share: Tensor) -> tuple[Tensor, Tensor]:
            change = (over_rows(share.sqrt(), delta) * delta).clamp_(*walls)
            return change, (square - flat(change).norm(dim=1).square()) / square.clamp_min(tiny)

        whole = flat(delta).norm(dim=1).square()
        share, change = balanced(shrunk, (square / whole.clamp_min(tiny)).clamp_max(1), 1)
        moved, inside = self.box.clip_(change.add_(inputs)), share == 1
        if not bool(inside.any()):
            return moved
        return pick(inside, kept(self.box.clip(points), inputs, self.mask), moved)

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

    def contains(self, points: Tensor, inputs: Tensor, away: Tensor | None = None) -> Tensor:
        held = possible(points, inputs, self)
        if is_smallest(self):
            return held
        away = self.distance(points, inputs) if away is None else away
        return held & (away <= vector(self.eps + tolerance(self.eps, self.box), inputs))


def unit(vectors: Tensor) -> Tensor:
    """Scale each row `(B, ...)` to Euclidean length one; zero rows stay zero.

    Rows so small or large that their squares under- or overflow are divided by their largest entry first.
    """
    tiny = torch.finfo(vectors.dtype).tiny
    length = flat(vectors).norm(dim=1)
    extreme = (length < tiny**0.25) | (length > tiny**-0.25)
    if bool(extreme.any()):
        largest = flat(vectors).abs().amax(1).clamp_min(tiny)
        vectors = pick(extreme, vectors / over_rows(largest, vectors), vectors)
        length = flat(vectors).norm(dim=1)
    return vectors / over_rows(length.clamp_min(tiny), vectors)
