"""Mahalanobis distance in feature space (Lee, Lee, Lee & Shin 2018, https://arxiv.org/abs/1807.03888)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sparring.detect.scores.contract import Fitted
from sparring.detect.view import Shown, View
from sparring.errors import DataError

__all__ = ["Mahalanobis"]


@dataclass(frozen=True)
class Mahalanobis:
    """Squared distance of the features to the nearest class mean, under one covariance for all classes.

    Deviations: features of one layer, the last, without the paper's step along the gradient; the covariance is drawn
    towards a multiple of the identity, so that few samples suffice. Cost: nothing beyond the forward.

    Args:
        shrinkage: How far the covariance is drawn there, in (0, 1].
    """

    shrinkage: float = 0.05

    def fit(self, view: View, shown: Shown, labels: Tensor) -> Fitted:
        classes = labels.unique()
        if len(shown) < 2 * len(classes):
            raise DataError(
                f"class means and a covariance need at least two clean samples per class, but there are {len(shown)} "
                f"of {len(classes)} classes; give more reference samples"
            )
        features = shown.features.double()
        means = torch.stack([features[labels == each].mean(0) for each in classes])
        spread = features - means[torch.searchsorted(classes, labels)]
        covariance = spread.T @ spread / (len(shown) - len(classes))
        size = covariance.diagonal().mean().clamp_min(1e-12)
        identity = torch.eye(len(covariance), dtype=covariance.dtype, device=covariance.device)
        drawn = (1 - self.shrinkage) * covariance + self.shrinkage * size * identity
        # with L L' = inverse covariance, the distance is Euclidean after one multiplication by L
        root = torch.linalg.cholesky(torch.linalg.inv(drawn))
        return {"means": (means @ root).float(), "root": root.float()}

    def score(self, view: View, shown: Shown, fitted: Fitted) -> Tensor:
        white = shown.features.float() @ fitted["root"]
        return (white[:, None] - fitted["means"]).square().sum(-1).amin(1)
