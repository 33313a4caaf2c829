"""How weights move: optimisers by their settings, and learning rates over time."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import nn
from torch.optim import Optimizer

__all__ = ["SGD", "Adam", "Optimiser", "Schedule", "constant", "cosine", "one_cycle"]


class Optimiser(Protocol):
    """Settings that make an optimiser of torch; `learning_rate` is the highest one."""

    @property
    def learning_rate(self) -> float: ...

    def __call__(self, parameters: Iterable[nn.Parameter]) -> Optimizer: ...


@dataclass(frozen=True)
class SGD:
    """Steepest descent with Nesterov's momentum, the usual choice for residual nets."""

    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4

    def __call__(self, parameters: Iterable[nn.Parameter]) -> Optimizer:
        return torch.optim.SGD(
            parameters,
            self.learning_rate,
            self.momentum,
            weight_decay=self.weight_decay,
            nesterov=self.momentum > 0,
        )


@dataclass(frozen=True)
class Adam:
    """AdamW (Loshchilov & Hutter 2017, https://arxiv.org/abs/1711.05101); without decay it is Adam."""

    learning_rate: float = 1e-3
    weight_decay: float = 0.0

    def __call__(self, parameters: Iterable[nn.Parameter]) -> Optimizer:
        return torch.optim.AdamW(parameters, self.learning_rate, weight_decay=self.weight_decay)


class Schedule(Protocol):
    """What the rate is multiplied by once a share `done` of the training is over, both from 0 to 1."""

    def __call__(self, done: float) -> float: ...


def constant(done: float) -> float:
    """The same rate throughout."""
    return 1.0


def cosine(done: float) -> float:
    """From the full rate down to nothing along half a cosine; for nets that are trained already."""
    return 0.5 + 0.5 * math.cos(math.pi * done)


def one_cycle(done: float) -> float:
    """Up from a twentieth over the first third, then down to nothing (Smith 2018, https://arxiv.org/abs/1803.09820)."""
    return 0.05 + 0.95 * done * 3 if done < 1 / 3 else cosine(1.5 * done - 0.5)
