"""A detector: scores fitted on clean inputs, blended into one number, and calibrated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sparring.detect.conformal import p_values, threshold
from sparring.detect.scores import Fitted, Score
from sparring.detect.view import Shown, View
from sparring.domain import Domain
from sparring.errors import DataError, UsageError

__all__ = ["Detector", "parts_of"]


@dataclass(frozen=True, eq=False)
class Detector:
    """Says how suspicious inputs are, and which are more so than a rate of false alarms allows.

    Args:
        names: What each score is called, S of them.
        scores: Their settings.
        fitted: What each remembers.
        centre, spread: Median and median deviation of each score on clean inputs, `(S,)`.
        weights: Of each score, `(S,)`, if it was fitted with attacks; None: the largest one counts.
        calibration: Blended scores of clean inputs that were used for nothing else, `(n,)`.
        domain: Range and shape of the inputs that it was fitted on.
        model: Digest of the model that it was fitted on, if it has one.
    """

    names: tuple[str, ...]
    scores: tuple[Score, ...]
    fitted: tuple[Fitted, ...]
    centre: Tensor
    spread: Tensor
    weights: Tensor | None
    calibration: Tensor
    domain: Domain
    model: str | None = None

    def each(self, view: View, shown: Shown) -> Tensor:
        """Every score in units of its spread on clean inputs, `(N, S)`; differentiable."""
        return (_columns(self.scores, self.fitted, view, shown) - self.centre) / self.spread

    def blended(self, view: View, shown: Shown) -> Tensor:
        """The one number, `(N,)`: the largest score, or their weighted sum; differentiable."""
        return blend(self.each(view, shown), self.weights)

    def of(self, view: View, inputs: Tensor) -> Tensor:
        """The same for any number of inputs, without gradients, `(N,)`.

        Raises:
            DataError: The inputs have another shape or range than those that it was fitted on.
        """
        self.check(inputs)
        with torch.no_grad():
            return torch.cat([self.blended(view, view(part)) for part in inputs.split(view.batch)])

    def threshold(self, rate: float, level: float | None = None) -> float:
        """What is flagged lies above it; `level` for the promise about this very calibration (`conformal.py`)."""
        return threshold(self.calibration, rate, level)

    def p_values(self, scores: Tensor) -> Tensor:
        """How many clean inputs look at least as suspicious, `(N,)`."""
        return p_values(self.calibration, scores)

    def check(self, inputs: Tensor) -> None:
        """Refuse inputs that the detector knows nothing about.

        Raises:
            DataError: Their shape is another, or they leave the range.
        """
        if tuple(inputs.shape[1:]) != self.domain.shape:
            raise DataError(
                f"the detector was fitted on inputs of shape {self.domain.shape}, but these have "
                f"{tuple(inputs.shape[1:])}; fit one on data like these"
            )
        outside = int((~self.domain.contains(inputs)).sum())
        if outside:
            raise DataError(
                f"the detector was fitted on inputs from {_number(self.domain.low)} to {_number(self.domain.high)}, "
                f"but {outside} of these {len(inputs)} leave that range; scale them as then, or fit a detector on them"
            )

    def check_model(self, digest: str | None) -> None:
        """Refuse another model than the one that the detector was fitted on, where both can be told.

        Raises:
            UsageError: It is another model.
        """
        if None not in (digest, self.model) and digest != self.model:
            raise UsageError(
                f"the detector was fitted on another model ({str(self.model)[:12]}…, this one is {str(digest)[:12]}…); "
                "its scores mean nothing here: fit one on this model"
            )


def parts_of(count: int) -> tuple[slice, slice, slice]:
    """Which of `count` reference samples are for fitting, for scaling, and for calibration: 4, 1 and 3 eighths."""
    first, second = count // 2, count // 2 + count // 8
    return slice(0, first), slice(first, second), slice(second, count)


def blend(columns: Tensor, weights: Tensor | None) -> Tensor:
    """Scores `(N, S)` as one number each, `(N,)`."""
    return columns.amax(1) if weights is None else columns @ weights


def _columns(scores: tuple[Score, ...], fitted: tuple[Fitted, ...], view: View, shown: Shown) -> Tensor:
    each = [score.score(view, shown, known) for score, known in zip(scores, fitted, strict=True)]
    return torch.stack([one.float() for one in each], 1)


def _number(bound: Any) -> str:
    values = torch.as_tensor(bound).unique()
    return f"{float(values[0]):g}" if len(values) == 1 else "a bound per value"
