"""Adversarial training: find what the model gets wrong, learn from that.

An objective of two parts, so that every attack goes with every loss: PGD-AT is PGD with cross-entropy, N-FGSM a single
noisy step with cross-entropy, TRADES and MART bring losses of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from sparring.attacks import PGD
from sparring.engine import Attack
from sparring.threat import Threat
from sparring.training.minibatch import Minibatch
from sparring.training.robust.inner import Find, Inner

__all__ = ["Adversarial", "RobustLoss", "at_adversarial", "pgd_at"]


class RobustLoss(Protocol):
    """The loss of each sample, `(B,)`, given the points `adversarial` that were found for them."""

    def __call__(self, model: nn.Module, minibatch: Minibatch, adversarial: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class Adversarial:
    """An objective: the loss at what was found. Cost: that of both.

    Args:
        find: Finds points, such as `Inner(threat, attack)`.
        loss: What is learned from them.
    """

    find: Find
    loss: RobustLoss

    def __call__(self, model: nn.Module, minibatch: Minibatch) -> Tensor:
        return self.loss(model, minibatch, self.find(model, minibatch))


def at_adversarial(model: nn.Module, minibatch: Minibatch, adversarial: Tensor) -> Tensor:
    """Cross-entropy where the attack ended. Cost: 1 forward, 1 backward per sample."""
    return cross_entropy(model(adversarial).float(), minibatch.labels, reduction="none")


def pgd_at(threat: Threat, attack: Attack | None = None, warm_up: float = 0.0) -> Adversarial:
    """Adversarial training (Madry et al. 2018, https://arxiv.org/abs/1706.06083), with PGD-10 or any other attack.

    Cost per sample and update: `attack.steps + 1` forwards and backwards.
    """
    return Adversarial(Inner(threat, attack or PGD(steps=10), warm_up=warm_up), at_adversarial)
