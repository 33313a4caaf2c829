"""Spectral signatures (Tran, Li & Madry 2018, https://arxiv.org/abs/1811.00636)."""

from __future__ import annotations

import torch
from torch import Tensor

from sparring.poison.evidence import Evidence

__all__ = ["spectral_signatures"]


def spectral_signatures(evidence: Evidence) -> Tensor:
    """How far each sample lies along the direction in which the features of its class spread most: (N,).

    The paper removes a fixed number per class; here it is a score only.
    """
    scores = torch.zeros(len(evidence.labels))
    for label in evidence.labels.unique():
        rows = (evidence.labels == label).nonzero()[:, 0]
        centred = evidence.features[rows] - evidence.features[rows].mean(0)
        _, _, directions = torch.linalg.svd(centred, full_matrices=False)
        scores[rows] = (centred @ directions[0]).square()
    return scores
