"""What comes out of a training, and where it stands meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from sparring.training.state import Epoch

__all__ = ["Fitted", "Progress"]


@dataclass(frozen=True)
class Fitted:
    """A trained model, and how it came about.

    Args:
        model: In evaluation mode; after the best epoch if there were held-out samples, else after the last.
        curve: The model before training, then an entry per epoch.
        best: Which entry of the curve `model` is from.
        losses: Of each sample in each epoch, as it was when the model learned from it, `(epochs, N)`; NaN where the
            training ended before.
        remedied: From which epoch on `Recipe.remedy` was the objective; None if it never was.
        reason: What went wrong, if something did; running out of patience is not wrong.
    """

    model: nn.Module
    curve: tuple[Epoch, ...]
    best: int
    losses: Tensor
    remedied: int | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Progress:
    """Where a training stands.

    Args:
        step: Updates made.
        steps: Of how many.
        loss: Of the last update; NaN before the first.
        seconds: Spent on updates.
        curve: So far.
    """

    step: int
    steps: int
    loss: float
    seconds: float
    curve: tuple[Epoch, ...]
