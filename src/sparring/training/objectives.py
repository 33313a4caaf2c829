"""What training makes smaller: a loss per sample."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from sparring.training.minibatch import Minibatch

__all__ = ["Objective", "plain"]


class Objective(Protocol):
    """The loss of each sample, `(B,)`, with its graph; their mean is what becomes smaller.

    Attributes of the model are left as they were, gradients of its parameters included. Randomness comes from
    `minibatch.draws`, or from torch's global generator, which is seeded anew for every update.
    """

    def __call__(self, model: nn.Module, minibatch: Minibatch) -> Tensor: ...


def plain(model: nn.Module, minibatch: Minibatch) -> Tensor:
    """Cross-entropy of the samples as they are. Cost: 1 forward, 1 backward per sample."""
    return cross_entropy(model(minibatch.inputs).float(), minibatch.labels, reduction="none")
