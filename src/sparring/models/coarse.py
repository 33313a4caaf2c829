"""Probabilities that tell less than they could: rounded, or those of the top classes alone."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["coarse_words"]

SLACK = 1e-3
"""By how much rows of probabilities may miss a sum of 1."""


def coarse_words(scores: Tensor) -> str | None:
    """What is missing in scores `(B, C)`, for a reader; None if they are no probabilities, or whole ones.

    >>> coarse_words(torch.tensor([[0.31, 0.33, 0.35]]))
    'the model rounds its probabilities to 0.01: attacks see no smaller change, so that they may find less'
    >>> coarse_words(torch.tensor([[0.3125, 0.0, 0.25, 0.0]]))  # doctest: +ELLIPSIS
    'the model shows the probabilities of its top classes alone, and zeros for the others: ...'
    >>> coarse_words(torch.tensor([[0.3125, 0.4375, 0.25]]))
    """
    if not bool(((scores >= 0) & (scores <= 1)).all()) or not bool(((scores > 0) & (scores < 1)).any()):
        return None
    sums = scores.sum(1)
    for places in (1, 2, 3):
        unit = 10.0**-places
        rounded = torch.isclose(scores, scores.mul(10**places).round().div(10**places), rtol=1e-6, atol=0)
        if bool(rounded.all()) and bool(((sums - 1).abs() <= scores.shape[1] * unit / 2 + SLACK).all()):
            return (
                f"the model rounds its probabilities to {unit:g}: attacks see no smaller change, so that they may find "
                "less"
            )
    cut = bool((scores == 0).any(1).all()) and bool((sums <= 1 + SLACK).all())
    if cut and bool((sums < 1 - SLACK).any()):
        return (
            "the model shows the probabilities of its top classes alone, and zeros for the others: attacks see only "
            "what happens there, so that they may find less"
        )
    return None
