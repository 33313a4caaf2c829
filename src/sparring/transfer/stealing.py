"""A surrogate for a model that only answers: ask it about inputs, and train a net on the answers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from sparring.data import Samples, load_data
from sparring.draws import Draws, row_keys
from sparring.errors import UsageError
from sparring.models import Model, load_model
from sparring.training import Recipe, fit
from sparring.transfer.table import answers

__all__ = ["Stolen", "steal"]


@dataclass(frozen=True)
class Stolen:
    """A surrogate that was made of answers.

    Args:
        model: The surrogate.
        queries: What it cost.
        agreement: Share of the last asked inputs on which the surrogate had said the same before it learned them.
    """

    model: Model
    queries: int
    agreement: float


def steal(
    target: Model,
    samples: Samples,
    queries: int,
    untrained: nn.Module,
    recipe: Recipe | None = None,
    *,
    rounds: int = 4,
    step_size: float = 0.1,
    seed: int = 0,
    batch: int = 64,
) -> Stolen:
    """Train a model on what a target answers, labels alone, and on points where the two may differ.

    The first queries are the samples themselves, without their labels; each later round asks about points one step
    from those asked before, along the sign of the surrogate's own gradient for the answer that was given (Papernot et
    al. 2017, https://arxiv.org/abs/1602.02697), and trains from the start on all answers. Deviation: the rounds share a
    budget, and steps come from points drawn at random among all that were asked.

    Args:
        target: Asked `queries` times exactly, each point once.
        samples: Inputs of the kind that the target knows; their labels are not looked at.
        queries: The budget.
        untrained: Trained copies of it are the surrogate.
        recipe: Of each training; a short plain one without.
        rounds: How often points are made and answers learned.
        step_size: Length of the step, as a share of the range of the data.
        seed: Of all draws.
        batch: Most points shown at once.

    Raises:
        UsageError: The budget is too small to learn from.
        DataError: The target gives all samples one class.
    """
    recipe = recipe or Recipe()
    least = 4 * rounds
    if queries < least:
        raise UsageError(
            f"{queries} queries are too few to steal a model in {rounds} rounds; give at least {least}"
        )
    shares = _shares(queries, len(samples), rounds)
    asked, said = samples.inputs[: shares[0]], _labels(target, samples.inputs[: shares[0]], batch)
    stolen, agreement = load_model(untrained), 0.0
    for turn, share in enumerate(shares):
        if turn:
            fresh = _beside(stolen, asked, said, samples, share, step_size, (seed, turn))
            new = _labels(target, fresh, batch)
            agreement = float((_labels(stolen, fresh, batch) == new).float().mean())
            asked, said = torch.cat([asked, fresh]), torch.cat([said, new])
        known = load_data((asked, said), domain=samples.domain)
        few = replace(recipe, minibatch=min(recipe.minibatch, len(known)))
        stolen = load_model(fit(untrained, known, few, seed=seed).model.eval())
    return Stolen(stolen.having(name=f"stolen-{target.name}"), len(asked), agreement)


def _shares(queries: int, samples: int, rounds: int) -> list[int]:
    """Queries of each round: as many samples as a round may ask about, or all there are; the rest in equal parts."""
    first = min(samples, max(queries // rounds, queries - queries // 2))
    rest = [
        (queries - first) // (rounds - 1) + (turn < (queries - first) % (rounds - 1))
        for turn in range(rounds - 1)
    ]
    return [first, *(each for each in rest if each)]


def _beside(
    surrogate: Model,
    asked: Tensor,
    said: Tensor,
    samples: Samples,
    count: int,
    step_size: float,
    words: tuple[int, int],
) -> Tensor:
    """New points `(count, *shape)` across from some that were asked, inside the range of the data."""
    draws = Draws(row_keys(words[0], ["steal"], *words))
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
