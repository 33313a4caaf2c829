"""Does the answer survive a simpler input? Feature squeezing (Xu, Evans & Qi 2018, https://arxiv.org/abs/1704.01155)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sparring.detect.scores.contract import Fitted
from sparring.detect.view import Shown, View
from sparring.images import fewer_bits, median_blur

__all__ = ["Squeezing"]


@dataclass(frozen=True)
class Squeezing:
    """The largest L1 distance between the probabilities of an input and of its squeezed versions.

    Squeezed are the bits, and, of images, each pixel to the median of its neighbourhood. Inputs are in [0, 1]; the
    gradient goes through the rounding as if it were not there. Deviation: no non-local means. Cost: two more forwards.

    Args:
        bits: What values are rounded to.
        size: Side of the median's neighbourhood, odd.
    """

    bits: int = 4
    size: int = 3

    def fit(self, view: View, shown: Shown, labels: Tensor) -> Fitted:
        return {}

    def score(self, view: View, shown: Shown, fitted: Fitted) -> Tensor:
        own = shown.logits.softmax(1)
        squeezed = [fewer_bits(shown.inputs, self.bits)]
        if shown.inputs.ndim == 4:
            squeezed.append(median_blur(shown.inputs, self.size))
        apart = [(view(each).logits.softmax(1) - own).abs().sum(1) for each in squeezed]
        return torch.stack(apart).amax(0)
