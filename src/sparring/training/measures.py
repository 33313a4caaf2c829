"""How good a model is, measured on samples it does not learn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from sparring.data import Samples
from sparring.models.canonical import show

__all__ = ["Measure", "Measured", "clean_accuracy"]

BATCH = 256


@dataclass(frozen=True)
class Measured:
    """Shares of the held-out samples that are classified correctly.

    Args:
        clean: As they are.
        robust: After an attack; None if none was tried.
    """

    clean: float
    robust: float | None = None


class Measure(Protocol):
    """Measures a model, which is in evaluation mode, on held-out samples."""

    def __call__(self, model: nn.Module, samples: Samples) -> Measured: ...


def clean_accuracy(model: nn.Module, samples: Samples) -> Measured:
    """The share of the samples that is classified correctly. Cost: 1 forward per sample."""
    return Measured(float(correct(model, samples.inputs, samples.labels).float().mean()))


@torch.no_grad()
def correct(model: nn.Module, inputs: Tensor, labels: Tensor) -> Tensor:
    """Which samples are classified correctly, `(N,)`, on the CPU."""
    device = next(model.parameters()).device
    answers = [show(model, part.to(device)).argmax(1).cpu() for part in inputs.split(BATCH)]
    return torch.cat(answers) == labels.cpu()
