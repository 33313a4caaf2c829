"""Goals: when an output counts as a success for the attacker.

A goal reads the outputs `(B, P, C)` of B rows with P points each. The class that a loss pulls towards (the
*aim*) is no part of it: a search may aim at one class and count every error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

__all__ = ["Crosses", "Goal", "Targeted", "Untargeted"]


class Goal(Protocol):
    """What the attacker wants of a model's outputs."""

    @property
    def labels(self) -> Tensor:
        """The true classes, `(B,)`."""
        ...

    @property
    def wanted(self) -> Tensor | None:
        """The classes that must come out, `(B,)`; None when any error will do."""
        ...

    def scores(self, outputs: Any) -> Tensor:
        """Outputs as class scores `(B, P, C)` that losses can read."""
        ...

    def reached(self, outputs: Any) -> Tensor:
        """Which points are successes, `(B, P)`; never one whose scores are not numbers."""
        ...

    def margin(self, outputs: Any) -> Tensor:
        """How far past the goal each point is in score units, `(B, P)`; negative while it is not reached."""
        ...


@dataclass(frozen=True)
class Untargeted:
    """Make the model answer anything but the true `labels` `(B,)`."""

    labels: Tensor

    @property
    def wanted(self) -> None:
        return None

    def scores(self, outputs: Tensor) -> Tensor:
        return outputs

    def reached(self, outputs: Tensor) -> Tensor:
        return (outputs.argmax(-1) != self.labels[:, None]) & _numbers(outputs)

    def margin(self, outputs: Tensor) -> Tensor:
        return -_lead(outputs, self.labels)


@dataclass(frozen=True)
class Targeted:
    """Make the model answer `targets` `(B,)`; `labels` are the true classes."""

    targets: Tensor
    labels: Tensor

    @property
    def wanted(self) -> Tensor:
        return self.targets

    def scores(self, outputs: Tensor) -> Tensor:
        return outputs

    def reached(self, outputs: Tensor) -> Tensor:
        return (outputs.argmax(-1) == self.targets[:, None]) & _numbers(outputs)

    def margin(self, outputs: Tensor) -> Tensor:
        return _lead(outputs, self.targets)


@dataclass(frozen=True)
class Crosses:
    """Move one output `(B, P, 1)` or `(B, P)` over `threshold`, away from its true side.

    `labels` `(B,)` say the true side: 1 above the threshold, 0 at or below it.
    """

    labels: Tensor
    threshold: float | Tensor = 0.0

    @property
    def wanted(self) -> None:
        return None

    def scores(self, outputs: Tensor) -> Tensor:
        above = self._above(outputs)
        return torch.stack([torch.zeros_like(above), above], -1)

    def reached(self, outputs: Tensor) -> Tensor:
        above = self._above(outputs)
        return ((above > 0) != (self.labels[:, None] > 0)) & above.isfinite()

    def margin(self, outputs: Tensor) -> Tensor:
        above = self._above(outputs)
        return torch.where(self.labels[:, None] > 0, -above, above)

    def _above(self, outputs: Tensor) -> Tensor:
        threshold = torch.as_tensor(self.threshold, dtype=outputs.dtype, device=outputs.device)
        return outputs.reshape(outputs.shape[:2]) - threshold.reshape(-1, 1)


def _lead(outputs: Tensor, classes: Tensor) -> Tensor:
    """Score of `classes` `(B,)` over the best other score, `(B, P)`; infinite when there is no other class."""
    own = classes[:, None, None].expand(-1, outputs.shape[1], 1)
    others = outputs.scatter(-1, own, -torch.inf).amax(-1)
    return outputs.gather(-1, own).squeeze(-1) - others


def _numbers(outputs: Tensor) -> Tensor:
    """Points whose scores hold no NaN, `(B, P)`."""
    return ~outputs.isnan().any(-1)
