"""Tables: changes in whole steps of their column, one value of each category, and nothing that cannot change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from sparring.domain import Domain
from sparring.tensors import over_rows, pick

__all__ = ["Steps", "steps_of"]

_SLACK = 1e-9
"""Of a step, for the rounding of quotients."""


class _Set(Protocol):
    """What is asked of the threat whose points are rendered."""

    @property
    def box(self) -> Any: ...
    @property
    def mask(self) -> Tensor | None: ...
    def project(self, points: Tensor, inputs: Tensor) -> Tensor: ...
    def contains(self, points: Tensor, inputs: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class Steps:
    """How rows of a table `(B, F)`, in units of scale, may differ from their inputs.

    Points are searched as if they were continuous; what the model is shown is a row that can be.

    Args:
        step: A change is a whole multiple of this, `(B, F)`; 0 where any change goes.
        group: Number of the category that a column is one value of, `(B, F)`; -1 for none.
    """

    step: Tensor
    group: Tensor

    def render(self, points: Tensor, inputs: Tensor, threat: _Set) -> Tensor:
        """The nearest row that can be, if the threat allows it; else one between the nearest allowed point and the
        input.

        A value that moves towards the input shortens the change, so the second is always allowed.
        """
        nearest = self._categories(self._stepped(points, inputs, threat, torch.round), points, inputs, threat)
        fits = threat.contains(nearest, inputs)
        return nearest if bool(fits.all()) else pick(fits, nearest, self._inward(nearest, inputs, threat))

    def _inward(self, points: Tensor, inputs: Tensor, threat: _Set) -> Tensor:
        """Whole steps towards the inputs from the nearest allowed points; categories as they were."""
        near = threat.project(points, inputs)
        moved = self._stepped(near, inputs, threat, lambda steps: (steps + _SLACK * steps.sign()).trunc())
        return torch.where(self.group >= 0, inputs, moved)

    def _stepped(
        self, points: Tensor, inputs: Tensor, threat: _Set, whole: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """Points in whole steps from the inputs, in range; what does not move is the input, bit for bit."""
        stepping, box = self.step > 0, threat.box
        step = torch.where(stepping, self.step, 1)
        up, down = (((end - inputs).abs() / step + _SLACK).floor() for end in (box.high, box.low))
        count = torch.minimum(torch.maximum(whole((points - inputs) / step), -down), up)
        moved = torch.where(stepping, torch.where(count == 0, inputs, inputs + count * step), points)
        return _kept(box.clip(moved), inputs, threat.mask)

    def _categories(self, rows: Tensor, points: Tensor, inputs: Tensor, threat: _Set) -> Tensor:
        """Rows in which each category has the one value whose column is highest in `points`; a tie changes nothing."""
        groups = self.group[:1]
        for number in groups[groups >= 0].unique().tolist():
            place = (groups[0] == number).nonzero().squeeze(1)
            here, was = points[:, place], inputs[:, place]
            one = was.amax(1)  # one, in units of scale
            chosen = (here + _SLACK * was).argmax(1)
            values = torch.zeros_like(was).scatter_(1, chosen[:, None], over_rows(one, was)[:, :1])
            mask = None if threat.mask is None else threat.mask[:, place]
            rows = rows.index_copy(1, place, _kept(values, was, mask))
        return rows


def steps_of(domain: Domain, inputs: Tensor) -> Steps | None:
    """The steps of a table's columns, a row per sample; None for all other data."""
    columns = domain.columns
    if columns is None:
        return None
    step = (columns.step / columns.scale).to(inputs).expand_as(inputs)
    return Steps(step, columns.group.to(inputs.device).expand_as(inputs))


def _kept(points: Tensor, inputs: Tensor, mask: Tensor | None) -> Tensor:
    return points if mask is None else torch.where(mask, points, inputs)
