"""Fine-pruning (Liu, Dolan-Gavitt & Garg 2018, https://arxiv.org/abs/1805.12185)."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import torch
from torch import Tensor, nn

from sparring.data import Samples
from sparring.errors import ModelError
from sparring.poison.evidence import evidence_of, last_linear
from sparring.training import Adam, Recipe, fit

__all__ = ["fine_prune"]

ALLOWED = 0.04
TUNING = Recipe(epochs=20, minibatch=32, optimiser=Adam(learning_rate=5e-4))


def fine_prune(model: nn.Module, trusted: Samples, allowed: float = ALLOWED, seed: int = 0) -> nn.Module:
    """Switch off what sleeps on trusted samples, then train on these for a while.

    Inputs of the last linear layer are cut, those that are the smallest on average on trusted samples first, as many as
    accuracy on these allows: a neuron that only a trigger wakes is among them. Deviates from the paper in the layer:
    there it is the last convolution.

    Args:
        model: A victim; left as it is.
        trusted: Clean samples.
        allowed: Accuracy on trusted samples that the cut may cost.
        seed: Of the training.

    Raises:
        ModelError: No linear layer is found.
    """
    repaired = deepcopy(model)
    layer = last_linear(repaired)
    if layer is None:
        raise ModelError(
            "fine-pruning needs a model with a linear layer, as a torch module; this one shows none"
        )
    features = evidence_of(repaired, trusted.inputs, trusted.labels).features
    with torch.no_grad():
        layer.weight[:, _asleep(features.to(layer.weight), layer, trusted.labels, allowed)] = 0
    tuning = replace(TUNING, minibatch=min(TUNING.minibatch, len(trusted)))
    return fit(repaired.requires_grad_(True), trusted, tuning, seed=seed).model


def _asleep(features: Tensor, layer: nn.Linear, labels: Tensor, allowed: float) -> Tensor:
    """The most neurons that can be cut, those least awake first."""
    order = features.abs().mean(0).argsort()
    kept = [_accuracy(features, layer, labels, order[:cut]) for cut in range(len(order) + 1)]
    return order[: max(cut for cut, accuracy in enumerate(kept) if accuracy >= kept[0] - allowed)]


def _accuracy(features: Tensor, layer: nn.Linear, labels: Tensor, cut: Tensor) -> float:
    """Of the layer without some of its inputs."""
    answers = layer(features.index_fill(1, cut.to(features.device), 0)).argmax(1)
    return float((answers.cpu() == labels).float().mean())
