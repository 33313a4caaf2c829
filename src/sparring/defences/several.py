"""Several looks at one input: the mean over a set of edits, or over noise."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from sparring.errors import UsageError

__all__ = ["NoiseVote", "ViewVote"]


class ViewVote(nn.Module):
    """The mean of the model's probabilities over several views of the input, as their logarithm `(B, C)`.

    With `[Identity(), BitDepth(4), MedianFilter(3)]` these are the views of feature squeezing (Xu, Evans & Qi 2018,
    https://arxiv.org/abs/1704.01155), used to classify; `sparring.detect` has what it is known for, the distance
    between them. Cost: as many passes as views.

    Args:
        model: From inputs to logits.
        views: Modules from inputs to inputs.
    """

    way = "climbs all views together"

    def __init__(self, model: nn.Module, views: Iterable[nn.Module]) -> None:
        super().__init__()
        self.model, self.views = model, nn.ModuleList(views)
        if not len(self.views):
            raise UsageError("a vote over views needs at least one view")

    def forward(self, inputs: Tensor) -> Tensor:
        return _mean([self.model(view(inputs)) for view in self.views])


class NoiseVote(nn.Module):
    """Randomised smoothing: the mean of the model's probabilities under normal noise, as their logarithm `(B, C)`.

    Lecuyer et al. 2019 (https://arxiv.org/abs/1802.03471), Cohen et al. 2019 (https://arxiv.org/abs/1902.02918).
    Deviation: Cohen et al. count votes, which has no gradient; the mean of probabilities does. It certifies nothing.
    Cost: `draws` passes.

    Args:
        model: From inputs to logits.
        sigma: Width of the noise, in units of the data.
        draws: How many noisy copies of each input are classified.
    """

    way = "climbs the mean of several draws"

    def __init__(self, model: nn.Module, sigma: float, draws: int = 8) -> None:
        super().__init__()
        if not sigma > 0 or draws < 1:
            raise UsageError(f"sigma must be positive and draws at least 1, but are {sigma} and {draws}")
        self.model, self.sigma, self.draws = model, sigma, draws

    def forward(self, inputs: Tensor) -> Tensor:
        return _mean([self.model(inputs + self.sigma * torch.randn_like(inputs)) for _ in range(self.draws)])


def _mean(logits: list[Tensor]) -> Tensor:
    """Logarithm of the mean of the probabilities."""
    chances = torch.stack([each.log_softmax(-1) for each in logits])
    return chances.logsumexp(0) - math.log(len(logits))
