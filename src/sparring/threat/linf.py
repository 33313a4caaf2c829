"""Linf: every coordinate may change, each by at most eps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from torch import Tensor

from sparring.domain import Domain
from sparring.draws import Draws
from sparring.tensors import flat, per_row, vector
from sparring.threat.box import (
    UNIT,
    Box,
    allowed,
    box_of,
    fits,
    kept,
    mask_of,
    possible,
    rendered,
    rows_of,
    tolerance,
)
from sparring.threat.smallest import budgeted, is_smallest

__all__ = ["Linf"]


@dataclass(frozen=True)
class Linf:
    """Change every coordinate by at most `eps`.

    Args:
        eps: Budget in data units: a number, `(B,)` per sample, or a shape that broadcasts per coordinate.
        mask: True where a coordinate may change; None for everywhere.
        box: Range of the data; set by `bind`.
    """

    eps: float | Tensor
    mask: Tensor | None = None
    box: Box = UNIT

    norm = "linf"

    def bind(self, inputs: Tensor, domain: Domain) -> Self:
        bound = replace(
            self,
            eps=rows_of(self.eps, inputs, "eps"),
            mask=mask_of(self.mask, inputs, domain),
            box=box_of(domain, inputs),
        )
        fits(bound.eps, longest=domain.high - domain.low, name="linf")
        return bound

    def render(self, points: Tensor, inputs: Tensor) -> Tensor:
        return rendered(points, inputs, self)

    def project(self, points: Tensor, inputs: Tensor) -> Tensor:
        eps = per_row(self.eps, inputs)
        near = (inputs - eps).clamp_min_(points).clamp_max_(inputs + eps)  # in place: new memory costs most
        return kept(self.box.clip_(near), inputs, self.mask)

    def sample(self, inputs: Tensor, draws: Draws) -> Tensor:
        budgeted(self)
        shift = (2 * draws.uniform(inputs) - 1) * per_row(self.eps, inputs)
        return self.project(inputs + shift, inputs)

    def steepest(self, gradient: Tensor, points: Tensor) -> Tensor:
        return allowed(gradient, self.mask).sign()

    def distance(self, points: Tensor, inputs: Tensor) -> Tensor:
        return flat((points - inputs).abs_()).amax(1)

    def contains(self, points: Tensor, inputs: Tensor, away: Tensor | None = None) -> Tensor:
        held, limit = possible(points, inputs, self), self.eps + tolerance(self.eps, self.box)
        if is_smallest(self):
            return held
        if isinstance(limit, Tensor) and limit[0].numel() > 1:  # a budget for each coordinate
            return held & ((points - inputs).abs_() <= limit).flatten(1).all(1)
        away = self.distance(points, inputs) if away is None else away
        return held & (away <= vector(limit, inputs))
