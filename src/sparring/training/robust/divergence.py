"""TRADES (Zhang et al. 2019, https://arxiv.org/abs/1901.08573): right on the clean input, and the same around it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from sparring.attacks import PGD
from sparring.engine import Task
from sparring.models.canonical import show
from sparring.threat import Threat
from sparring.training.minibatch import Minibatch
from sparring.training.robust.adversarial import Adversarial
from sparring.training.robust.inner import Inner

__all__ = ["Trades", "divergence", "trades"]

NOISE = 0.001
"""How far from the clean input, where the divergence has no slope, the search begins: as the authors do."""


@dataclass(frozen=True)
class Trades:
    """Cross-entropy of the clean input, plus `weight` times the divergence from its answer to the adversarial one.

        CE(f(x), y) + weight * KL(f(x) || f(x'))

    In float32, by logarithms of probabilities on both sides: the authors' code takes `log` of a softmax that may
    underflow, from which issue 30 of their repository has its NaN. Cost: 2 forwards, 2 backwards per sample.
    """

    weight: float = 6.0

    def __call__(self, model: nn.Module, minibatch: Minibatch, adversarial: Tensor) -> Tensor:
        clean = model(minibatch.inputs).float()
        own = cross_entropy(clean, minibatch.labels, reduction="none")
        return own + self.weight * divergence(clean, model(adversarial).float())


def divergence(clean: Tensor, other: Tensor) -> Tensor:
    """KL(clean || other) of the distributions that scores `(..., C)` stand for, `(...)`."""
    sure, less = clean.log_softmax(-1), other.log_softmax(-1)
    return (sure.exp() * (sure - less)).sum(-1)


def from_clean(task: Task, state: Any, outputs: Any) -> Tensor:
    """The divergence from the clean answer, for attacks to climb, `(B, P, 1)`."""
    return divergence(task.clean[:, None], task.goal.scores(outputs).float())[..., None]


def beside_clean(model: nn.Module, task: Task) -> Task:
    """The task with the clean answers, and a start beside the clean inputs. Cost: 1 forward per sample."""
    with torch.no_grad():
        clean = show(model, task.inputs).float()
    noise = NOISE * task.draws.normal(task.inputs)
    return replace(task, clean=clean, begin=task.threat.project(task.inputs + noise, task.inputs))


def trades(threat: Threat, weight: float = 6.0, steps: int = 10, warm_up: float = 0.0) -> Adversarial:
    """TRADES as an objective. Cost per sample and update: `steps + 3` forwards, `steps + 2` backwards.

    Deviation: steps are 2.5 eps / steps long, which is the authors' 0.007 to within 12% at 8/255 and ten steps.
    """
    attack = PGD(steps=steps, loss=from_clean)
    return Adversarial(Inner(threat, attack, beside_clean, warm_up), Trades(weight))
