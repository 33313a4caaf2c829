"""Small nets for samples of any usual shape, for those who bring none."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from sparring.data import Samples
from sparring.errors import DataError
from sparring.models.normalised import Normalised

__all__ = ["Residual", "small_net", "small_nets"]


def small_net(samples: Samples, seed: int = 0) -> nn.Sequential:
    """A net with fresh weights that fits the shape and the classes of `samples`; normalisation is inside.

    Images of one channel get two convolutions (166,000 weights at 28×28), other images a residual net
    (175,000 weights), tables three linear layers. The number of classes is that of the names, or else of the labels.

    Raises:
        DataError: Samples are neither images `(C, H, W)` nor rows of a table `(n,)`.
    """
    classes = len(samples.classes) if samples.classes else int(samples.labels.max()) + 1
    return _fresh(_kinds(samples, classes)[0], samples, seed)


def small_nets(samples: Samples, classes: int, seed: int = 0) -> list[nn.Sequential]:
    """One net of each kind that fits, that of `small_net` first: for images a residual net and plain convolutions.

    Args:
        samples: Of the shape and the range that the nets are for.
        classes: How many they tell apart.
        seed: Of the weights.

    Raises:
        DataError: As in `small_net`.
    """
    return [_fresh(kind, samples, seed) for kind in _kinds(samples, classes)]


def _fresh(kind: Callable[[], nn.Sequential], samples: Samples, seed: int) -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        body = kind()
    return nn.Sequential(_normalisation(samples), *body).eval()


def _kinds(samples: Samples, classes: int) -> list[Callable[[], nn.Sequential]]:
    shape = samples.domain.shape
    if len(shape) == 1:
        return [partial(_layers, shape[0], classes)]
    if len(shape) == 3:
        plain, residual = partial(_convolutions, shape, classes), partial(_residual, shape[0], classes)
        return [plain, residual] if shape[0] == 1 else [residual, plain]
    raise DataError(f"there is no small net for samples of shape {shape}; bring one as code.py:factory")


class Residual(nn.Module):
    """Two convolutions whose result is added to their input (He et al. 2015, https://arxiv.org/abs/1512.03385).

    Args:
        before: Channels of the input.
        after: Channels of the output.
        stride: 2 halves height and width.
    """

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(before, after, 3, stride, 1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.Conv2d(after, after, 3, 1, 1, bias=False),
            nn.BatchNorm2d(after),
        )
        self.short = (
            nn.Identity()
            if (before, stride) == (after, 1)
            else nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))
        )

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.relu(self.main(inputs) + self.short(inputs))


def _convolutions(shape: tuple[int, ...], classes: int) -> nn.Sequential:
    height, width = (side // 2 // 2 for side in shape[1:])
    return nn.Sequential(
        nn.Conv2d(shape[0], 16, 4, 2, 1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 4, 2, 1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * height * width, 100),
        nn.ReLU(),
        nn.Linear(100, classes),
    )


def _residual(channels: int, classes: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, 16, 3, 1, 1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        Residual(16, 16, 1),
        Residual(16, 32, 2),
        Residual(32, 64, 2),
        Residual(64, 64, 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, classes),
    )


def _layers(features: int, classes: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(features, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, classes)
    )


def _normalisation(samples: Samples) -> Normalised:
    """By the mean and spread of the samples, per channel or feature; what never varies is left at its scale."""
    each = samples.inputs.transpose(0, 1).flatten(1)
    spread = each.std(1, correction=0)
    return Normalised(each.mean(1).tolist(), torch.where(spread > 0, spread, 1.0).tolist())
