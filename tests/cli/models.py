"""Models that misbehave, named by tests as code.py:factory."""

import torch
from torch import Tensor, nn


def linear() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 4))


class Wrapped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = linear()
        self.calls = 0

    def forward(self, inputs: Tensor) -> Tensor:
        self.calls += 1
        return self.answer(inputs)


def softmax() -> nn.Module:
    return nn.Sequential(linear(), nn.Softmax(1))


class Noisy(Wrapped):
    def answer(self, inputs: Tensor) -> Tensor:
        return self.inner(inputs) + 0.01 * torch.randn(len(inputs), 4)


class TrainOnly(Wrapped):
    def answer(self, inputs: Tensor) -> Tensor:
        if not self.training:
            raise RuntimeError("this model knows training mode only")
        return self.inner(inputs)


class NaN(Wrapped):
    def answer(self, inputs: Tensor) -> Tensor:
        return self.inner(inputs) * torch.nan


class NaNGradient(Wrapped):
    def answer(self, inputs: Tensor) -> Tensor:
        return self.inner(inputs) + 0 * (inputs.flatten(1)[:, :4] * 0).sqrt()


class Fails(Wrapped):
    def answer(self, inputs: Tensor) -> Tensor:
        raise ValueError("out of\nluck")


class FailsLate(Wrapped):
    def answer(self, inputs: Tensor) -> Tensor:
        if self.calls > 20:
            raise ZeroDivisionError("late")
        return self.inner(inputs)


class SmallMemory(Wrapped):
    def answer(self, inputs: Tensor) -> Tensor:
        if len(inputs) > 8:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes")
        return self.inner(inputs)


class Interrupted(Wrapped):
    def answer(self, inputs: Tensor) -> Tensor:
        if self.calls == 20:
            raise KeyboardInterrupt
        return self.inner(inputs)
