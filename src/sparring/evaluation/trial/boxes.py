"""Whether a model answers the same all over small boxes, as models of trees do: slopes then say nothing."""

from __future__ import annotations

import torch

from sparring.data import Samples
from sparring.models import Model
from sparring.models.canonical import show

__all__ = ["answers_in_boxes"]

LOOKED_AT = 16
NEAR = 1e-4
"""How far away answers are compared, in standard deviations of each value."""


def answers_in_boxes(model: Model, samples: Samples) -> bool:
    """Whether most samples, each value moved a very little, get the same scores to the last bit.

    Costs two queries for each of up to 16 samples; a model whose rows are paid for is not asked.
    """
    if not model.padded or not len(samples):
        return False
    inputs, domain = samples.inputs[:LOOKED_AT], samples.domain
    spread = samples.inputs.std(0, correction=0)
    signs = torch.randint(0, 2, inputs.shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    moved = (inputs + NEAR * spread * signs).clamp(torch.as_tensor(domain.low), torch.as_tensor(domain.high))
    with torch.no_grad():
        before, after = (show(model, points.to(model.device)) for points in (inputs, moved))
    return bool((before == after).all(1).double().mean() > 0.5)
