"""How many epochs: those that fit into a given time, or enough to learn something. Decided before the training."""

from __future__ import annotations

import math
import time
from dataclasses import replace

from torch import nn

from sparring.data import Samples
from sparring.errors import UsageError
from sparring.training import Recipe, Setup, fit
from sparring.training.processes import team

__all__ = ["enough_epochs", "epochs_within"]

UPDATES = 3
"""That a measurement of the pace takes."""

ENOUGH = 1000
"""Updates without which small nets learned hardly anything against an attacker."""


def enough_epochs(samples: int, minibatch: int) -> int:
    """Ten epochs, or more where there are so few samples that ten make less than a thousand updates."""
    return max(10, math.ceil(ENOUGH / math.ceil(samples / minibatch)))


def epochs_within(
    minutes: float, model: nn.Module, samples: Samples, recipe: Recipe, validation: Samples, setup: Setup
) -> int:
    """The epochs of `recipe` that fit into some minutes, measured on a few updates of a copy.

    Raises:
        UsageError: Not even one fits.
    """
    few = samples.limit(UPDATES * recipe.minibatch)
    trial = replace(recipe, epochs=1)
    fit(model, few, trial, setup=setup)  # the first updates are slower
    fitted = fit(model, few, trial, setup=setup)
    began = time.perf_counter()
    recipe.measure(fitted.model, validation)
    measuring = time.perf_counter() - began
    seconds = fitted.curve[-1].seconds * len(samples) / len(few) + measuring
    epochs = team().agreed(int((60 * minutes - measuring) / seconds))
    if epochs < 1:
        raise UsageError(
            f"one epoch takes about {seconds / 60:.1f} minutes here, more than the {minutes:g} there are; "
            "give more minutes, fewer samples, or an objective with fewer steps"
        )
    return epochs
