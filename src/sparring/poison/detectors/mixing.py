"""Answers that no mixing with other samples disturbs (STRIP: Gao et al. 2019, https://arxiv.org/abs/1902.06531)."""

from __future__ import annotations

import torch
from torch import Tensor

from sparring.poison.evidence import Evidence, answer

__all__ = ["strip"]

MATES = 12
BATCH = 512


@torch.no_grad()
def strip(evidence: Evidence) -> Tensor:
    """How sure the model stays when other samples are added to each: minus the mean entropy, (N,).

    A trigger is still there after mixing, and still wakes the backdoor. Cost: 12 forwards per sample. Deviates from the
    paper in that the mates are the scanned samples themselves, and that sums are cut at the data's own range.
    """
    inputs = evidence.inputs
    low, high, count = inputs.amin(), inputs.amax(), len(inputs)
    generator = torch.Generator().manual_seed(0)
    entropy = torch.zeros(count)
    for _ in range(MATES):
        mates = torch.randperm(count, generator=generator)
        for rows in torch.arange(count).split(BATCH):
            mixed = (inputs[rows] + inputs[mates[rows]]).clamp(low, high)
            chances = answer(evidence.model, mixed).float().log_softmax(1)
            entropy[rows] -= (chances.exp() * chances).sum(1)
    return -entropy / MATES
