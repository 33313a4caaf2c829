"""Surrogates that are a little robust: their gradients follow what other models see, too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import cast

from torch import nn

from sparring.data import Samples
from sparring.errors import ModelError
from sparring.models import Model
from sparring.threat import Threat
from sparring.training import Adam, Progress, Recipe, fit
from sparring.training.robust.single_step import n_fgsm

__all__ = ["toughened"]

LIGHT = Recipe(epochs=4, minibatch=32, optimiser=Adam(1e-3))


def toughened(
    surrogate: Model,
    samples: Samples,
    threat: Threat,
    recipe: Recipe | None = None,
    *,
    seed: int = 0,
    progress: Callable[[Progress], None] | None = None,
) -> Model:
    """A copy of a surrogate after light adversarial training; examples made on it transfer better.

    Robust to changes far smaller than those of the attack, a net uses features that other nets use (Springer, Mitchell
    & Kenyon 2021, https://arxiv.org/abs/2106.02105). Deviation: instead of training from the start with PGD, the
    weights that are there are tuned by single steps (N-FGSM), for a few epochs.

    Args:
        surrogate: Weights in torch, left as they are.
        samples: With labels; of the kind that is attacked, but others.
        threat: What the surrogate learns to withstand; a quarter of the attack's size is a good start.
        recipe: Of the tuning, but its objective; four epochs without.
        seed: Of all draws.
        progress: Told of the training after every update.

    Raises:
        ModelError: The surrogate is no module of torch.
    """
    if not isinstance(surrogate.function, nn.Module) or not surrogate.gradients:
        raise ModelError(
            f"{surrogate.name} has no weights that can be tuned; a surrogate that is toughened must be a torch module"
        )
    recipe = replace(recipe or LIGHT, objective=n_fgsm(threat))
    recipe = replace(recipe, minibatch=min(recipe.minibatch, len(samples)))
    tuned = cast("Model", fit(surrogate, samples, recipe, seed=seed, progress=progress).model)
    return tuned.having(name=f"tough-{surrogate.name}")
