"""Unlearn by adversarial changes that many inputs share (I-BAU: Zeng et al. 2022, https://arxiv.org/abs/2110.03735)."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, kl_div

from sparring.data import Samples
from sparring.domain import Domain

__all__ = ["Unlearning", "i_bau"]


@dataclass(frozen=True)
class Unlearning:
    """Settings of `i_bau`.

    Args:
        rounds: Updates of the weights, each after a new search.
        changes: Searched at once, each shared by an equal part of the samples and with an aim of its own.
        length: Of a change in L2, as a share of the longest that the range of the data allows.
        steps: Of a search.
        learning_rate: Of Adam.
    """

    rounds: int = 80
    changes: int = 4
    length: float = 1 / 14
    steps: int = 10
    learning_rate: float = 1e-3


def i_bau(model: nn.Module, trusted: Samples, settings: Unlearning | None = None, seed: int = 0) -> nn.Module:
    """Look for changes that send many inputs to one class, as a trigger does, and teach the model to ignore them.

    Deviates from the paper in three points. The model is not held to the labels of the trusted samples but to what it
    said of them before, so a few dozen of them cost little accuracy (and none needs a label). Changes are aimed at
    classes that are drawn anew in every round. The gradient of the weights is taken at the change that was found,
    without the term of how the change depends on the weights.

    Cost per trusted sample: `rounds * (steps + 2)` forwards and backwards.

    Args:
        model: A victim; left as it is.
        trusted: Clean samples.
        settings: How much is searched and learned.
        seed: Of all draws.
    """
    settings, draws = settings or Unlearning(), torch.Generator().manual_seed(seed)
    learner = deepcopy(model).eval().requires_grad_(True)
    inputs = trusted.inputs.to(next(learner.parameters()).device)
    with torch.no_grad():
        said = learner(inputs).log_softmax(1)
    optimiser = torch.optim.Adam(learner.parameters(), settings.learning_rate)
    for _ in range(settings.rounds):
        changed = _triggered(learner, inputs, said.argmax(1), trusted.domain, settings, draws)
        optimiser.zero_grad()
        (_apart(learner(inputs), said) + _apart(learner(changed), said)).backward()
        optimiser.step()
    return learner.requires_grad_(False)


def _triggered(
    learner: nn.Module,
    inputs: Tensor,
    answers: Tensor,
    domain: Domain,
    settings: Unlearning,
    draws: torch.Generator,
) -> Tensor:
    """The inputs, each part of them with the one change that sends most of it to a class that is drawn: (B, *shape)."""
    low, high = torch.as_tensor(domain.low).to(inputs), torch.as_tensor(domain.high).to(inputs)
    length = settings.length * float((high - low).expand(domain.shape).norm())
    part = torch.arange(len(inputs), device=inputs.device) % settings.changes
    aims = torch.randint(learner(inputs[:1]).shape[1], (settings.changes,), generator=draws).to(part)[part]
    counted = aims != answers  # those that are there already have nothing to say
    changes = _within(torch.randn(settings.changes, *domain.shape, generator=draws).to(inputs), 0.1 * length)
    for _ in range(settings.steps):
        changes.requires_grad_(True)
        logits = learner((inputs + changes[part]).clamp(low, high))
        loss = cross_entropy(logits[counted], aims[counted], reduction="sum")
        [slope] = torch.autograd.grad(loss, changes)
        with torch.no_grad():
            moved = changes - 0.25 * length * slope / _lengths(slope).clamp_min(1e-12)
            changes = _within(moved, length)
    return (inputs + changes[part]).clamp(low, high)


def _within(changes: Tensor, length: float) -> Tensor:
    """Changes shortened to at most `length`."""
    return changes * (length / _lengths(changes).clamp_min(1e-12)).clamp_max(1)


def _lengths(changes: Tensor) -> Tensor:
    """The length of each change, shaped to be divided by."""
    return changes.flatten(1).norm(dim=1).reshape(-1, *[1] * (changes.ndim - 1))


def _apart(logits: Tensor, said: Tensor) -> Tensor:
    """How far answers are from what was said, in nats on the mean."""
    return kl_div(logits.log_softmax(1), said, log_target=True, reduction="batchmean")
