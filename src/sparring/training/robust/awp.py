"""AWP (Wu, Xia & Wang 2020, https://arxiv.org/abs/2004.05884): learn what holds for neighbouring weights too."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.func import functional_call

from sparring.training.minibatch import Minibatch
from sparring.training.robust.adversarial import Adversarial, RobustLoss

__all__ = ["WeightPerturbed", "with_awp"]


@dataclass(frozen=True)
class WeightPerturbed:
    """A loss at weights that were moved against it first; the points were found at the weights as they are.

    Each weight tensor w of two or more axes moves by `size * |w|` along its gradient; the gradient that is learned from
    is taken there and applied where the weights were. Deviation: the authors take the direction from a step of SGD on
    a proxy net, which is the same direction, and skip the first epochs. Cost: that of the loss, twice.

    Args:
        loss: What is learned.
        size: How far a tensor moves, in parts of its own length.
    """

    loss: RobustLoss
    size: float = 0.005

    def __call__(self, model: nn.Module, minibatch: Minibatch, adversarial: Tensor) -> Tensor:
        weights = {
            name: each for name, each in model.named_parameters() if each.requires_grad and each.ndim > 1
        }
        buffers = {name: each.clone() for name, each in model.named_buffers()}
        probe = _Moved(model, buffers)
        mean = self.loss(probe, minibatch, adversarial).mean()
        gradients = torch.autograd.grad(mean, list(weights.values()), materialize_grads=True)
        pairs = zip(weights.items(), gradients, strict=True)
        moved = {name: each + self._shift(each.detach(), gradient) for (name, each), gradient in pairs}
        return self.loss(_Moved(model, moved), minibatch, adversarial)

    def _shift(self, weight: Tensor, gradient: Tensor) -> Tensor:
        """Along the gradient, a part of the weight's length."""
        return self.size * weight.norm() * gradient / (gradient.norm() + 1e-12)


class _Moved(nn.Module):
    """A model with some of its tensors exchanged."""

    def __init__(self, model: nn.Module, tensors: dict[str, Tensor]) -> None:
        super().__init__()
        self.training = model.training
        # in tuples, so that they are no parts of this module
        self.held = (model, tensors)

    def forward(self, inputs: Tensor) -> Tensor:
        model, tensors = self.held
        return functional_call(model, tensors, (inputs,))


def with_awp(objective: Adversarial, size: float = 0.005) -> Adversarial:
    """The objective, learned at weights that were moved against it."""
    return replace(objective, loss=WeightPerturbed(objective.loss, size))
