"""Why one input is suspicious: each score beside those of clean inputs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sparring.detect.detector import Detector
from sparring.detect.view import View

__all__ = ["Explained", "explained"]

CHOICES = 3
"""How many classes are named."""


@dataclass(frozen=True)
class Explained:
    """One input.

    Args:
        input: `(*shape)`.
        classes: The likeliest, with their probabilities.
        score: Blended.
        p_value: Share of clean inputs that look at least as suspicious.
        threshold: Above which inputs are flagged at `rate`.
        rate: Of false alarms.
        parts: Each score by name, in spreads above the median of clean inputs.
        calibration: Blended scores of clean inputs, `(n,)`, ascending.
    """

    input: Tensor
    classes: tuple[tuple[int, float], ...]
    score: float
    p_value: float
    threshold: float
    rate: float
    parts: tuple[tuple[str, float], ...]
    calibration: Tensor

    @property
    def flagged(self) -> bool:
        """Whether the score is above the threshold."""
        return self.score > self.threshold


def explained(view: View, detector: Detector, chosen: Tensor, threshold: float, rate: float) -> Explained:
    """What the detector makes of one input `(*shape)`."""
    detector.check(chosen[None])
    with torch.no_grad():
        shown = view(chosen[None])
        parts, score = detector.each(view, shown)[0], detector.blended(view, shown)
    top = shown.logits[0].softmax(0).topk(min(CHOICES, shown.logits.shape[1]))
    return Explained(
        input=chosen,
        classes=tuple(zip(top.indices.tolist(), top.values.tolist(), strict=True)),
        score=float(score),
        p_value=float(detector.p_values(score)),
        threshold=threshold,
        rate=rate,
        parts=tuple(zip(detector.names, parts.tolist(), strict=True)),
        calibration=detector.calibration,
    )
