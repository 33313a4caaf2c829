"""Fine-pruning (Liu, Dolan-Gavitt & Garg 2018, https://arxiv.org/abs/1805.12185)."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn

from sparring.data import Samples
from sparring.errors import ModelError
from sparring.poison.evidence import last_linear
from sparring.training import Adam, Recipe, fit

__all__ = ["fine_prune"]

PRUNED = 0.7
TUNING = Recipe(epochs=20, minibatch=32, optimiser=Adam(learning_rate=5e-4))


def fine_prune(model: nn.Module, trusted: Samples, pruned: float = PRUNED, seed: int = 0) -> nn.Module:
    """Switch off what sleeps on trusted samples, then train on these for a while.

    The inputs of the last linear layer that are the smallest on average on trusted samples are cut; a neuron that only
    a trigger wakes is among them. Deviates from the paper in that the share that is cut is fixed, not what clean
    accuracy allows.

    Args:
        model: A victim; left as it is.
        trusted: Clean samples.
        pruned: Share of neurons to cut.
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
    seen: list[Tensor] = []
    hook = layer.register_forward_pre_hook(lambda _, given: seen.append(given[0].flatten(1)))
    with torch.no_grad():
        repaired(trusted.inputs)
    hook.remove()
    awake = torch.cat(seen).abs().mean(0)
    asleep = awake.argsort()[: int(pruned * len(awake))]
    with torch.no_grad():
        layer.weight[:, asleep] = 0
    return fit(repaired.requires_grad_(True), trusted, TUNING, seed=seed).model
