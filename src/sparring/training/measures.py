"""How good a model is, measured on samples it does not learn from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor, nn

from sparring.attacks import PGD
from sparring.data import Samples
from sparring.draws import Draws, row_keys
from sparring.engine import Attack, Task, search
from sparring.models.canonical import show
from sparring.threat import Threat, Untargeted
from sparring.training.robust.inner import unlearning

__all__ = ["Measure", "Measured", "Under", "clean_accuracy", "correct"]

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


@dataclass(frozen=True)
class Under:
    """Clean accuracy, and what is left of it after an attack; the same draws every time, so that epochs compare.

    Only samples that are still right are attacked. Cost: 1 forward per sample, and that of the attack in those.

    Args:
        threat: Which changes are allowed.
        attack: PGD-20 without.
    """

    threat: Threat
    attack: Attack = field(default_factory=lambda: PGD(steps=20))

    def __call__(self, model: nn.Module, samples: Samples) -> Measured:
        device = next(model.parameters()).device
        right = correct(model, samples.inputs, samples.labels)
        left = samples.select(right.nonzero()[:, 0])
        inputs, labels = left.inputs.to(device), left.labels.to(device)
        draws = Draws(row_keys(0, left.ids, "measure").to(device))
        task = Task(inputs, Untargeted(labels), self.threat.bind(inputs, samples.domain), draws)
        with unlearning(model):
            broken = search(model, task, self.attack, batch=BATCH).success
        return Measured(len(left) / len(samples), int((~broken).sum()) / len(samples))


@torch.no_grad()
def correct(model: nn.Module, inputs: Tensor, labels: Tensor) -> Tensor:
    """Which samples are classified correctly, `(N,)`, on the CPU."""
    device = next(model.parameters()).device
    answers = [show(model, part.to(device)).argmax(1).cpu() for part in inputs.split(BATCH)]
    return torch.cat(answers) == labels.cpu()
