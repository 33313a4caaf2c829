"""L1: the absolute changes add up to at most eps."""

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

__all__ = ["L1", "sparse_signs"]


@dataclass(frozen=True)
class L1:
    """Change the input so that the absolute changes add up to at most `eps`.

    Args:
        eps: Budget in data units: a number, or `(B,)` per sample.
        mask: True where a coordinate may change; None for everywhere.
        box: Range of the data; set by `bind`.
        share: Part of the coordinates that one step of `steepest` moves.
    """

    eps: float | Tensor
    mask: Tensor | None = None
    box: Box = UNIT
    share: float = 0.05

    norm = "l1"

    def bind(self, inputs: Tensor, domain: Domain) -> Self:
        bound = replace(
            self,
            eps=per_sample(self.eps, inputs),
            mask=mask_of(self.mask, inputs, domain),
            box=box_of(domain, inputs),
        )
        width = torch.as_tensor(domain.high - domain.low).expand(domain.shape)
        fits(bound.eps, longest=width.sum(), name="l1")
        return bound

    def render(self, points: Tensor, inputs: Tensor) -> Tensor:
        return rendered(points, inputs, self)

    def project(self, points: Tensor, inputs: Tensor) -> Tensor:
        """Nearest points in ball and box together.

        The nearest change has entries `sign * min(room, max(size - cut, 0))` (Croce & Hein 2021, "Mind the box",
        https://arxiv.org/abs/2103.01208, Proposition 2.1), where one `cut` per row spends the budget exactly. It
        is the root of a falling, piecewise linear function, found here by Newton steps kept between bounds.
        """
        delta = allowed(points - inputs, self.mask)
        room = self.box.room(inputs, delta)
        cut = _cut(flat(delta.abs()), flat(room), vector(self.eps, inputs)[:, None])
        moved = torch.minimum((delta.abs() - over_rows(cut, delta)).clamp_min(0), room)
        inside = kept(self.box.clip(points), inputs, self.mask)
        return pick(cut == 0, inside, self.box.clip(inputs + moved.copysign(delta)))

    def sample(self, inputs: Tensor, draws: Draws) -> Tensor:
        """Uniform in the ball (Laplace direction, radius u^(1/n)), then projected onto the range of the data."""
        budgeted(self)
        sizes = allowed(-torch.log1p(-draws.uniform(inputs)) * draws.signs(inputs, draw=1), self.mask)
        direction = sizes / over_rows(flat(sizes).abs().sum(1).clamp_min(1e-12), inputs)
        free = inputs[0].numel() if self.mask is None else flat(self.mask).sum(1).clamp_min(1)
        radius = draws.uniform(inputs.new_empty(len(inputs), 1), draw=2).squeeze(1) ** (1 / free)
        return self.project(inputs + over_rows(radius * vector(self.eps, inputs), inputs) * direction, inputs)

    def steepest(self, gradient: Tensor, points: Tensor) -> Tensor:
        """Spread over the `share` of largest gradients that still have room; one coordinate alone learns too little."""
        gradient = allowed(gradient, self.mask)
        gradient = gradient * self.box.room(points, gradient).sign()
        return sparse_signs(gradient, gradient.new_full((len(gradient),), self.share))

    def distance(self, points: Tensor, inputs: Tensor) -> Tensor:
        return flat(points - inputs).abs().sum(1)

    def contains(self, points: Tensor, inputs: Tensor) -> Tensor:
        """As everywhere, but to ten millionths: every changed coordinate adds its own rounding."""
        near = self.distance(points, inputs) <= vector(self.eps + 10 * tolerance(self.eps, self.box), inputs)
        return near & self.box.contains(points) & only_allowed(points, inputs, self.mask)


def sparse_signs(gradient: Tensor, share: Tensor) -> Tensor:
    """Signs of the largest entries of each row, a `share` `(B,)` of them, scaled to an L1 length of one.

    At least one entry moves; entries that tie with the smallest chosen one move too; zeros never do.
    """
    rows = flat(gradient)
    count = (share * rows.shape[1]).ceil().long().clamp(1, rows.shape[1])
    largest = rows.abs().topk(int(count.max()), dim=1).values
    least = largest.gather(1, count[:, None] - 1)
    signs = torch.where(rows.abs() >= least, rows, 0).sign()
    return (signs / signs.abs().sum(1, keepdim=True).clamp_min(1)).view_as(gradient)


def _cut(size: Tensor, room: Tensor, budget: Tensor) -> Tensor:
    """The least cut >= 0, `(B,)`, with `sum(min(room, max(size - cut, 0))) <= budget`.

    Args:
        size: Absolute changes, `(B, n)`.
        room: How far each coordinate can go, `(B, n)`.
        budget: Sum of changes that may be spent, `(B, 1)`.
    """
    low = cut = torch.zeros_like(size[:, :1])
    high = size.amax(1, keepdim=True)
    slack = 5e-7 * budget  # what a float32 sum can tell apart
    for _ in range(64):  # bisection alone would need about 30 rounds, Newton's steps need a handful
        left = torch.minimum((size - cut).clamp_min_(0), room)
        excess = left.sum(1, keepdim=True) - budget
        low, high = torch.where(excess > slack, cut, low), torch.where(excess > slack, high, cut)
        slope = torch.minimum(left, room - left).sign_().sum(1, keepdim=True)  # those at neither end
        newton, beside = cut + excess / slope.clamp_min(1), torch.nextafter(low, high)
        exact = (high == 0) | (excess.abs() <= slack) | (beside == high)
        if bool(exact.all()):
            break
        newton = torch.where((excess > 0) & (newton == cut), beside, newton)
        better = (slope > 0) & (newton > low) & (newton < high)
        cut = torch.where(exact, cut, torch.where(better, newton, (low + high) / 2))
    return high.squeeze(1)
