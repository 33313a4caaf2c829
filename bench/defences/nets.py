"""The small nets that the defences stand in front of or live in; `train.py` trained them.

All map images in [0, 1] to logits. Those for MNIST differ in nothing but what lies between their layers.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

__all__ = ["LEVELS", "WEIGHTS", "WinnersTakeAll", "cifar", "digits", "loaded", "steep", "thermometer"]

WEIGHTS = Path(__file__).parent / "weights"

LEVELS = 16
"""Thresholds of the thermometer code, evenly spaced."""


class WinnersTakeAll(nn.Module):
    """Keep the largest `share` of all activations of a sample, and set the rest to 0 (Xiao et al. 2020).

    https://arxiv.org/abs/1905.10510. The kept set jumps as the input moves, so gradients say little about the
    function a small step away.
    """

    def __init__(self, share: float = 0.1) -> None:
        super().__init__()
        self.share = share

    def forward(self, activations: Tensor) -> Tensor:
        flat = activations.flatten(1)
        least = flat.topk(max(1, int(self.share * flat.shape[1])), dim=1).values[:, -1:]
        return (flat * (flat >= least)).view_as(activations)


class Steep(nn.Module):
    """Linear around 0 and flat beyond, so steep that almost every activation is saturated (Nayebi & Ganguli 2017).

    https://arxiv.org/abs/1703.09202. Gradients are almost always 0. The slope is a buffer: training raises it.
    """

    slope: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("slope", torch.tensor(1.0))

    def forward(self, activations: Tensor) -> Tensor:
        return (self.slope * activations).clamp(-1, 1)


def digits(activation: Callable[[], nn.Module] = nn.ReLU, channels: int = 1) -> nn.Sequential:
    """For MNIST: 24,000 parameters, with an activation of choice after each convolution."""
    return nn.Sequential(
        nn.Conv2d(channels, 16, kernel_size=4, stride=2, padding=1),
        activation(),
        nn.Conv2d(16, 32, kernel_size=4, stride=2, padding=1),
        activation(),
        nn.Flatten(),
        nn.Linear(32 * 7 * 7, 10),
    )


def steep() -> nn.Sequential:
    """For MNIST, with steep activations."""
    return digits(Steep)


def thermometer() -> nn.Sequential:
    """For MNIST in thermometer code, `(B, LEVELS, 28, 28)`."""
    return digits(channels=LEVELS)


def cifar() -> nn.Sequential:
    """For CIFAR-10: 130,000 parameters, no batch-norm."""
    return nn.Sequential(
        nn.Conv2d(3, 32, kernel_size=4, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(32, 64, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.Conv2d(64, 64, kernel_size=4, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(64, 64, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(64 * 4 * 4, 10),
    )


def loaded(name: str, net: nn.Module) -> nn.Module:
    """The net with the weights `name`; they are stored in half precision."""
    stored = load_file(WEIGHTS / f"{name}.safetensors")
    net.load_state_dict({key: values.float() for key, values in stored.items()})
    return net.eval()
