"""How many epochs fit into a given time; decided before the training, which then does not depend on the clock."""

from __future__ import annotations

import time
from dataclasses import replace

from torch import nn

from sparring.data import Samples
from sparring.errors import UsageError
from sparring.training import Recipe, Setup, fit
from sparring.training.processes import team

__all__ = ["epochs_within"]

UPDATES = 3


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
