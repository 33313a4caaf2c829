"""The odds are odd (Roth, Kilcher & Hofmann 2019, https://arxiv.org/abs/1902.04818): how noise moves the logits."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sparring.detect.scores.contract import Fitted
from sparring.detect.view import Shown, View

__all__ = ["NoiseOdds"]


@dataclass(frozen=True)
class NoiseOdds:
    """How far noise moves the log-odds of other classes against the predicted one, beside what it does to clean inputs.

    With y the predicted class and z another, the mean over noise of the change of z - y, in standard deviations of that
    change for clean inputs of y; the largest over z. Deviation: the noise is drawn once and kept, so that a score is
    the same each time; who knows the detector knows it. Cost: `draws` more forwards.

    Args:
        sigma: Width of the noise, in units of the data.
        draws: How many.
        seed: Of the noise.
    """

    sigma: float = 0.1
    draws: int = 8
    seed: int = 0

    def fit(self, view: View, shown: Shown, labels: Tensor) -> Fitted:
        draws = torch.Generator().manual_seed(self.seed)
        noise = self.sigma * torch.randn(self.draws, *shown.inputs.shape[1:], generator=draws)
        noise = noise.to(shown.inputs)
        with torch.no_grad():
            parts = shown.inputs.split(view.batch)
            moved = torch.cat([_moved(view, view(part), noise) for part in parts])
        predicted, classes = shown.logits.argmax(1), shown.logits.shape[1]
        mean, spread = torch.zeros(classes, classes), torch.ones(classes, classes)
        for each in predicted.unique():
            mine = moved[predicted == each]
            mean[each] = mine.mean(0)
            spread[each] = mine.std(0) if len(mine) > 1 else moved.std(0)
        return {"noise": noise, "mean": mean.to(noise), "spread": spread.to(noise).clamp_min(1e-3)}

    def score(self, view: View, shown: Shown, fitted: Fitted) -> Tensor:
        predicted = shown.logits.argmax(1)
        moved = _moved(view, shown, fitted["noise"])
        odd = (moved - fitted["mean"][predicted]) / fitted["spread"][predicted]
        return odd.scatter(1, predicted[:, None], -torch.inf).amax(1)


def _moved(view: View, shown: Shown, noise: Tensor) -> Tensor:
    """Mean change of each class's lead over the predicted one, `(N, C)`."""
    predicted = shown.logits.argmax(1, keepdim=True)
    noisy = torch.stack([view(shown.inputs + each).logits for each in noise]).mean(0)
    change = noisy - shown.logits
    return change - change.gather(1, predicted)
