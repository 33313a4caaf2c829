"""Energy (Liu, Wang, Owens & Li 2020, https://arxiv.org/abs/2010.03759): small scores all over are suspicious."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from sparring.detect.scores.contract import Fitted
from sparring.detect.view import Shown, View

__all__ = ["Energy"]


@dataclass(frozen=True)
class Energy:
    """Minus the logarithm of the sum of the exponentials of the logits. Cost: nothing beyond the forward.

    Args:
        temperature: What logits are divided by.
    """

    temperature: float = 1.0

    def fit(self, view: View, shown: Shown, labels: Tensor) -> Fitted:
        return {}

    def score(self, view: View, shown: Shown, fitted: Fitted) -> Tensor:
        return -self.temperature * (shown.logits / self.temperature).logsumexp(1)
