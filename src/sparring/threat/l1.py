"""L1: the absolute changes add up to at most eps."""

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
        https://arxiv.org/abs/2103.01208, Proposition 2.1), where one `cut` per row spends the budget exactly. What is
        spent falls with the cut much as an exponential function, so it is compared by its logarithm.
        """
        delta = allowed(points - inputs, self.mask)
        size, room = delta.abs(), self.box.room(inputs, delta)
        whole, limits = torch.minimum(size, room), torch.finfo(delta.dtype)
        budget = vector(self.eps, inputs).clamp_min(limits.tiny)
        rounding = 4 * limits.eps * flat(whole).amax(1)

        def excess(change: Tensor) -> Tensor:
            spent = flat(change).sum(1)
            return torch.where((spent - budget).abs() <= rounding, 0, (spent / budget).log())

        def cut_off(cut: Tensor) -> tuple[Tensor, Tensor]:
            left = torch.minimum((size - over_rows(cut, size)).clamp_min_(0), room)
            return left, excess(left)

        most, most_over = flat(size).amax(1), excess(whole)
        first = most_over * flat(whole).mean(1)
        cut, left = balanced(cut_off, first, most, most_over)
        moved, inside = self.box.clip_(left.copysign_(delta).add_(inputs)), cut == 0
        if not bool(inside.any()):
            return moved
        return pick(inside, kept(self.box.clip(points), inputs, self.mask), moved)

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
        return flat((points - inputs).abs_()).sum(1)

    def contains(self, points: Tensor, inputs: Tensor, away: Tensor | None = None) -> Tensor:
        """As everywhere, but to ten millionths: every changed coordinate adds its own rounding."""
        held, slack = possible(points, inputs, self), 10 * tolerance(self.eps, self.box)
        if is_smallest(self):
            return held
        away = self.distance(points, inputs) if away is None else away
        return held & (away <= vector(self.eps + slack, inputs))


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
