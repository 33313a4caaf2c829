"""Activation clustering (Chen et al. 2018, https://arxiv.org/abs/1811.03728)."""

from __future__ import annotations

import torch
from torch import Tensor

from sparring.poison.evidence import Evidence

__all__ = ["activation_clustering", "two_means"]

DIMENSIONS = 10
ROUNDS = 50


def activation_clustering(evidence: Evidence) -> Tensor:
    """How much nearer each sample lies to the smaller of two clusters of its class than to the larger: (N,).

    Features are reduced to their ten main directions before. Deviates from the paper in that they are reduced by
    principal instead of independent components, and in that the result is a score and not a cut.
    """
    scores = torch.zeros(len(evidence.labels))
    for label in evidence.labels.unique():
        rows = (evidence.labels == label).nonzero()[:, 0]
        centred = evidence.features[rows] - evidence.features[rows].mean(0)
        _, _, directions = torch.linalg.svd(centred, full_matrices=False)
        reduced = centred @ directions[:DIMENSIONS].T
        centres, member = two_means(reduced)
        small = int(member.float().mean() < 0.5)
        distances = torch.cdist(reduced, centres)
        scores[rows] = distances[:, 1 - small] - distances[:, small]
    return scores


def two_means(points: Tensor) -> tuple[Tensor, Tensor]:
    """Two clusters of `points` (N, n) by Lloyd's rounds: centres (2, n), and which are in the second (N,) bool.

    Starts from both sides of the main direction, so nothing is drawn.
    """
    centred = points - points.mean(0)
    direction = torch.linalg.svd(centred, full_matrices=False)[2][0]
    member = centred @ direction > 0
    centres = torch.stack([points.mean(0), points.mean(0)])
    for _ in range(ROUNDS):
        if not member.any() or member.all():
            break
        centres = torch.stack([points[~member].mean(0), points[member].mean(0)])
        distances = torch.cdist(points, centres)
        moved = distances[:, 1] < distances[:, 0]
        if torch.equal(moved, member):
            break
        member = moved
    return centres, member
