"""Scores from nearest neighbours in feature space: distance (kNN) and local intrinsic dimension (LID)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sparring.detect.scores.contract import Fitted
from sparring.detect.view import Shown, View
from sparring.errors import DataError

__all__ = ["Dimension", "Neighbours"]


@dataclass(frozen=True)
class Neighbours:
    """Distance to the k-th nearest clean features of the predicted class, all brought to length one.

    Sun, Ming, Zhu & Li 2022 (https://arxiv.org/abs/2204.06507); that neighbours must agree with the prediction is the
    idea of deep k-nearest neighbours (Papernot & McDaniel 2018, https://arxiv.org/abs/1803.04765). Cost: a distance to
    each reference sample.

    Args:
        count: k.
    """

    count: int = 3

    def fit(self, view: View, shown: Shown, labels: Tensor) -> Fitted:
        sizes = labels.bincount(minlength=shown.logits.shape[1])
        few = (sizes[sizes > 0] < self.count).nonzero()
        if len(few):
            raise DataError(
                f"the distance to neighbour {self.count} of a class needs {self.count} clean samples of each, "
                f"but one has {int(sizes[sizes > 0].min())}; give more reference samples"
            )
        return {"features": _unit(shown.features), "labels": labels.clone()}

    def score(self, view: View, shown: Shown, fitted: Fitted) -> Tensor:
        apart = _distances(_unit(shown.features), fitted["features"])
        predicted = shown.logits.argmax(1)
        others = predicted[:, None] != fitted["labels"]
        # a class that was never seen is as far as points of length one can be
        return apart.masked_fill(others, 2.0).topk(self.count, dim=1, largest=False).values[:, -1]


@dataclass(frozen=True)
class Dimension:
    r"""Local intrinsic dimension around the input, from its distances $r_1 \le ... \le r_k$ to clean features.

        LID = - 1 / mean_i log(r_i / r_k)

    Ma et al. 2018 (https://arxiv.org/abs/1801.02613). Deviations: one layer, and neighbours from all reference samples
    instead of a batch. Cost: a distance to each reference sample.

    Args:
        count: k.
    """

    count: int = 20

    def fit(self, view: View, shown: Shown, labels: Tensor) -> Fitted:
        if len(shown) <= self.count:
            raise DataError(
                f"a dimension from {self.count} neighbours needs more than {self.count} clean samples, but there are "
                f"{len(shown)}; give more reference samples"
            )
        return {"features": shown.features.float()}

    def score(self, view: View, shown: Shown, fitted: Fitted) -> Tensor:
        apart = _distances(shown.features.float(), fitted["features"])
        near = apart.topk(self.count, dim=1, largest=False).values.clamp_min(1e-6)
        return -1 / (near / near[:, -1:]).log().mean(1).clamp(max=-1e-6)


def _unit(features: Tensor) -> Tensor:
    return torch.nn.functional.normalize(features.float(), dim=1)


def _distances(points: Tensor, others: Tensor) -> Tensor:
    """Euclidean, `(N, M)`; by differences, for products lose half of the digits."""
    return torch.cdist(points, others, compute_mode="donot_use_mm_for_euclid_dist")
