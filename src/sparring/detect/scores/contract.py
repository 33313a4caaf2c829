"""The contract of a score: settings, and two pure methods."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from sparring.detect.view import Shown, View

__all__ = ["Fitted", "Score"]

Fitted = dict[str, Tensor]
"""What a score remembers of the clean inputs; goes into a file as it is."""


class Score(Protocol):
    """A frozen dataclass of plain settings, so that it can be written down as JSON."""

    def fit(self, view: View, shown: Shown, labels: Tensor) -> Fitted:
        """What is remembered of clean inputs and their classes `(N,)`.

        Raises:
            DataError: There are too few of them, or they are of the wrong kind.
        """
        ...

    def score(self, view: View, shown: Shown, fitted: Fitted) -> Tensor:
        """How suspicious each input is, `(N,)`: higher is more so; differentiable, each row by itself."""
        ...
