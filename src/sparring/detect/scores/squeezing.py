"""Does the answer survive a simpler input? Feature squeezing (Xu, Evans & Qi 2018, https://arxiv.org/abs/1704.01155)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sparring.detect.scores.contract import Fitted
from sparring.detect.view import Shown, View
from sparring.images import backwards_through, fewer_bits, median_blur

__all__ = ["Squeezing"]

REACH = 5.0
"""From the highest to the lowest logit, at most, where gradients are taken."""


@dataclass(frozen=True)
class Squeezing:
    """The largest L1 distance between the probabilities of an input and of its squeezed versions.

    Squeezed are the bits, and, of images, each pixel to the median of its neighbourhood. Inputs are in [0, 1]; the
    gradient goes through the rounding as if it were not there, and through softer probabilities. Deviation: no
    non-local means. Cost: two more forwards.

    Args:
        bits: What values are rounded to.
        size: Side of the median's neighbourhood, odd.
    """

    bits: int = 4
    size: int = 3

    def fit(self, view: View, shown: Shown, labels: Tensor) -> Fitted:
        return {}

    def score(self, view: View, shown: Shown, fitted: Fitted) -> Tensor:
        squeezed = [fewer_bits(shown.inputs, self.bits)]
        if shown.inputs.ndim == 4:
            squeezed.append(median_blur(shown.inputs, self.size))
        return torch.stack([_apart(shown.logits, view(each).logits) for each in squeezed]).amax(0)


def _apart(logits: Tensor, others: Tensor) -> Tensor:
    """L1 distance of the probabilities, `(N,)`, with the gradient of softer ones: those of sure answers have none."""
    hardness = (logits.detach().amax(1, keepdim=True) - logits.detach().amin(1, keepdim=True)) / REACH
    soft, exact = (
        ((logits / hot).softmax(1) - (others / hot).softmax(1)).abs().sum(1)
        for hot in (hardness.clamp_min(1), torch.ones_like(hardness))
    )
    return backwards_through(soft, exact.detach())
