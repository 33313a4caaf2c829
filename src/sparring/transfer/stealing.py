"""A surrogate for a model that only answers: ask it about inputs, and train a net on the answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import ceil

import torch
from torch import Tensor, nn

from sparring.data import Samples, load_data
from sparring.draws import Draws, row_keys
from sparring.errors import UsageError
from sparring.models import Model, load_model
from sparring.threat import Threat
from sparring.training import Adam, Progress, Recipe, Shifted, fit, n_fgsm
from sparring.transfer.table import answers

__all__ = ["steal"]

LEAST = 16
"""Fewer answers than this teach nothing."""

UPDATES = 950
"""Of a training, at least: a few hundred answers are seen some sixty times."""


def steal(
    target: Model,
    samples: Samples,
    queries: int,
    untrained: nn.Module,
    threat: Threat,
    recipe: Recipe | None = None,
    *,
    step_size: float = 0.1,
    seed: int = 0,
    batch: int = 64,
    progress: Callable[[Progress], None] | None = None,
) -> Model:
    """Train a model on what a target answers, labels alone.

    The target is asked about the samples. Queries that are left then go to points one step from these, along the sign
    of the surrogate's own gradient for the answer that was given (Papernot et al. 2017,
    https://arxiv.org/abs/1602.02697), and a second training starts afresh on all answers. Deviations: one round of
    steps, from points drawn at random; and the surrogate learns to withstand small changes, because examples made on
    such a net transfer better (as in `toughened`).

    Args:
        target: Asked `queries` times exactly, each point once.
        samples: Inputs of the kind that the target knows; their labels are not looked at.
        queries: The budget.
        untrained: Trained copies of it are the surrogate.
        threat: What the surrogate learns to withstand; a quarter of the attack's size is a good start.
        recipe: Of each training, but its objective; without, images are moved about, and few answers seen often.
        step_size: Length of the step, as a share of the range of the data.
        seed: Of all draws.
        batch: Most points shown at once.
        progress: Told of the training after every update.

    Raises:
        UsageError: The budget is too small to learn from.
        DataError: The target gives all samples one class.
    """
    if queries < LEAST:
        raise UsageError(f"{queries} queries are too few to steal a model; give at least {LEAST}")

    def learned(asked: Tensor, said: Tensor) -> Model:
        known = load_data((asked, said), domain=samples.domain)
        how = replace(recipe or _often(known), objective=n_fgsm(threat, warm_up=0.3))
        how = replace(how, minibatch=min(how.minibatch, len(known)))
        return load_model(fit(untrained, known, how, seed=seed, progress=progress).model.eval())

    asked = samples.inputs[:queries]
    said = _labels(target, asked, batch)
    stolen, left = learned(asked, said), queries - len(asked)
    if left:
        fresh = _beside(stolen, asked, said, samples, left, step_size, seed)
        stolen = learned(torch.cat([asked, fresh]), torch.cat([said, _labels(target, fresh, batch)]))
    return stolen.having(name=f"stolen-{target.name}")


def _often(known: Samples) -> Recipe:
    """A recipe for few answers: each is seen often, and images never twice at the same place."""
    epochs = max(10, ceil(UPDATES / ceil(len(known) / 32)))
    moved = Shifted(min(known.domain.shape[1:]) // 10) if known.domain.is_image else None
    return Recipe(epochs=epochs, minibatch=32, optimiser=Adam(3e-3, 1e-3), augment=moved)


def _beside(
    surrogate: Model, asked: Tensor, said: Tensor, samples: Samples, count: int, step_size: float, seed: int
) -> Tensor:
    """New points `(count, *shape)` across from some that were asked, inside the range of the data."""
    draws = Draws(row_keys(seed, ["steal"]))
    chosen = (draws.uniform(asked.new_empty(1, count))[0] * len(asked)).long()
    points = asked[chosen].clone().requires_grad_()
    own = surrogate(points).gather(1, said[chosen][:, None]).sum()
    (gradient,) = torch.autograd.grad(own, points)
    low, high = (
        torch.as_tensor(each, dtype=points.dtype) for each in (samples.domain.low, samples.domain.high)
    )
    moved = points.detach() - step_size * (high - low) * gradient.sign()
    return torch.minimum(torch.maximum(moved, low), high)


def _labels(model: Model, inputs: Tensor, batch: int) -> Tensor:
    return answers(model, inputs, batch).argmax(1)
