"""Outliers after whitening by a robust covariance (SPECTRE: Hayase et al. 2021, https://arxiv.org/abs/2104.11315)."""

from __future__ import annotations

import torch
from torch import Tensor

from sparring.poison.evidence import Evidence

__all__ = ["robust_outliers"]

DIMENSIONS = 20
KEPT, ROUNDS = 0.85, 3
SHARPNESS = 4.0


def robust_outliers(evidence: Evidence) -> Tensor:
    """How far each sample lies out in directions in which a few of its class do, seen from the bulk of it: (N,).

    The features of a class, in their twenty main directions, are whitened by the mean and covariance of the bulk, so
    that a small group stands out that plain directions of largest spread hide; directions with more spread than the
    bulk then weigh more (quantum entropy score). Deviates from the paper in that the bulk is found by trimming three
    times to 85%, instead of by a robust estimator with guarantees.
    """
    scores = torch.zeros(len(evidence.labels))
    for label in evidence.labels.unique():
        rows = (evidence.labels == label).nonzero()[:, 0]
        if len(rows) > 2:
            scores[rows] = _scores(evidence.features[rows].double()).float()
    return scores


def _scores(features: Tensor) -> Tensor:
    centred = features - features.mean(0)
    spread, directions = torch.linalg.eigh(centred.T @ centred / len(centred))
    used = spread > 1e-9 * spread[-1].clamp_min(1e-30)
    reduced = centred @ directions[:, used][:, -DIMENSIONS:]
    if reduced.shape[1] == 0:
        return torch.zeros(len(features))
    white = _whitened_by_bulk(reduced)
    excess = white.T @ white / len(white)
    extra = excess - torch.eye(len(excess), dtype=excess.dtype)
    weight = torch.linalg.matrix_exp(SHARPNESS * extra / (torch.linalg.matrix_norm(extra, 2) + 1e-9))
    return ((white @ weight) * white).sum(1) / weight.trace()


def _whitened_by_bulk(points: Tensor) -> Tensor:
    """Points in which the bulk has mean 0 and covariance 1."""
    bulk = torch.ones(len(points), dtype=torch.bool)
    for _ in range(ROUNDS):
        distances = _white(points, points[bulk]).square().sum(1)
        bulk = distances <= distances.quantile(KEPT)
    return _white(points, points[bulk])


def _white(points: Tensor, bulk: Tensor) -> Tensor:
    centred = bulk - bulk.mean(0)
    covariance = centred.T @ centred / max(len(bulk) - 1, 1)
    ridge = 1e-6 * covariance.diagonal().mean().clamp_min(1e-30)
    factor = torch.linalg.cholesky(covariance + ridge * torch.eye(len(covariance), dtype=points.dtype))
    return torch.linalg.solve_triangular(factor, (points - bulk.mean(0)).T, upper=False).T
