"""L0: at most eps coordinates, whole pixels or squares of pixels may change, each as far as the data allow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from sparring.domain import Domain
from sparring.draws import Draws
from sparring.errors import ThreatError
from sparring.tensors import either, flat, vector
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
)
from sparring.threat.smallest import budgeted, is_smallest
from sparring.threat.units import added_up, spread_out

__all__ = ["L0"]

_GROUP = 8


@dataclass(frozen=True)
class L0:
    """Change at most `eps` coordinates by any amount.

    Args:
        eps: How many may change: a number, or `(B,)` per sample; fractions are cut off.
        pixels: Count pixels across the channels of `(C, H, W)` images instead of single coordinates.
        side: Where pixels are counted: count squares of `side` by `side` of them instead, cut from the upper left.
        mask: True where a coordinate may change; None for everywhere.
        box: Range of the data; set by `bind`.
    """

    eps: float | Tensor
    pixels: bool = False
    side: int = 1
    mask: Tensor | None = None
    box: Box = UNIT

    norm = "l0"

    def bind(self, inputs: Tensor, domain: Domain) -> Self:
        if self.pixels and inputs.ndim != 4:
            raise ThreatError(
                f"l0 over pixels needs images (C, H, W), but the data have shape {tuple(inputs.shape[1:])}"
            )
        if self.side < 1 or (self.side > 1 and not self.pixels):
            raise ThreatError(f"l0 counts squares of at least one pixel, but their side is {self.side}")
        bound = replace(
            self,
            eps=per_sample(self.eps, inputs),
            mask=mask_of(self.mask, inputs, domain),
            box=box_of(domain, inputs),
        )
        whole = torch.as_tensor(bound.eps).floor()
        fits(
            bound.eps if is_smallest(bound) else whole,
            longest=float(added_up(self, inputs[:1]).numel()),
            name="l0",
        )
        return bound

    def render(self, points: Tensor, inputs: Tensor) -> Tensor:
        return rendered(points, inputs, self)

    def project(self, points: Tensor, inputs: Tensor) -> Tensor:
        """Nearest points: keep the changes whose loss would cost most, clipped to the range of the data.

        Dropping a change costs its square, keeping it costs the square of what clipping cuts off; the difference
        is what keeping gains, and the eps largest gains are kept.
        """
        inside = kept(self.box.clip(points), inputs, self.mask)
        gain = added_up(self, (points - inputs).square_() - (points - inside).square_())
        return either(self._chosen(gain, points), inside, inputs)

    def sample(self, inputs: Tensor, draws: Draws) -> Tensor:
        """Random coordinates, each set to a random value of the range."""
        budgeted(self)
        low, high = torch.as_tensor(self.box.low).to(inputs), torch.as_tensor(self.box.high).to(inputs)
        value = kept(low + (high - low) * draws.uniform(inputs), inputs, self.mask)
        luck = added_up(self, allowed(draws.uniform(inputs, draw=1) + 1, self.mask))
        return torch.where(self._chosen(luck, inputs), value, inputs)

    def steepest(self, gradient: Tensor, points: Tensor) -> Tensor:
        """Signs at the eps largest gradients that still have room: each of them moves by one."""
        gradient = allowed(gradient, self.mask)
        gradient = gradient * self.box.room(points, gradient).sign()
        return torch.where(self._chosen(added_up(self, gradient.abs()), points), gradient, 0).sign()

    def distance(self, points: Tensor, inputs: Tensor) -> Tensor:
        changed = (points - inputs).sign_().abs_()  # numbers instead of truths: a third of the time
        return flat(added_up(self, changed).sign()).sum(1)

    def contains(self, points: Tensor, inputs: Tensor, away: Tensor | None = None) -> Tensor:
        held = possible(points, inputs, self)
        if is_smallest(self):
            return held
        away = self.distance(points, inputs) if away is None else away
        return held & (away <= vector(self.eps, inputs))

    def _chosen(self, gain: Tensor, like: Tensor) -> Tensor:
        """The eps largest positive gains of each row, the first of equal ones, as a mask over `like`."""
        rows = flat(gain)
        most = vector(self.eps, like).floor().clamp(0, rows.shape[1]).long()[:, None]
        least = _largest(rows, max(1, int(most.max()))).gather(1, (most - 1).clamp_min(0))
        chosen = rows >= torch.where(most > 0, least.clamp_min(torch.finfo(rows.dtype).tiny), torch.inf)
        if bool((chosen.sum(1, keepdim=True) > most).any()):
            above = rows > least
            among = (chosen & ~above).cumsum(1) <= most - above.sum(1, keepdim=True)
            chosen &= above | among
        return spread_out(self, chosen.view_as(gain), like)


def _largest(rows: Tensor, count: int) -> Tensor:
    """The largest values of each row `(B, n)`, in order, `(B, count)`.

    They lie in as many groups: those with the largest maxima. On a CPU that halves the time.
    """
    if rows.shape[1] % _GROUP == 0 and 2 * _GROUP * count < rows.shape[1]:
        groups = rows.unflatten(1, (_GROUP, -1))
        which = groups.amax(1, keepdim=True).topk(count, dim=2, sorted=False).indices
        rows = groups.gather(2, which.expand(-1, _GROUP, -1)).flatten(1)
    return rows.topk(count, dim=1).values
