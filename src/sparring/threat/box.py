"""The range of the data, and what every threat needs of it.

Bounds belong to the data. A threat carries them only once it is bound to samples (`Threat.bind`), so that its
methods can stay inside. Low and high are numbers, or tensors with a row per sample.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from sparring.domain import Domain
from sparring.errors import ThreatError
from sparring.tensors import flat
from sparring.threat.steps import Steps, steps_of

__all__ = [
    "UNIT",
    "Box",
    "allowed",
    "box_of",
    "fits",
    "kept",
    "mask_of",
    "per_sample",
    "possible",
    "rendered",
    "rows_of",
    "tolerance",
]


@dataclass(frozen=True)
class Box:
    """Every coordinate lies between `low` and `high`.

    Args:
        low, high: In units of the data.
        unit: What rounding is measured by; None for the largest value.
        steps: How rows of a table may change.
    """

    low: float | Tensor
    high: float | Tensor
    unit: float | None = None
    steps: Steps | None = None

    def clip(self, points: Tensor) -> Tensor:
        """The nearest points inside."""
        if isinstance(self.low, Tensor) or isinstance(self.high, Tensor):
            return torch.minimum(torch.maximum(points, torch.as_tensor(self.low)), torch.as_tensor(self.high))
        return points.clamp(self.low, self.high)

    def clip_(self, points: Tensor) -> Tensor:
        """`clip` in place: no new memory."""
        if isinstance(self.low, Tensor) or isinstance(self.high, Tensor):
            return points.clamp_min_(torch.as_tensor(self.low)).clamp_max_(torch.as_tensor(self.high))
        return points.clamp_(self.low, self.high)

    def walls(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """The lowest and the highest change of each coordinate of `inputs`."""
        return self.low - inputs, self.high - inputs

    def room(self, inputs: Tensor, direction: Tensor) -> Tensor:
        """How far each coordinate of `inputs` can move the way `direction` points, in data units; 0 for none.

        Signs and one clamp: on a CPU a `torch.where` over signs that follow no pattern takes five times as long.
        """
        way = direction.sign()
        reach = (way * torch.finfo(inputs.dtype).max).clamp_(*self.walls(inputs))
        return reach.mul_(way).clamp_min_(0)

    def contains(self, points: Tensor) -> Tensor:
        """Which points are inside, `(B,)`, to the tolerance of rounding."""
        slack = tolerance(0.0, self)
        if isinstance(self.low, Tensor) or isinstance(self.high, Tensor):
            return flat((points >= self.low - slack) & (points <= self.high + slack)).all(1)
        rows = flat(points)
        return (rows.amin(1) >= self.low - slack) & (rows.amax(1) <= self.high + slack)


UNIT = Box(0.0, 1.0)


class _Bound(Protocol):
    """A threat that was bound to samples."""

    @property
    def box(self) -> Box: ...
    @property
    def mask(self) -> Tensor | None: ...
    def project(self, points: Tensor, inputs: Tensor) -> Tensor: ...
    def contains(self, points: Tensor, inputs: Tensor) -> Tensor: ...


def tolerance(eps: float | Tensor, box: Box) -> float | Tensor:
    """One millionth of the budget or of the data's largest value, whichever is more: float32 cannot do better.

    For tables it is the unit that counts, since their values may be many millions of it.
    """
    largest = box.unit or max(_size(box.low), _size(box.high))
    scale = largest if 0 < largest < math.inf else 1.0
    return 1e-6 * (eps.clamp_min(scale) if isinstance(eps, Tensor) else max(eps, scale))


def _size(bound: float | Tensor) -> float:
    return float(bound.abs().max()) if isinstance(bound, Tensor) else abs(bound)


def box_of(domain: Domain, inputs: Tensor) -> Box:
    """The domain's range with a row per sample where it differs between coordinates."""
    unit = None if domain.columns is None else 1.0
    return Box(_spread(domain.low, inputs), _spread(domain.high, inputs), unit, steps_of(domain, inputs))


def _spread(bound: float | Tensor, inputs: Tensor) -> float | Tensor:
    if isinstance(bound, Tensor) and bound.ndim:
        return bound.to(inputs).expand_as(inputs)
    return float(bound)


def rows_of(values: float | Tensor, inputs: Tensor, name: str) -> float | Tensor:
    """Give `values` a row per sample of `inputs` `(B, *shape)`: `(B, 1, ..., 1)` or `(B, *shape)`.

    Accepts a number, `(B,)` for a value per sample, or anything that broadcasts against `inputs`.
    """
    if not isinstance(values, Tensor) or values.ndim == 0:
        return float(values)
    per_sample, per_coordinate = values.shape == inputs.shape[:1], values.shape == inputs.shape[1:]
    if per_sample and per_coordinate and values.numel() > 1 and values.ndim == 1:
        raise ThreatError(
            f"{name} of shape {tuple(values.shape)} could mean samples or coordinates; "
            f"give ({len(inputs)}, 1) for a value per sample or (1, {len(inputs)}) for one per coordinate"
        )
    values = values.to(inputs.device)
    if per_sample:
        return values.reshape(-1, *[1] * (inputs.ndim - 1))
    try:
        torch.broadcast_shapes(values.shape, inputs.shape)
    except RuntimeError:
        raise ThreatError(
            f"{name} has shape {tuple(values.shape)}, which does not fit inputs of shape {tuple(inputs.shape)}"
        ) from None
    full = values.reshape(*[1] * (inputs.ndim - values.ndim), *values.shape)
    return full.expand(len(inputs), *full.shape[1:])


def mask_of(mask: Tensor | None, inputs: Tensor, domain: Domain) -> Tensor | None:
    """A mask shaped like the samples, without the columns of a table that cannot change."""
    asked = None
    if mask is not None:
        asked = torch.as_tensor(rows_of(mask, inputs, "mask"), device=inputs.device).bool().expand_as(inputs)
    if domain.columns is None:
        return asked
    mutable = domain.columns.mutable.to(inputs.device).expand_as(inputs)
    return mutable if asked is None else asked & mutable


def rendered(points: Tensor, inputs: Tensor, threat: _Bound) -> Tensor:
    """What the model is shown: the points themselves, or for tables the rows that can be."""
    steps = threat.box.steps
    return points if steps is None else steps.render(points, inputs, threat)


def per_sample(eps: float | Tensor, inputs: Tensor) -> float | Tensor:
    """A budget that is one number per sample, `(B, 1, ..., 1)`, or one for all."""
    eps = rows_of(eps, inputs, "eps")
    if isinstance(eps, Tensor) and eps[0].numel() != 1:
        raise ThreatError(
            f"this threat takes one eps per sample; a budget per coordinate, of shape {tuple(eps.shape)}, needs linf"
        )
    return eps


def fits(eps: float | Tensor, longest: float | Tensor, name: str) -> None:
    """Refuse budgets that are not positive numbers, or that reach past the longest change the data allow."""
    if isinstance(eps, float) and eps == math.inf:
        return  # the smallest change is looked for, whatever its size
    least, most = float(torch.as_tensor(eps).min()), float(torch.as_tensor(eps).max())
    limit = float(torch.as_tensor(longest).max())
    if not (least > 0 and math.isfinite(most)):
        raise ThreatError(
            f"{name} needs a positive eps in data units, but got {least if not least > 0 else most:g}"
        )
    if most > limit * (1 + 1e-6):
        raise ThreatError(
            f"{name} with eps {most:g} is larger than any change these data allow ({limit:g}); "
            "eps is in units of the data, so 8 grey levels of an image in [0, 1] are 8/255"
        )


def allowed(values: Tensor, mask: Tensor | None) -> Tensor:
    """`values` where `mask` (true: may change) permits a change, zero elsewhere."""
    return values if mask is None else torch.where(mask, values, 0)


def kept(points: Tensor, inputs: Tensor, mask: Tensor | None) -> Tensor:
    """`points` where `mask` permits a change, the input elsewhere."""
    return points if mask is None else torch.where(mask, points, inputs)


def possible(points: Tensor, inputs: Tensor, threat: _Bound) -> Tensor:
    """Which rows are in the range of the data and changed nothing that the mask forbids, `(B,)`."""
    inside, mask = threat.box.contains(points), threat.mask
    return inside if mask is None else inside & flat((points == inputs) | mask).all(1)
