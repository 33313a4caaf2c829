"""Passes through a model: what they cost when nothing is around them, and how many an attack makes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Counting", "Prices", "best_batch", "cpu_seconds", "prices"]

BATCHES = (16, 32, 64, 128, 256)


@dataclass(frozen=True)
class Prices:
    """CPU seconds per sample: of a forward alone, and of a forward with the gradient of the inputs."""

    forward: float
    gradient: float


class Counting(nn.Module):
    """A model that counts the samples that pass through it, forwards and backwards."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.forwards = self.backwards = 0
        self.training = False  # not eval(): programs from torch.export refuse it

    def forward(self, points: Tensor) -> Tensor:
        self.forwards += len(points)
        if points.requires_grad:
            points.register_hook(self._backward)
        return self.model(points)

    def _backward(self, gradient: Tensor) -> None:
        self.backwards += len(gradient)


def cpu_seconds(work: Callable[[], Any]) -> float:
    """CPU time that the process spends on `work`, all its threads together."""
    before = time.process_time()
    work()
    return time.process_time() - before


def prices(model: nn.Module, inputs: Tensor, batch: int, repeats: int = 5) -> Prices:
    """What the two kinds of passes cost per sample, over `repeats` times all inputs."""

    def forward() -> None:
        with torch.inference_mode():
            for part in inputs.split(batch):
                model(part)

    def gradient() -> None:
        for part in inputs.split(batch):
            points = part.detach().requires_grad_()
            torch.autograd.grad(model(points).sum(), points)

    pairs = [(cpu_seconds(forward), cpu_seconds(gradient)) for _ in range(repeats)]
    return Prices(*(sum(each) / repeats / len(inputs) for each in zip(*pairs, strict=True)))


def best_batch(model: nn.Module, inputs: Tensor) -> int:
    """The batch whose bare gradients are cheapest per sample."""
    rounds = [{batch: prices(model, inputs, batch, 1).gradient for batch in BATCHES} for _ in range(9)]
    cost = {batch: median(each[batch] for each in rounds[1:]) for batch in BATCHES}
    print("Bare gradient, ms per sample:", *(f"{1e3 * cost[batch]:.3f} (batch {batch})" for batch in BATCHES))
    return min(cost, key=cost.__getitem__)
