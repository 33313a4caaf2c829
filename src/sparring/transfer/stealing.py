"""Surrogates for a model that only answers: ask it about inputs, and train nets on the answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    untrained: Sequence[nn.Module],
    threat: Threat,
    recipe: Recipe | None = None,
    *,
    step_size: float = 0.1,
    seed: int = 0,
    batch: int = 64,
    progress: Callable[[Progress], None] | None = None,
) -> list[Model]:
    """Train models on what a target answers, labels alone.

    The target is asked about samples drawn at random. If queries are left after all of them, these go to points one
    step away, along the sign of the first surrogate's own gradient for the answer that was given (Papernot et al. 2017,
    https://arxiv.org/abs/1602.02697), and training starts afresh on all answers. Deviations: one round of steps, from
    points drawn at random; several nets learn from the same answers; and they learn to withstand small changes,
    because examples made on such nets transfer better (as in `toughened`).

    Args:
        target: Asked `queries` times exactly, each point once.
        samples: Inputs of the kind that the target knows; their labels are not looked at.
        queries: The budget.
        untrained: Trained copies of these are the surrogates; more of them cost no more queries.
        threat: What the surrogates learn to withstand; a quarter of the attack's size is a good start.
        recipe: Of each training, but its objective; without, images are moved about, and few answers seen often.
        step_size: Length of the step, as a share of the range of the data.
        seed: Of all draws.
        batch: Most points shown at once.
        progress: Told of each training after every update.

    Raises:
        UsageError: The budget is too small to learn from.
        DataError: The target gives all samples one class.
    """
    if queries < LEAST:
        raise UsageError(f"{queries} queries are too few to steal a model; give at least {LEAST}")

    def learned(nets: Sequence[nn.Module], asked: Tensor, said: Tensor) -> list[Model]:
        known = load_data((asked, said), domain=samples.domain)
        how = replace(recipe or _often(known), objective=n_fgsm(threat, warm_up=0.3))
        how = replace(how, minibatch=min(how.minibatch, len(known)))
        fitted = [fit(net, known, how, seed=seed, progress=progress).model.eval() for net in nets]
        return [
            load_model(each).having(name=f"stolen-{target.name}-{place}")
            for place, each in enumerate(fitted, 1)
        ]

    draws = Draws(row_keys(seed, ["steal"]))
    luck = draws.uniform(samples.inputs.new_empty(1, len(samples)))[0]  # files are often sorted by class
    asked = samples.inputs[luck.argsort()[:queries]]
    said, left = _labels(target, asked, batch), queries - len(asked)
    if left:
        (scout,) = learned(untrained[:1], asked, said)
        fresh = _beside(scout, asked, said, samples, left, step_size, draws)
        asked, said = torch.cat([asked, fresh]), torch.cat([said, _labels(target, fresh, batch)])
    return learned(untrained, asked, said)


def _often(known: Samples) -> Recipe:
    """A recipe for few answers: each is seen often, and images never twice at the same place."""
    epochs = max(10, ceil(UPDATES / ceil(len(known) / 32)))
    moved = Shifted(min(known.domain.shape[1:]) // 10) if known.domain.is_image else None
    return Recipe(epochs=epochs, minibatch=32, optimiser=Adam(3e-3, 1e-3), augment=moved)


def _beside(
    surrogate: Model,
    asked: Tensor,
    said: Tensor,
    samples: Samples,
    count: int,
    step_size: float,
    draws: Draws,
) -> Tensor:
    """New points `(count, *shape)` across from some that were asked, inside the range of the data."""
    chosen = (draws.uniform(asked.new_empty(1, count), 1)[0] * len(asked)).long()
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
